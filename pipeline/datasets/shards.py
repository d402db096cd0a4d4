"""TFRecord files: how they are named, sized, written reproducibly and read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.errors import DatasetError
from components.features import SPLITS
from components.litter import without_litter
from pipeline.datasets.file_kinds import describe_kind, read_head

# Magic number and the one compression method there is.
_GZIP = b"\x1f\x8b\x08"


def shard_name(split: str, index: int, shards: int) -> str:
    """For example ``train-00000-of-00004.tfrecord.gz``."""
    return f"{split}-{index:05d}-of-{shards:05d}.tfrecord.gz"


def shard_sizes(count: int, largest: int) -> list[int]:
    """Splits a count into the fewest shards of at most ``largest``, evenly."""
    shards = -(-count // largest)
    size, rest = divmod(count, shards)
    return [size + (index < rest) for index in range(shards)]


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Returns the TFRecord files of each split that has any, in their order.

    Raises:
        DatasetError: no split has any.
    """
    found = {
        split: without_litter((folder / split).glob("*.tfrecord.gz"))
        for split in SPLITS
    }
    present = {split: paths for split, paths in found.items() if paths}
    if not present:
        seen = "no such file" if folder.is_dir() else "no folder of that name"
        raise DatasetError(
            f"{folder}: expected a folder with {', '.join(SPLITS)}, each of files "
            f"named *.tfrecord.gz, received {seen}. Name the folder that "
            "'mnist-pipeline data convert' wrote."
        )
    return present


def write_shard(path: Path, records: Iterable[bytes]) -> None:
    """Writes one gzip TFRecord file; the same records give the same bytes.

    Raises:
        DatasetError: TensorFlow could not write, say because the disk is full.
    """
    import tensorflow as tf

    # TensorFlow brings its own zlib and leaves the header's time at zero. Python's
    # gzip uses the system's zlib, and zlib-ng (some distributions) packs differently.
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=9)
    try:
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for record in records:
                writer.write(record)
    except tf.errors.OpError as error:
        raise DatasetError(
            f"{path}: expected to write records, received {error.message}. "
            "Check free space and permissions."
        ) from error


def read_batches(path: Path, size: int, sniff: bool = False) -> Iterator[list[bytes]]:
    """Yields the records of a TFRecord file, ``size`` at a time.

    It is taken for gzip if its name ends in .gz, as the pipeline does, or, with
    ``sniff``, if its first bytes say so.

    Raises:
        DatasetError: the file is damaged; names the first record that cannot be read.
    """
    import tensorflow as tf

    gzipped = _head(path).startswith(_GZIP) if sniff else path.suffix == ".gz"
    compression = "GZIP" if gzipped else ""
    dataset = tf.data.TFRecordDataset(str(path), compression_type=compression)
    try:
        for batch in dataset.batch(size).as_numpy_iterator():
            yield batch.tolist()
    except tf.errors.OpError as error:
        number = _count_readable(dataset)
        kind = "another kind of file" if number else describe_kind(_head(path))
        received = "damaged data" if kind == "another kind of file" else kind
        raise DatasetError(
            f"{path}: record {number:,} (from 0): expected a whole TFRecord, received "
            f"{received}. Convert or fetch the file again."
        ) from error


def _head(path: Path) -> bytes:
    try:
        return read_head(path)
    except OSError as error:
        raise DatasetError(
            f"{path}: expected a readable file, received: {error.strerror}."
        ) from error


def _count_readable(dataset: Iterable[Any]) -> int:
    import tensorflow as tf

    count = 0
    try:
        for _ in dataset:
            count += 1
    except tf.errors.OpError:
        pass
    return count
