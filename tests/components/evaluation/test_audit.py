"""The node: it loads models, compares them where it can, and says where it cannot."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tfx.types.artifact_utils import encode_split_names
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, Schema

from components.checks import read_checks
from components.classes import DIGITS
from components.durable import sha256
from components.evaluation.audit import ModelAudit
from components.evaluation.audit_files import (
    MEANING,
    UNKNOWN,
    UNKNOWN_FILE,
    read_model_audit,
)
from components.evaluation.unknown import SURE_OF_KNOWN
from pipeline.config import Config
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

COUNT = 600
WIDE = {"weak_spots": "off", "calibration": "off"}


def images_of(labels: np.ndarray) -> np.ndarray:
    """Images whose left column says which class they are, uint8 [n, 784]."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, :, 0] = 20 * labels[:, None]
    images[:, 5:20, 10:15] = np.arange(len(labels))[:, None, None] % 100 + 100
    return images.reshape(-1, 784)


def write_data(
    folder: Path, shift: int = 0, mirrored: bool = False, wrong: int = COUNT + 1
) -> Examples:
    labels = np.arange(COUNT) % 10
    images = images_of(labels)
    labels[wrong - 1 :: wrong] = 3
    if mirrored:
        images = images.reshape(-1, 28, 28)[:, :, ::-1].reshape(-1, 784)
    items = zip(images, (labels + shift) % 10, strict=True)
    records = [serialize_example(image, int(label)) for image, label in items]
    for split in ("val", "test"):
        (folder / f"Split-{split}").mkdir(parents=True)
        write_shard(folder / f"Split-{split}" / "data.tfrecord.gz", records)
    examples = Examples()
    examples.uri = str(folder)
    examples.split_names = encode_split_names(["val", "test"])
    return examples


class Reader(tf.Module):
    """Reads the class off a column of the image."""

    def __init__(self, column: int, shift: int, classes: int) -> None:
        self.column, self.shift, self.classes = column, shift, classes

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8)])
    def predict_pixels(self, pixels):
        found = tf.cast(pixels[:, 0, self.column], tf.int32) // 20 + self.shift
        return {"probabilities": tf.one_hot(found % 10, self.classes)}


class PictureReader(Reader):
    """Gives all pictures the same state."""

    def __init__(self, state: str) -> None:
        super().__init__(0, 0, 10)
        self.state = state

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def predict_image(self, images):
        chosen = tf.zeros_like(tf.strings.length(images))
        return {
            "probabilities": tf.one_hot(chosen, self.classes),
            "class_id": tf.cast(chosen, tf.int64),
            "state": tf.fill(tf.shape(images), self.state),
        }


def save(folder: Path, column: int = 0, shift: int = 0, classes: int = 10) -> Model:
    reader = Reader(column, shift, classes)
    tf.saved_model.save(
        reader,
        str(folder / "Format-Serving"),
        signatures={"predict_pixels": reader.predict_pixels},
    )
    model = Model()
    model.uri = str(folder)
    return model


@pytest.fixture
def schema() -> Schema:
    made = Schema()
    made.uri = str(Config().schema)
    return made


@pytest.fixture
def blessing(tmp_path: Path) -> InfraBlessing:
    made = InfraBlessing()
    made.uri = str(tmp_path / "blessing")
    Path(made.uri).mkdir()
    return made


def audit(blessing, rebaseline: int = 0, settings=WIDE, **inputs) -> bool:
    ModelAudit.test_call(
        blessing=blessing,
        settings=json.dumps(settings),
        rebaseline=rebaseline,
        classes=json.dumps(DIGITS),
        **inputs,
    )
    return blessing.get_int_custom_property("blessed") == 1


def failed(blessing) -> set[tuple[str, str]]:
    found = read_checks(blessing.uri)
    return {(check.name, check.slice) for check in found if not check.passed}


def test_a_first_model_is_held_to_what_its_own_data_tells(tmp_path, schema, blessing):
    blessed = audit(
        blessing,
        settings={},
        examples=write_data(tmp_path / "data"),
        model=save(tmp_path / "model"),
        schema=schema,
    )

    assert blessed
    # It makes no mistake, and takes no pictures.
    names = {"worst slice", "calibration error", "mistakes per expected mistake"}
    assert {c.name for c in read_checks(blessing.uri)} == names
    assert (Path(blessing.uri) / "INFRA_BLESSED").is_file()
    measured = read_model_audit(blessing.uri)
    assert MEANING not in measured
    assert {one["accuracy"] for one in measured["slices"]} == {1.0}


