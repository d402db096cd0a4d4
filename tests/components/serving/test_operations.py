"""Which operations are found in graphs and functions, and which are none of ours."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components.serving.operations import Operations, read_operations
from tests.components.serving.models import save_model

pytestmark = pytest.mark.slow

NOTHING = Operations([], [], [], [], [])
Use = Callable[[tf.Tensor], tf.Tensor]


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "words.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    return str(path)


def save(folder: Path, use: Use, module: tf.Module | None = None) -> Operations:
    """Saves a model of one signature that takes and returns texts; reads it again."""
    module = module or tf.Module()
    module.use = tf.function(use, input_signature=[tf.TensorSpec([None], tf.string)])
    export = folder / "export"
    tf.saved_model.save(module, str(export), {"serving_default": module.use})
    return read_operations(export)


def add(texts: tf.Tensor, other: tf.Tensor) -> dict[str, tf.Tensor]:
    return {"texts": tf.strings.join([texts, other])}


def test_a_model_of_plain_operations_has_none_of_them(tmp_path: Path) -> None:
    assert read_operations(save_model(tmp_path)) == NOTHING


def test_a_file_outside_is_read_however_its_path_is_come_by(
    tmp_path: Path, file: str
) -> None:
    kept = tf.Module()
    kept.path = tf.Variable(file)
    folder, _, name = file.rpartition("/")

    def read_lines(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        lines = tf.data.TextLineDataset(file).batch(1)
        return add(texts, tf.data.experimental.get_single_element(lines.take(1)))

    def read_in_a_branch(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        path = tf.constant(file)
        some = tf.size(texts) > 0
        other = tf.cond(some, lambda: tf.io.read_file(path), lambda: tf.constant(""))
        return add(texts, other)

    for number, (use, expected) in enumerate(
        {
            lambda texts: add(texts, tf.io.read_file(file)): f"ReadFile of {file}",
            lambda texts: add(
                texts, tf.io.read_file(tf.strings.join([folder, name], "/"))
            ): f"ReadFile of {folder}",
            lambda texts: add(
                texts, tf.io.read_file(kept.path)
            ): "ReadFile of what it computes",
            lambda texts: add(
                texts, tf.map_fn(tf.io.read_file, texts)
            ): "ReadFile of what it is sent",
            read_lines: f"TextLineDataset of {file}",
            read_in_a_branch: f"ReadFile of {file}",
        }.items()
    ):
        seen = save(tmp_path / str(number), use, kept)

        assert expected in seen.reads
        assert seen._replace(reads=[]) == NOTHING


def test_files_that_the_export_brings_along_may_be_read(
    tmp_path: Path, file: str
) -> None:
    module = tf.Module()
    module.asset = tf.saved_model.Asset(file)
    words = tf.lookup.TextFileInitializer(
        file,
        *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
        *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
    )
    module.table = tf.lookup.StaticHashTable(words, -1)

    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        some = tf.size(texts) > 0
        path = module.asset.asset_path
        content = tf.cond(
            some, lambda: tf.io.read_file(path), lambda: tf.constant("none")
        )
        return add(texts, content + tf.as_string(module.table.lookup(texts)))

    assert save(tmp_path, use, module) == NOTHING
    # One that got lost is none of the export's any more.
    next((tmp_path / "export" / "assets").iterdir()).unlink()
    assert len(read_operations(tmp_path / "export").reads) == 2


def test_what_is_not_run_when_served_may_read(tmp_path: Path, file: str) -> None:
    module = tf.Module()
    module.other = tf.function(lambda: tf.io.read_file(file), input_signature=[])

    assert save(tmp_path, lambda texts: add(texts, "!"), module) == NOTHING


@pytest.mark.parametrize("path", ["log", "/tmp/log"])
def test_a_file_that_is_written_is_found(tmp_path: Path, path: str) -> None:
    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([tf.io.write_file(path, "text")]):
            return add(texts, "!")

    assert save(tmp_path, use) == Operations([], [], [f"WriteFile of {path}"], [], [])


def test_writing_to_standard_error_is_no_file(tmp_path: Path) -> None:
    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.print(texts)
        return add(texts, "!")

    assert save(tmp_path, use) == NOTHING


@pytest.mark.parametrize(
    ("wrap", "op"), [(tf.py_function, "EagerPyFunc"), (tf.numpy_function, "PyFunc")]
)
def test_calls_of_python_are_found_within_functions(tmp_path: Path, wrap, op) -> None:
    def one(text: tf.Tensor) -> tf.Tensor:
        return wrap(lambda value: value, [text], tf.string)

    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"texts": tf.map_fn(one, texts)}

    assert save(tmp_path, use) == Operations([op], [], [], [], [])


def test_an_operation_that_tensorflow_does_not_have_is_found(tmp_path: Path) -> None:
    export = save_model(tmp_path)
    saved = SavedModel()
    saved.ParseFromString((export / "saved_model.pb").read_bytes())
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "Softmax":
                node.op = "OurSoftmax"
    (export / "saved_model.pb").write_bytes(saved.SerializeToString())

    assert read_operations(export) == Operations(["OurSoftmax"], [], [], [], [])


@pytest.mark.parametrize("content", [None, b"garbage"])
def test_what_is_no_saved_model_is_an_error(tmp_path: Path, content) -> None:
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)

    with pytest.raises(OSError, match="saved_model"):
        read_operations(tmp_path)


def test_odd_names_of_files_are_words(tmp_path: Path) -> None:
    path = np.array([b"\xff"], object)

    seen = save(tmp_path, lambda texts: add(texts, tf.io.read_file(path[0])))

    assert seen.reads == ["ReadFile of \ufffd"]


def test_what_a_signature_keeps_for_later_requests_is_found(tmp_path: Path) -> None:
    kept = tf.Module()
    kept.calls = tf.Variable(0, dtype=tf.int64)

    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([kept.calls.assign_add(1)]):
            return add(texts, "!")

    found = save(tmp_path, use, kept)

    # Setting the variable when the model is loaded is none of it.
    assert found.keeps == ["AssignAddVariableOp"]
    assert found.chance == []


@pytest.mark.parametrize(
    ("draw", "operation"),
    [
        (tf.timestamp, "Timestamp"),
        (lambda: tf.random.uniform([]), "RandomUniform"),
        (lambda: tf.random.normal([]), "RandomStandardNormal"),
    ],
)
def test_time_and_chance_are_found(tmp_path: Path, draw, operation: str) -> None:
    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        return add(tf.strings.join([texts, tf.strings.as_string(draw())]), "!")

    assert save(tmp_path, use).chance == [operation]


def test_chance_that_a_seed_decides_is_none(tmp_path: Path) -> None:
    def use(texts: tf.Tensor) -> dict[str, tf.Tensor]:
        drawn = tf.random.stateless_uniform([], seed=[1, 2])
        return add(tf.strings.join([texts, tf.strings.as_string(drawn)]), "!")

    assert save(tmp_path, use) == NOTHING
