"""From what was found in the data to checks: pure functions that DataGate calls."""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import TypeAlias

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from components.checks import Check, Direction, Policy
from components.data.counts import (
    DataStatistics,
    SplitStatistics,
    label_distance,
    pixel_divergence,
)
from components.features import SPLITS, TRAIN
from components.gate_settings import DataGateSettings
from components.gates import DATA
from components.image_spec import ImageSpec

Reason: TypeAlias = anomalies_pb2.AnomalyInfo.Reason

_ERROR = anomalies_pb2.AnomalyInfo.ERROR
_SHAPE = anomalies_pb2.AnomalyInfo.INVALID_FEATURE_SHAPE
# TFDV says what it would do to the schema ("column dropped"); this is what is wrong.
_NAMES = {
    anomalies_pb2.AnomalyInfo.SCHEMA_MISSING_COLUMN: "missing",
    anomalies_pb2.AnomalyInfo.FEATURE_TYPE_NOT_PRESENT: "missing",
    anomalies_pb2.AnomalyInfo.FEATURE_TYPE_LOW_FRACTION_PRESENT: "not in every record",
    _SHAPE: "wrong number of values",
}
_FIND = "`mnist-pipeline data verify DIR` names the first of them"


def anomaly_checks(
    split: str,
    anomalies: anomalies_pb2.Anomalies,
    schema: schema_pb2.Schema,
    settings: DataGateSettings,
) -> list[Check]:
    """One failed check for each reason of each anomaly of error severity.

    Args:
      split: where they were found.
      anomalies: as ExampleValidator wrote them.
      schema: what the split was held to.
      settings: with the policy for anomalies.
    """
    if settings.anomalies == "off":
        return []
    found = sorted(anomalies.anomaly_info.items())
    if anomalies.HasField("dataset_anomaly_info"):
        found.append(("data set", anomalies.dataset_anomaly_info))
    return [
        Check(
            gate=DATA.id,
            name=f"anomaly: {feature}: {_short(reason)}",
            slice=split,
            value=_seen(schema, feature, reason),
            bound="none",
            passed=False,
            policy=settings.anomalies,
            advice=(
                f"{_wanted(schema, feature)} Correct the records of {split} "
                f"({_FIND}) or, if the schema is wrong, change it."
            ),
        )
        for feature, info in found
        if info.severity == _ERROR
        for reason in info.reason or [_only_reason(info)]
    ]


def _only_reason(info: anomalies_pb2.AnomalyInfo) -> Reason:
    """Without reasons, the anomaly itself has the same two descriptions."""
    return Reason(
        short_description=info.short_description, description=info.description
    )


def _short(reason: Reason) -> str:
    return _NAMES.get(reason.type, reason.short_description.lower())


def _seen(schema: schema_pb2.Schema, feature: str, reason: Reason) -> str:
    """Says what was found, in TFDV's words but for a wrong number of values."""
    sizes = {one.name: [dim.size for dim in one.shape.dim] for one in schema.feature}
    if reason.type == _SHAPE and sizes.get(feature):
        return f"not every record holds {math.prod(sizes[feature]):,}"
    return reason.description.rstrip(".")


def _wanted(schema: schema_pb2.Schema, name: str) -> str:
    """Says in one sentence what the schema asks of a feature."""
    features = {feature.name: feature for feature in schema.feature}
    if name not in features:
        return f"The schema knows {' and '.join(features)}."
    feature = features[name]
    parts = [f"type {schema_pb2.FeatureType.Name(feature.type)}"]
    if feature.HasField("shape"):
        sizes = "×".join(str(dim.size) for dim in feature.shape.dim)
        parts.append(f"shape {sizes}")
    if feature.HasField("int_domain"):
        parts.append(f"values {feature.int_domain.min}..{feature.int_domain.max}")
    if feature.presence.min_fraction == 1:
        parts.append("in every record")
    return f"The schema asks for {name} with {', '.join(parts)}."


def size_checks(sizes: Mapping[str, int], settings: DataGateSettings) -> list[Check]:
    """Whether each split is there and large enough.

    Args:
      sizes: examples by split.
      settings: with the least sizes.
    """
    if settings.size == "off":
        return []
    checks = []
    for split in SPLITS:
        value, bound = sizes.get(split, 0), getattr(settings, f"min_{split}")
        seen = f"has {value:,} examples" if split in sizes else "is missing"
        advice = (
            f"Split {split} {seen} and needs at least {bound:,}. Add examples to "
            f"{split}/ or lower data_gate.min_{split}."
        )
        passed, policy = value >= bound, settings.size
        checks.append(
            _check("size", split, value, bound, passed, policy, advice, "at least")
        )
    return checks


def statistics_checks(
    statistics: DataStatistics, settings: DataGateSettings, spec: ImageSpec
) -> list[Check]:
    """Every check on the content of the examples; of a policy ``off``, none.

    A split without examples has no content: its size is its check.

    Args:
      statistics: of all splits.
      settings: with the bounds.
      spec: what a record must hold.
    """
    checks = [*_layout(statistics, spec)]
    groups: list[tuple[Policy, Callable[..., Iterator[Check]]]] = [
        (settings.leakage, _leakage),
        (settings.conflicts, _conflicts),
        (settings.balance, _balance),
        (settings.constant, _constant),
        (settings.pixels, _pixels),
        (settings.drift, _split_drift),
    ]
    for policy, group in groups:
        if policy != "off":
            checks += group(statistics, settings)
    return checks


def _layout(statistics: DataStatistics, spec: ImageSpec) -> Iterator[Check]:
    """Has no policy: what comes after cannot read such a record."""
    for split in SPLITS:
        advice = f"Each record needs {spec.layout}. Correct them: {_FIND}."
        value = statistics.split(split).malformed
        yield _check("malformed records", split, value, 0, not value, "error", advice)


