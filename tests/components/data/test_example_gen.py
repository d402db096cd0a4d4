"""ExampleGen's executor: what it copies, what it says of it and what it refuses."""

import gzip
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types.artifact_utils import decode_split_names
from tfx.types.standard_artifacts import Examples
from tfx.utils import proto_utils

from components.data.example_gen import CopyingExecutor
from components.errors import DatasetError
from components.examples import read_examples
from components.image_spec import MNIST
from pipeline.datasets.shards import write_shard

pytestmark = pytest.mark.slow

SPLITS = ("train", "test")


@pytest.fixture
def data(tmp_path: Path, tiny_examples: Path) -> Path:
    """Two shards in ``train``, the first of them in ``test``."""
    base = tmp_path / "data"
    for split, count in zip(SPLITS, (2, 1), strict=True):
        (base / split).mkdir(parents=True)
        for shard in sorted(tiny_examples.iterdir())[:count]:
            (base / split / shard.name).write_bytes(shard.read_bytes())
    return base


def generate(data: Path) -> Examples:
    """Runs the executor on the splits below ``data``."""
    examples = Examples()
    examples.uri = str(data.parent / "examples")
    config = example_gen_pb2.Input(
        splits=[
            example_gen_pb2.Input.Split(name=split, pattern=f"{split}/*.tfrecord.gz")
            for split in SPLITS
        ]
    )
    CopyingExecutor().Do(
        {},
        {"examples": [examples]},
        {
            "input_base": str(data),
            "input_config": proto_utils.proto_to_json(config),
        },
    )
    return examples


def copies(examples: Examples, split: str) -> list[Path]:
    return sorted(Path(examples.uri, f"Split-{split}").iterdir())


def test_each_split_holds_the_files_of_its_folder(data, tiny_items):
    examples = generate(data)

    assert [copy.name for copy in copies(examples, "train")] == [
        "data_tfrecord-00000-of-00002.gz",
        "data_tfrecord-00001-of-00002.gz",
    ]
    for split, count in zip(SPLITS, (20, 10), strict=True):
        images, labels = read_examples(
            MNIST, [str(copy) for copy in copies(examples, split)]
        )
        assert images.tolist() == tiny_items[0][:count].tolist()
        assert labels.tolist() == tiny_items[1][:count].tolist()


def test_litter_is_no_file_of_a_split(data, tiny_items):
    for name in ("._a.tfrecord.gz", ".DS_Store"):
        (data / "test" / name).write_bytes(b"Mac OS X")

    folder = Path(generate(data).uri) / "Split-test"
    assert [file.name for file in folder.iterdir()] == [
        "data_tfrecord-00000-of-00001.gz"
    ]


def test_the_artifact_says_what_is_in_it(data):
    examples = generate(data)

    assert decode_split_names(examples.split_names) == list(SPLITS)
    assert (
        examples_utils.get_payload_format(examples) == example_gen_pb2.FORMAT_TF_EXAMPLE
    )
    assert examples_utils.get_file_format(examples) == "tfrecords_gzip"


def test_a_split_without_a_record_is_left_to_the_data_gate(data):
    [shard] = (data / "test").iterdir()
    write_shard(shard, [])

    [copy] = copies(generate(data), "test")

    assert copy.read_bytes() == shard.read_bytes()


def test_a_split_without_a_file_is_refused(data):
    for shard in (data / "test").iterdir():
        shard.unlink()

    with pytest.raises(
        DatasetError, match=r"at least one file .*test/\*\.tfrecord\.gz"
    ):
        generate(data)


def test_a_truncated_file_is_refused(data):
    shard = min((data / "train").iterdir())
    shard.write_bytes(shard.read_bytes()[:-20])

    with pytest.raises(tf.errors.DataLossError):
        generate(data)


def test_a_flipped_byte_within_a_record_is_refused(data):
    shard = min((data / "train").iterdir())
    content = bytearray(gzip.decompress(shard.read_bytes()))
    content[100] ^= 1
    shard.write_bytes(gzip.compress(bytes(content)))

    with pytest.raises(tf.errors.DataLossError):
        generate(data)
