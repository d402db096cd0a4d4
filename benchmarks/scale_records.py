"""Writes a data set several times over, each image a little different every time.

``benchmarks.scale`` runs it, untimed, as a process of its own. Copy k has the value k
in the first pixel, a corner that is black in MNIST: so images stay distinct within a
split and across splits, and DataGate's checks, leakage among them, stay on.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from components.errors import UsageError
from components.features import IMAGE, MAX_PIXEL, SPLITS
from pipeline.datasets.shards import read_batches, write_shard

_BATCH = 1000


def write_copies(data: Path, folder: Path, factor: int) -> int:
    """Writes each file ``factor`` times; copy 0 holds the records as they are.

    Args:
      data: holds a folder of gzip TFRecords for each split.
      folder: is made.
      factor: 1 to 256.

    Returns:
      How many records there are.

    Raises:
      UsageError: the factor is out of range.
    """
    if not 1 <= factor <= MAX_PIXEL + 1:
        raise UsageError(
            f"Expected a factor of 1 to {MAX_PIXEL + 1}, values of a pixel. "
            f"Received: {factor}."
        )
    count = 0
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        for file in sorted((data / split).glob("*.tfrecord.gz")):
            records = [one for batch in read_batches(file, _BATCH) for one in batch]
            for copy in range(factor):
                target = folder / split / f"{copy:03d}-{file.name}"
                write_shard(target, _marked(records, copy))
            count += factor * len(records)
    return count


def _marked(records: Sequence[bytes], copy: int) -> Iterator[bytes]:
    """Yields the records; any copy but the first has its number in the first pixel."""
    import tensorflow as tf

    if not copy:
        yield from records
        return
    for record in records:
        example = tf.train.Example.FromString(record)
        example.features.feature[IMAGE].int64_list.value[0] = copy
        yield example.SerializeToString(deterministic=True)


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("factor", type=int)
def main(data: Path, folder: Path, factor: int) -> None:
    """Write the records of DATA into FOLDER, FACTOR times; print how many there are."""
    click.echo(write_copies(data, folder, factor))


if __name__ == "__main__":
    main()
