"""Each check stops what it must and passes what it must; real digits, planted defects.

The digits are as many as the ``quick`` preset uses: 4,000, 500 and 1,000.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.checkout import PROJECT_ROOT
from components.checks import Check, GateError
from components.data.counts import DataStatistics, total
from components.data.rules import (
    anomaly_checks,
    previous_drift_checks,
    size_checks,
    statistics_checks,
)
from components.data.scan import count, digest, find_repeated
from components.examples import read_examples
from components.features import SPLITS
from components.gate_settings import DataGateSettings
from components.image_spec import MNIST

SIZES = {"train": 4000, "val": 500, "test": 1000}
SETTINGS = DataGateSettings()
# check, split or splits
Key = tuple[str, str]
Splits = dict[str, tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def bundled() -> Splits:
    """The first records of each bundled split, uint8 [n, 784] and int64 [n]."""
    data = PROJECT_ROOT / "data" / "mnist"
    splits = {}
    for split, size in SIZES.items():
        first = min((data / split).glob("*.tfrecord.gz"))
        images, labels = read_examples(MNIST, [str(first)], limit=size)
        splits[split] = images.astype(np.uint8), labels.reshape(-1)
    return splits


@pytest.fixture
def digits(bundled: Splits) -> Splits:
    """A copy to plant defects in."""
    return {name: (x.copy(), y.copy()) for name, (x, y) in bundled.items()}


def statistics(splits: Splits) -> DataStatistics:
    """What the pass over these examples would count."""
    counts = {
        name: count(images.astype(np.int64), labels, 0, 10)
        for name, (images, labels) in splits.items()
    }
    digests = [
        digest(images, labels, name) for name, (images, labels) in splits.items()
    ]
    return total([DataStatistics(counts), find_repeated(digests)])


def failed(checks: list[Check]) -> dict[Key, Check]:
    return {(check.name, check.slice): check for check in checks if not check.passed}


def off_but(group: str, policy: str = "error", **bounds: float) -> DataGateSettings:
    """Settings under which only one group of checks is made."""
    groups = [f.name for f in dataclasses.fields(SETTINGS) if f.default == "error"]
    return DataGateSettings(**{**dict.fromkeys(groups, "off"), group: policy}, **bounds)


def invert(splits: Splits) -> None:
    for images, _ in splits.values():
        images[:] = 255 - images


def invert_test(splits: Splits) -> None:
    images, _ = splits["test"]
    images[:] = 255 - images


def scale(splits: Splits) -> None:
    for images, _ in splits.values():
        images[:] = images > 127


def blank(splits: Splits) -> None:
    images, _ = splits["train"]
    images[: len(images) // 20] = 0


def drop_class(splits: Splits) -> None:
    images, labels = splits["train"]
    splits["train"] = images[labels != 7], labels[labels != 7]


def one_class(splits: Splits) -> None:
    """Class 0 makes 90 % of train."""
    images, labels = splits["train"]
    rng = np.random.default_rng(0)
    zeros = rng.choice(np.flatnonzero(labels == 0), 3600)
    chosen = np.r_[zeros, np.flatnonzero(labels != 0)[:400]]
    splits["train"] = images[chosen], labels[chosen]


def leak(splits: Splits) -> None:
    for mine, others in zip(splits["train"], splits["test"], strict=True):
        mine[:50] = others[:50]


def relabel(splits: Splits) -> None:
    images, labels = splits["train"]
    labels[:2] = 3, 5
    images[2], labels[2] = images[0], 8
    images[3], labels[3] = images[1], 9


PIXELS = {(name, s) for name in ("mean pixel", "ink") for s in SPLITS}
DEFECTS = [
    pytest.param(invert, PIXELS, id="inverted"),
    pytest.param(
        invert_test,
        {
            ("mean pixel", "test"),
            ("ink", "test"),
            ("pixel drift", "test against train"),
        },
        id="test inverted",
    ),
    pytest.param(scale, PIXELS, id="scaled to 0..1"),
    pytest.param(blank, {("constant images", "train")}, id="5 % blank"),
    pytest.param(
        drop_class,
        {
            ("balance", "train"),
            ("label drift", "val against train"),
        },
        id="class missing",
    ),
    pytest.param(
        one_class,
        {
            ("balance", "train"),
            ("label drift", "val against train"),
            ("label drift", "test against train"),
        },
        id="one class 90 %",
    ),
    pytest.param(leak, {("leakage", "train/test")}, id="test copied into train"),
    pytest.param(relabel, {("conflicts", "all splits")}, id="two labels an image"),
]


def test_good_data_passes_every_check(digits):
    checks = statistics_checks(statistics(digits), SETTINGS, MNIST)

    assert failed(checks) == {}
    assert [(check.name, check.slice) for check in checks] == [
        *(("malformed records", split) for split in SPLITS),
        ("leakage", "train/val"),
        ("leakage", "train/test"),
        ("leakage", "val/test"),
        ("conflicts", "all splits"),
        *(("balance", split) for split in SPLITS),
        *(("constant images", split) for split in SPLITS),
        *((name, split) for split in SPLITS for name in ("mean pixel", "ink")),
        *(
            (f"{kind} drift", f"{split} against train")
            for split in ("val", "test")
            for kind in ("label", "pixel")
        ),
    ]
    assert {check.policy for check in checks} == {"error"}
    assert {check.advice for check in checks} == {""}


@pytest.mark.parametrize("seed", range(10))
def test_good_data_passes_whatever_part_of_it_is_drawn(bundled, seed):
    rng = np.random.default_rng(seed)
    drawn = {}
    for split, (images, labels) in bundled.items():
        chosen = rng.choice(len(labels), min(SIZES[split], 500), replace=False)
        drawn[split] = images[chosen], labels[chosen]
    assert failed(statistics_checks(statistics(drawn), SETTINGS, MNIST)) == {}


@pytest.mark.parametrize(("plant", "expected"), DEFECTS)
def test_a_planted_defect_is_stopped(digits, plant: Callable, expected: set[Key]):
    plant(digits)
    found = failed(statistics_checks(statistics(digits), SETTINGS, MNIST))

    assert set(found) == expected
    assert all(check.stops and check.advice.endswith(".") for check in found.values())


@pytest.mark.parametrize(
    ("plant", "group"),
    [
        pytest.param(invert_test, "pixels"),
        pytest.param(invert_test, "drift"),
        pytest.param(blank, "constant"),
        pytest.param(drop_class, "balance"),
        pytest.param(leak, "leakage"),
        pytest.param(relabel, "conflicts"),
    ],
)
def test_a_policy_warns_or_looks_away(digits, plant: Callable, group: str):
    plant(digits)
    found = statistics(digits)

    warned = failed(statistics_checks(found, off_but(group, "warn"), MNIST))
    assert warned
    assert {(c.policy, c.stops) for c in warned.values()} == {("warn", False)}
    off = statistics_checks(
        found, dataclasses.replace(SETTINGS, **{group: "off"}), MNIST
    )
    assert not set(warned) & {(check.name, check.slice) for check in off}


def message(check: Check) -> str:
    """What is said of a check that stops."""
    return str(GateError([check]))


def only(checks: list[Check]) -> str:
    """The message of the only check that failed."""
    [check] = failed(checks).values()
    return message(check)


def test_leakage_says_how_many_images(digits):
    leak(digits)
    assert only(statistics_checks(statistics(digits), SETTINGS, MNIST)) == (
        "data gate: leakage, train/test: 50, bound ≤ 0\nThe same images are in both "
        "train and test, so test no longer measures unseen data. Remove them from "
        "train."
    )


def test_conflicts_say_which_labels(digits):
    relabel(digits)
    assert only(statistics_checks(statistics(digits), SETTINGS, MNIST)) == (
        "data gate: conflicts, all splits: 2, bound ≤ 0\nThe same image carries "
        "several labels: 1 image labelled 3 and 8; 1 image labelled 5 and 9. Correct "
        "the labels or remove these records."
    )


def test_a_missing_class_is_named(digits):
    drop_class(digits)
    assert only(statistics_checks(statistics(digits), off_but("balance"), MNIST)) == (
        "data gate: balance, train: 0, bound ≥ 0.03\nNo example of class 7; each class "
        "needs at least a share of 0.03 of train. Add examples of it or lower "
        "data_gate.min_class_share."
    )


def test_the_rarest_class_is_named(digits):
    checks = statistics_checks(
        statistics({"val": digits["val"]}),
        off_but("balance", min_class_share=0.095),
        MNIST,
    )
    labels = digits["val"][1]
    rarest = int(np.bincount(labels).argmin())
    share = np.mean(labels == rarest)
    assert only(checks).startswith(
        f"data gate: balance, val: {share:.4g}, bound ≥ 0.095\nClass {rarest} is the "
        "rarest; "
    )


def test_blank_images_are_counted(digits):
    blank(digits)
    assert only(statistics_checks(statistics(digits), SETTINGS, MNIST)) == (
        "data gate: constant images, train: 0.05, bound ≤ 0.001\n200 images of train "
        "are of one single value, blank or saturated. Remove them, repair their source "
        "or, where such images belong to the data, raise "
        "data_gate.max_constant_share."
    )


@pytest.mark.parametrize(
    ("plant", "cause", "change"),
    [
        (
            invert,
            "Too bright: the images may be inverted, black on white.",
            "raise .max",
        ),
        (
            scale,
            "Too dark: the pixels may be scaled to 0..1 instead of 0..255.",
            "lower .min",
        ),
    ],
)
def test_pixels_name_the_likely_cause(digits, plant: Callable, cause: str, change: str):
    plant(digits)
    found = failed(statistics_checks(statistics(digits), SETTINGS, MNIST))
    check = found["mean pixel", "train"]
    assert message(check) == (
        f"data gate: mean pixel, train: {check.value:.4g}, bound 0.08 to 0.2\n{cause} "
        "Convert them again or, for another kind of image, "
        f"{change.replace('.', 'data_gate.')}_mean."
    )


def test_malformed_records_always_stop(digits):
    counted = count(np.empty((0, 784), np.int64), np.empty(0, np.int64), 2, 10)
    found = statistics(digits) + DataStatistics({"val": counted})
    checks = statistics_checks(found, off_but("anomalies", "off"), MNIST)
    assert only(checks) == (
        "data gate: malformed records, val: 2, bound ≤ 0\nEach record needs 784 pixels "
        "in 0..255 and one label in 0..9, all int64. Correct them: `mnist-pipeline "
        "data verify DIR` names the first of them."
    )


def test_a_split_without_examples_is_left_to_its_size(digits):
    del digits["val"]
    checks = statistics_checks(statistics(digits), SETTINGS, MNIST)
    assert failed(checks) == {}
    assert {c.slice for c in checks if "val" in c.slice} == {"val"}
    assert [c.name for c in checks if c.slice == "val"] == ["malformed records"]


def test_the_same_data_has_not_drifted(digits):
    found = statistics(digits)
    checks = previous_drift_checks(found, found, SETTINGS)
    assert [(c.name, c.slice, c.value, c.bound) for c in checks] == [
        (name, f"{split} against previous", 0.0, bound)
        for split in SPLITS
        for name, bound in (("label drift", 0.1), ("pixel drift", 0.02))
    ]


def test_drift_against_previous_data_is_stopped(digits, bundled):
    drop_class(digits)
    previous = statistics(bundled)
    found = failed(previous_drift_checks(statistics(digits), previous, SETTINGS))

    share = float(np.mean(bundled["train"][1] == 7))
    assert message(found["label drift", "train against previous"]) == (
        f"data gate: label drift, train against previous: {share:.4g}, bound ≤ 0.1\n"
        "The data changed since the last accepted run. If that is meant, set "
        "data_gate.drift to 'warn' or raise data_gate.max_label_drift; later data is "
        "then compared with this."
    )


def test_drift_against_previous_data_knows_warn_off_and_missing_splits(digits, bundled):
    invert(digits)
    found, previous = statistics(digits), statistics(bundled)

    warned = previous_drift_checks(found, previous, off_but("drift", "warn"))
    assert {c.slice for c in warned if not c.passed} == {
        f"{split} against previous" for split in SPLITS
    }
    assert not any(check.stops for check in warned)
    assert previous_drift_checks(found, previous, off_but("drift", "off")) == []
    alone = statistics({"test": bundled["test"]})
    slices = {c.slice for c in previous_drift_checks(found, alone, SETTINGS)}
    assert slices == {"test against previous"}


def test_sizes_are_held_to_their_bounds():
    checks = size_checks({"train": 1000, "val": 99}, SETTINGS)
    assert [(c.slice, c.value, c.bound, c.passed) for c in checks] == [
        ("train", 1000, 1000, True),
        ("val", 99, 100, False),
        ("test", 0, 100, False),
    ]
    assert [message(check) for check in checks[1:]] == [
        "data gate: size, val: 99, bound ≥ 100\nSplit val has 99 examples and needs at "
        "least 100. Add examples to val/ or lower data_gate.min_val.",
        "data gate: size, test: 0, bound ≥ 100\nSplit test is missing and needs at "
        "least 100. Add examples to test/ or lower data_gate.min_test.",
    ]


def test_sizes_know_warn_and_off():
    warned = size_checks({}, off_but("size", "warn"))
    assert [(c.passed, c.stops) for c in warned] == [(False, False)] * 3
    assert size_checks({}, off_but("size", "off")) == []


SCHEMA = text_format.Parse(
    (PROJECT_ROOT / "schema" / "schema.pbtxt").read_text(), schema_pb2.Schema()
)
ANOMALIES = text_format.Parse(
    """
    anomaly_info { key: "label" value {
      severity: ERROR short_description: "Multiple errors" description: "Both."
      reason {
        short_description: "Out-of-range values"
        description: "Unexpectedly large value: 10."
      }
      reason {
        type: FEATURE_TYPE_LOW_FRACTION_PRESENT
        short_description: "Column dropped" description: "Too few."
      }
    } }
    anomaly_info { key: "picture" value {
      severity: ERROR short_description: "New column" description: "New column."
    } }
    anomaly_info { key: "image" value {
      severity: WARNING short_description: "Odd" description: "Odd."
    } }
    dataset_anomaly_info {
      severity: ERROR short_description: "Few examples" description: "Only 3."
    }
    """,
    anomalies_pb2.Anomalies(),
)


def test_anomalies_of_error_severity_become_checks():
    checks = anomaly_checks("val", ANOMALIES, SCHEMA, SETTINGS)
    assert [(c.name, c.slice, c.value, c.bound, c.stops) for c in checks] == [
        (f"anomaly: {name}", "val", value, "none", True)
        for name, value in (
            ("label: out-of-range values", "Unexpectedly large value: 10"),
            ("label: not in every record", "Too few"),
            ("picture: new column", "New column"),
            ("data set: few examples", "Only 3"),
        )
    ]


def test_a_feature_that_no_record_has_is_missing():
    anomalies = anomalies_pb2.Anomalies()
    anomaly = anomalies.anomaly_info["image"]
    anomaly.severity = anomalies_pb2.AnomalyInfo.ERROR
    anomaly.reason.add(
        type=anomalies_pb2.AnomalyInfo.SCHEMA_MISSING_COLUMN,
        short_description="Column dropped",
        description="Column is completely missing",
    )
    [check] = anomaly_checks("val", anomalies, SCHEMA, SETTINGS)
    assert check.name == "anomaly: image: missing"


def test_a_wrong_number_of_values_is_told_in_numbers():
    anomalies = anomalies_pb2.Anomalies()
    for feature in ("image", "label"):
        anomaly = anomalies.anomaly_info[feature]
        anomaly.severity = anomalies_pb2.AnomalyInfo.ERROR
        anomaly.reason.add(
            type=anomalies_pb2.AnomalyInfo.INVALID_FEATURE_SHAPE,
            short_description="Feature shape dropped",
            description="The feature has a shape, but it's not always present.",
        )
    checks = anomaly_checks("val", anomalies, SCHEMA, SETTINGS)
    assert [(c.name, c.value) for c in checks] == [
        ("anomaly: image: wrong number of values", "not every record holds 784"),
        ("anomaly: label: wrong number of values", "not every record holds 1"),
    ]


def test_an_anomaly_says_what_the_schema_asks_for():
    label, _, picture, _ = anomaly_checks("val", ANOMALIES, SCHEMA, SETTINGS)
    then = (
        "Correct the records of val (`mnist-pipeline data verify DIR` names the first "
        "of them) or, if the schema is wrong, change it."
    )
    assert message(label) == (
        "data gate: anomaly: label: out-of-range values, val: Unexpectedly large "
        "value: 10, bound none\nThe schema asks for label with type INT, shape 1, "
        f"values 0..9, in every record. {then}"
    )
    assert picture.advice == f"The schema knows image and label. {then}"


def test_anomalies_know_warn_off_and_none():
    warned = anomaly_checks("val", ANOMALIES, SCHEMA, off_but("anomalies", "warn"))
    assert len(warned) == 4
    assert not any(check.stops for check in warned)
    off = off_but("anomalies", "off")
    assert anomaly_checks("val", ANOMALIES, SCHEMA, off) == []
    none = anomalies_pb2.Anomalies()
    assert anomaly_checks("val", none, SCHEMA, SETTINGS) == []