@pytest.mark.parametrize("rebaseline", [0, 1])
def test_labels_that_moved_are_refused_unless_told(
    tmp_path, schema, blessing, rebaseline
):
    previous = save(tmp_path / "previous")
    blessed = audit(
        blessing,
        rebaseline,
        examples=write_data(tmp_path / "data", shift=1),
        model=save(tmp_path / "model", shift=1),
        schema=schema,
        previous_model=previous,
        previous_examples=write_data(tmp_path / "before"),
        **({} if rebaseline else {"baseline_model": previous}),
    )

    assert blessed is bool(rebaseline)
    assert (MEANING, "overall") in failed(blessing)
    measured = read_model_audit(blessing.uri)[MEANING]
    overall = measured["overall"]
    assert (overall["candidate"], overall["candidate_before"]) == (1.0, 0.0)
    assert (overall["previous"], overall["previous_before"]) == (0.0, 1.0)
    assert measured["renamed"] == {str(n): (n + 1) % 10 for n in range(10)}
    saved = Path(previous.uri) / "Format-Serving" / "saved_model.pb"
    assert measured["compared_with"]["saved_model.pb"] == sha256(saved)


def test_mirrored_images_are_refused(tmp_path, schema, blessing):
    assert not audit(
        blessing,
        examples=write_data(tmp_path / "data", mirrored=True),
        model=save(tmp_path / "model", column=27),
        schema=schema,
        previous_model=save(tmp_path / "previous"),
        previous_examples=write_data(tmp_path / "before"),
    )


def test_more_of_the_same_data_is_blessed(tmp_path, schema, blessing):
    previous = save(tmp_path / "previous")

    assert audit(
        blessing,
        examples=write_data(tmp_path / "data"),
        model=save(tmp_path / "model"),
        schema=schema,
        baseline_model=previous,
        previous_model=previous,
        previous_examples=write_data(tmp_path / "before"),
    )
    assert {check.name for check in read_checks(blessing.uri)} == {MEANING}


def test_a_model_of_other_classes_is_not_compared_and_it_is_said(
    tmp_path, schema, blessing, caplog
):
    other = save(tmp_path / "previous", classes=12)
    with caplog.at_level(logging.WARNING):
        blessed = audit(
            blessing,
            examples=write_data(tmp_path / "data"),
            model=save(tmp_path / "model"),
            schema=schema,
            baseline_model=other,
            previous_model=other,
            previous_examples=write_data(tmp_path / "before"),
        )

    assert blessed
    assert read_checks(blessing.uri) == []
    why = read_model_audit(blessing.uri)[MEANING]["not_compared"]
    assert why.endswith("it knows 12 classes, the data has 10")
    assert f"the meaning of the data was not compared: {why}" in caplog.text


def test_data_that_is_gone_is_not_compared_and_it_is_said(tmp_path, schema, blessing):
    before = write_data(tmp_path / "before")
    (tmp_path / "before" / "Split-test" / "data.tfrecord.gz").unlink()
    inputs = {
        "examples": write_data(tmp_path / "data"),
        "model": save(tmp_path / "model"),
        "schema": schema,
        "previous_model": save(tmp_path / "previous"),
    }

    assert audit(blessing, previous_examples=before, **inputs)
    said = [read_model_audit(blessing.uri)[MEANING]]
    assert audit(blessing, **inputs)
    said.append(read_model_audit(blessing.uri)[MEANING])
    assert said == [
        {
            "not_compared": "the earlier model or its data does not fit: the test "
            "split is empty"
        },
        {"not_compared": "the data of the earlier model is gone"},
    ]


@pytest.mark.parametrize("state", ["sure", "unlike"])
def test_a_model_that_is_sure_of_everything_or_nothing_is_refused(
    tmp_path, schema, blessing, state
):
    reader = PictureReader(state)
    signatures = {
        "predict_pixels": reader.predict_pixels,
        "predict_image": reader.predict_image,
    }
    export = tmp_path / "model" / "Format-Serving"
    tf.saved_model.save(reader, str(export), signatures=signatures)
    model = Model()
    model.uri = str(tmp_path / "model")

    blessed = audit(
        blessing, examples=write_data(tmp_path / "data"), model=model, schema=schema
    )

    # Or it is never sure, not even of what it knows.
    unsure = state == "unlike"
    assert not blessed
    kinds = {(UNKNOWN, "shapeless"), (UNKNOWN, "letters")}
    assert failed(blessing) == ({(SURE_OF_KNOWN, "test")} if unsure else kinds)
    counted = read_model_audit(blessing.uri)[UNKNOWN]
    assert counted["letters"] == {"pictures": 56, "sure": 0 if unsure else 56}
    assert (Path(blessing.uri) / UNKNOWN_FILE).is_file() is not unsure


def test_an_overconfident_model_is_refused(tmp_path, schema, blessing):
    """Every tenth label is of another class, and the model is certain."""
    examples = write_data(tmp_path / "data", wrong=10)

    settings = {"weak_spots": "off"}
    model = save(tmp_path / "model")
    assert not audit(
        blessing, settings=settings, examples=examples, model=model, schema=schema
    )
    names = ("calibration error", "mistakes per expected mistake")
    assert failed(blessing) == {(name, "overall") for name in names}
