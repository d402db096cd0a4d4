"""What is measured of digits with planted defects; the checks follow in the rules."""

import csv
import hashlib

import attrs
import numpy as np
import pytest

from components.data import audit_findings
from components.data.audit_files import (
    COLUMNS,
    FINDINGS_FILE,
    SUSPECTS_FILE,
    Measured,
    read_audit,
    write_audit,
)
from components.data.audit_findings import (
    CLASS_SHIFT,
    DISAGREEMENT,
    NEAR_COPIES,
    ONE_LABEL,
    ONE_SHORTCUT,
    REPEATS,
    SHIFT,
    SHORTCUT,
    UNLIKE,
    UNLIKE_TRAIN,
    WRONG_CLASS,
    WRONG_LABELS,
    Finding,
    copies,
    disagreement,
    measure,
    shortcut,
    unlike,
    unlikely_shares,
    wrong_labels,
)
from components.data.profile import fit_profile
from tests.components.data.bundled_digits import digits, records


@pytest.fixture
def splits():
    return {
        "train": records("train", *digits("val")),
        "test": records("test", *digits("test", 1000)),
    }


def by_name(findings) -> dict[tuple[str, str], Finding]:
    return {(finding.name, finding.where): finding for finding in findings}


def test_records_unlike_earlier_data_are_counted_and_named(splits):
    profile = fit_profile(*digits("train", 6000), classes=10)
    good = by_name(unlike(splits, profile, UNLIKE))
    assert good[UNLIKE, "test"].value < 0.004
    splits["test"].images[::20] = 255 - splits["test"].images[::20]
    bad = by_name(unlike(splits, profile, UNLIKE))[UNLIKE, "test"]
    assert bad.value == pytest.approx(0.05, abs=0.005)
    assert set(range(0, 1000, 20)) <= set(bad.suspects.tolist())
    assert (np.diff(bad.scores) <= 0).all()
    assert bad.note.startswith("most of all by ")
    assert by_name(unlike(splits, profile, UNLIKE))[SHIFT, "train"].value < 0.3


def test_one_label_whose_images_changed_is_named(splits):
    profile = fit_profile(*digits("train", 6000), classes=10)
    sixes = splits["test"].labels == 6
    splits["test"].images[sixes] = splits["test"].images[sixes] // 2
    found = by_name(unlike(splits, profile, UNLIKE))
    moved = found[CLASS_SHIFT, "test, label 6"]
    assert moved.value > 2
    assert moved.note in ("brightness", "contrast", "full ink")
    assert moved.count == sixes.sum()
    assert found[SHIFT, "test"].value < 0.6


def test_labels_that_the_model_finds_unlikely_are_counted(splits):
    labels = splits["test"].labels
    answers = np.full((len(labels), 10), 0.001, np.float32)
    answers[np.arange(len(labels)), labels] = 0.99
    assert (unlikely_shares(answers, labels) == 0).all()
    moved = attrs.evolve(splits["test"], labels=np.where(labels == 3, 5, labels))
    finding, one_label = disagreement(
        {"test": moved}, {"test": answers}, base=np.full(11, 0.01)
    )
    share = (labels == 3).mean()
    assert finding.name == DISAGREEMENT
    assert finding.value == pytest.approx(share - 0.01)
    assert finding.note == f"{(labels == 3).sum()} times label 5 where the model says 3"
    assert set(finding.suspects.tolist()) == set(np.flatnonzero(labels == 3).tolist())
    three, five = (labels == 3).sum(), (labels == 5).sum()
    assert (one_label.name, one_label.where) == (ONE_LABEL, "test, label 5")
    assert (finding.answers == 3).all()
    np.testing.assert_allclose(finding.chances, [[0.001, 0.99]] * three, rtol=1e-6)
    assert one_label.count == three + five
    assert one_label.value == pytest.approx(three / (three + five) - 0.01)


def test_copies_across_and_within_splits(splits):
    train, test = splits["train"], splits["test"]
    clean = by_name(copies(splits))
    assert clean[NEAR_COPIES, "train/test"].value == 0
    assert clean[REPEATS, "train"].value == 0
    train.images[:100] = np.roll(test.images[:100], 1, axis=1)
    test.images[500:520] = test.images[:20]
    found = by_name(copies(splits))
    assert found[NEAR_COPIES, "train/test"].value == pytest.approx(0.12)
    assert found[NEAR_COPIES, "train/test"].note == "100 records of train"
    # Those to remove: the test split stays as it was.
    assert found[NEAR_COPIES, "train/test"].split == "train"
    assert sorted(found[NEAR_COPIES, "train/test"].suspects) == list(range(100))
    assert found[REPEATS, "test"].value == pytest.approx(0.02)
    assert found[REPEATS, "test"].suspects.tolist() == list(range(500, 520))