def _leakage(statistics: DataStatistics, settings: DataGateSettings) -> Iterator[Check]:
    for one, other in combinations(SPLITS, 2):
        if not (statistics.split(one).examples and statistics.split(other).examples):
            continue
        value = statistics.leakage.get((one, other), 0)
        advice = (
            f"The same images are in both {one} and {other}, so {other} no longer "
            f"measures unseen data. Remove them from {one}."
        )
        yield _check(
            "leakage", f"{one}/{other}", value, 0, not value, settings.leakage, advice
        )


def _conflicts(
    statistics: DataStatistics, settings: DataGateSettings
) -> Iterator[Check]:
    value = sum(statistics.conflicts.values())
    found = "; ".join(
        f"{count:,} image{'s'[: count > 1]} labelled {' and '.join(map(str, labels))}"
        for labels, count in sorted(statistics.conflicts.items())
    )
    advice = (
        f"The same image carries several labels: {found}. Correct the labels "
        "or remove these records."
    )
    yield _check(
        "conflicts", "all splits", value, 0, not value, settings.conflicts, advice
    )


def _balance(statistics: DataStatistics, settings: DataGateSettings) -> Iterator[Check]:
    bound = settings.min_class_share
    for split, counts in _ordered(statistics):
        shares = counts.label_shares
        missing = [str(label) for label, share in enumerate(shares) if not share]
        if missing:
            seen = f"No example of class {', '.join(missing)}"
        else:
            seen = f"Class {shares.argmin()} is the rarest"
        advice = (
            f"{seen}; each class needs at least a share of {bound:g} of {split}. Add "
            "examples of it or lower data_gate.min_class_share."
        )
        value = float(shares.min())
        passed, policy = value >= bound, settings.balance
        yield _check("balance", split, value, bound, passed, policy, advice, "at least")


def _constant(
    statistics: DataStatistics, settings: DataGateSettings
) -> Iterator[Check]:
    bound = settings.max_constant_share
    for split, counts in _ordered(statistics):
        value = counts.constant / counts.examples
        advice = (
            f"{counts.constant:,} images of {split} are of one single value, blank or "
            "saturated. Remove them, repair their source or, where such images belong "
            "to the data, raise data_gate.max_constant_share."
        )
        passed = value <= bound
        name = "constant images"
        yield _check(name, split, value, bound, passed, settings.constant, advice)


def _pixels(statistics: DataStatistics, settings: DataGateSettings) -> Iterator[Check]:
    for split, counts in _ordered(statistics):
        for name, value, least, most in (
            ("mean pixel", counts.mean, settings.min_mean, settings.max_mean),
            ("ink", counts.ink, settings.min_ink, settings.max_ink),
        ):
            if value > most:
                cause = "Too bright: the images may be inverted, black on white"
                setting = "raise data_gate.max"
            else:
                cause = "Too dark: the pixels may be scaled to 0..1 instead of 0..255"
                setting = "lower data_gate.min"
            advice = (
                f"{cause}. Convert them again or, for another kind of image, "
                f"{setting}_{name.split()[0]}."
            )
            bound, passed = f"{least:g} to {most:g}", least <= value <= most
            policy = settings.pixels
            yield _check(name, split, value, bound, passed, policy, advice, "")


def _split_drift(
    statistics: DataStatistics, settings: DataGateSettings
) -> Iterator[Check]:
    train = statistics.split(TRAIN)
    for split, counts in _ordered(statistics):
        if split != TRAIN and train.examples:
            where = f"{split} against {TRAIN}"
            advice = (
                f"{split} is distributed unlike {TRAIN}. Draw both from the same "
                "source, shuffled, or raise data_gate.{setting}."
            )
            yield from _drift(where, counts, train, settings, advice)


def previous_drift_checks(
    statistics: DataStatistics, previous: DataStatistics, settings: DataGateSettings
) -> list[Check]:
    """Whether each split is distributed as in the previous data.

    Args:
      statistics: of this data.
      previous: of the previous data.
      settings: with the largest distances.
    """
    if settings.drift == "off":
        return []
    advice = (
        "The data changed since the last accepted run. If that is meant, set "
        "data_gate.drift to 'warn' or raise data_gate.{setting}; later data is then "
        "compared with this."
    )
    return [
        check
        for split, counts in _ordered(statistics)
        if previous.split(split).examples
        for check in _drift(
            f"{split} against previous",
            counts,
            previous.split(split),
            settings,
            advice,
        )
    ]


def _drift(
    where: str,
    counts: SplitStatistics,
    reference: SplitStatistics,
    settings: DataGateSettings,
    advice: str,
) -> Iterator[Check]:
    """``advice`` takes the name of the setting with the bound."""
    for name, distance, setting in (
        ("label drift", label_distance, "max_label_drift"),
        ("pixel drift", pixel_divergence, "max_pixel_drift"),
    ):
        value, bound = distance(counts, reference), getattr(settings, setting)
        passed, policy = value <= bound, settings.drift
        text = advice.format(setting=setting)
        yield _check(name, where, value, bound, passed, policy, text)


def _ordered(statistics: DataStatistics) -> Iterator[tuple[str, SplitStatistics]]:
    """Splits with examples."""
    for split in SPLITS:
        if statistics.split(split).examples:
            yield split, statistics.split(split)


def _check(
    name: str,
    where: str,
    value: float,
    bound: float | str,
    passed: bool,
    policy: Policy,
    advice: str,
    direction: Direction = "at most",
) -> Check:
    advice = "" if passed else advice
    return Check(
        DATA.id,
        name,
        where,
        value,
        bound,
        passed,
        policy,
        advice,
        direction=direction,
    )
