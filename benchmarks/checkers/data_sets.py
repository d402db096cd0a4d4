"""The data sets that every checker is given, as arrays in a folder.

``run`` has them written, once; ``ours`` and ``peer`` read them through ``exchange``.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks.checkers.exchange import BEFORE, CLEAN, DEFECT, GOOD, write_data_sets
from components.examples import read_examples
from components.image_spec import MNIST
from tests.defects.kinds import KINDS
from tests.defects.plants import Splits
from tests.defects.small_data import SIZES
from tests.small_mnist import BUNDLED

# Seeds of the draws: what was accepted before, what defects are planted in.
_BEFORE, _PLANTED = 0, 1


def data_sets(
    arrays: Splits, every: int, good: int, clean: int
) -> Iterator[tuple[str, str, Splits]]:
    """Yields the name of each data set, its part in the comparison, and its arrays.

    Args:
      arrays: images uint8 [n, h, w] and labels int64 [n] of each split, all there are.
      every: 1 for all kinds of defects, 6 for each sixth of them.
      good: draws that a checker may take its bounds from.
      clean: other draws, which must raise no alarm.
    """
    yield "data before", BEFORE, draw(arrays, _BEFORE)
    first = _PLANTED + 1
    for seed in range(first, first + good):
        yield f"seed {seed}", GOOD, draw(arrays, seed)
    for seed in range(first + good, first + good + clean):
        yield f"seed {seed}", CLEAN, draw(arrays, seed)
    now = draw(arrays, _PLANTED)
    for kind in KINDS[::every]:
        yield kind.name, DEFECT, kind.plant(now)


def draw(arrays: Splits, seed: int) -> Splits:
    """Draws records of each split, without putting back.

    Args:
      arrays: images uint8 [n, h, w] and labels int64 [n] of each split.
      seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    drawn = {}
    for split, size in SIZES.items():
        images, labels = arrays[split]
        chosen = rng.choice(len(labels), size, replace=False)
        drawn[split] = images[chosen], labels[chosen]
    return drawn


def _read(bundled: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_examples(MNIST, [str(bundled / split / "*.tfrecord.gz")])
    return images.reshape(-1, *MNIST.size), labels


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--every", type=int, required=True)
@click.option("--good", type=int, required=True)
@click.option("--clean", type=int, required=True)
def main(folder: Path, every: int, good: int, clean: int) -> None:
    """Write the data sets into FOLDER."""
    arrays = {split: _read(BUNDLED, split) for split in SIZES}
    write_data_sets(folder, data_sets(arrays, every, good, clean))


if __name__ == "__main__":
    main()