def test_wrong_labels_and_shortcuts(splits):
    train = splits["train"]
    good = by_name(wrong_labels(splits, 10))
    assert good[WRONG_LABELS, "train"].value < 0.005
    assert max(one.value for one in good.values()) < 0.05
    every, one = shortcut(splits, 10)
    assert every.value < 0.25
    assert one.value < 0.75
    train.images[train.labels == 3, 1, 2] = 20
    every, one = shortcut(splits, 10)
    assert (one.name, one.where) == (ONE_SHORTCUT, "train, label 3")
    assert one.value == pytest.approx(1)
    train.images[:, 1, 2] = train.labels * 20
    every, _ = shortcut(splits, 10)
    assert every.name == SHORTCUT
    assert every.value == pytest.approx(1)
    assert every.note == "the pixel in row 1, column 2, from 0"


def test_wrong_labels_of_one_class_stand_out(splits):
    train = splits["train"]
    fours = np.flatnonzero(train.labels == 4)
    train.labels[fours[::4]] = 9
    nines = train.labels == 9
    found = by_name(wrong_labels(splits, 10))
    assert found[WRONG_LABELS, "train"].value < 0.03
    one = found[WRONG_CLASS, "train, label 9"]
    assert one.count == nines.sum()
    assert 0.08 < one.value < len(fours[::4]) / nines.sum()
    assert one.note.endswith("times label 9 where the model says 4")
    assert nines[one.suspects].all()


def test_an_audit_is_written_with_its_suspects_and_read_back(splits, tmp_path):
    finding = Finding(
        UNLIKE, "test", 0.5, 1000, "by ink", "test", np.array([7, 3]), np.ones(2, "f4")
    )
    write_audit(tmp_path, [finding, Finding(SHIFT, "test", 0.1, 9)], splits)
    sheet = "unlike-previous-data-test.png"
    assert read_audit(tmp_path) == [
        Measured(UNLIKE, "test", 0.5, 1000, "by ink", 2, sheet),
        Measured(SHIFT, "test", 0.1, 9, "", 0, ""),
    ]
    assert (tmp_path / sheet).read_bytes().startswith(b"\x89PNG")
    first, second, third = (tmp_path / SUSPECTS_FILE).read_text().splitlines()
    assert first == ",".join(COLUMNS)
    label = splits["test"].labels[7]
    image = hashlib.sha256(splits["test"].images[7].tobytes()).hexdigest()
    assert second == f"{UNLIKE},test,test,test.gz,7,{label},1.0,,,,{image}"
    assert third.startswith(f"{UNLIKE},test,test,test.gz,3,")
    assert (tmp_path / FINDINGS_FILE).is_file()


def test_the_answer_to_a_wrong_label_is_written(splits, tmp_path):
    train = splits["train"]
    truth = train.labels.copy()
    train.labels[:50] = (truth[:50] + 1) % 10
    finding, _ = wrong_labels({"train": train}, 10)
    write_audit(tmp_path, [finding], splits)
    with (tmp_path / SUSPECTS_FILE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["record"]) < 50]
    assert len(rows) > 30
    right = [int(row["answer"]) == truth[int(row["record"])] for row in rows]
    assert np.mean(right) > 0.9
    for row in rows:
        assert row["answer"] != row["label"]
        assert float(row["answer_probability"]) == pytest.approx(
            float(row["score"]), abs=2e-4
        )
        assert 0 <= float(row["label_probability"]) < 0.1


def test_suspects_of_a_large_split_keep_their_places(splits, monkeypatch):
    monkeypatch.setattr(audit_findings, "_MOST_LABELS", 2500)
    train = splits["train"]
    train.labels[:200] = (train.labels[:200] + 1) % 10
    finding, _ = wrong_labels({"train": train}, 10)
    assert finding.count == 2500
    assert 60 < (finding.suspects < 200).sum() < 130
    assert (finding.suspects >= 200).sum() < 30


def test_everything_is_measured_once(splits):
    answers = {
        name: np.eye(10, dtype=np.float32)[records.labels]
        for name, records in splits.items()
    }
    names = [finding.name for finding in measure(splits, 10, answers=answers)]
    assert names == [
        UNLIKE_TRAIN,
        *[DISAGREEMENT, ONE_LABEL] * 2,
        *[REPEATS] * 2,
        NEAR_COPIES,
        SHORTCUT,
        ONE_SHORTCUT,
        *[WRONG_LABELS, WRONG_CLASS] * 2,
    ]
    few = {"test": records("test", *(part[:50] for part in digits("test", 1000)))}
    assert [finding.name for finding in measure(few, 10)] == [REPEATS]
