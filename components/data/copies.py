"""Finds images that are copies of others, whole or nearly so.

An image is a near copy of another where both are alike once they are blurred, moved to
their centre of mass and scaled to one brightness: a pixel that was changed, a shift, a
dimmed or a lightly noisy copy all stay near.
"""

from collections.abc import Iterator

import numpy as np
from scipy.spatial import KDTree

from components.data.directions import main_directions, sampled

# Distance between two unit vectors. Hardly a digit has another one so near.
NEAR = 0.072
_DIRECTIONS = 16
_MOST_FOR_DIRECTIONS = 2000
_CORE = 0.4
# A batch of blurred images fits into a processor's second cache.
_BATCH = 256


def repeated(images: np.ndarray) -> np.ndarray:
    """Which images occurred before in the same array, pixel by pixel.

    Args:
      images: uint8 [n, h, w].

    Returns:
      bool [n].
    """
    # Of 64 bits: two images of a hundred million hardly share one.
    hashes = np.array([hash(image.tobytes()) for image in images], np.int64)
    _, first = np.unique(hashes, return_index=True)
    again = np.ones(len(images), bool)
    again[first] = False
    return again


class CopyFinder:
    """Finds the near copies that some images have of others.

    Unit vectors that are near each other are no further apart in their main
    directions, where a tree finds them without looking at all pairs.
    """

    def __init__(self, among: np.ndarray) -> None:
        """Looks at the images that may have been copied.

        Args:
          among: uint8 [m, h, w].
        """
        self._among = among
        # A tree of many images at one place is no tree.
        self._kept = np.flatnonzero(~repeated(among) & ~_constant(among))
        some = self._kept[sampled(len(self._kept), _MOST_FOR_DIRECTIONS)]
        self._directions = main_directions(_canonical(among[some]), _DIRECTIONS)
        self._tree = KDTree(self._places(among[self._kept]), balanced_tree=False)

    def nearest(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds the nearest one that is within ``NEAR``.

        Args:
          images: uint8 [n, h, w].

        Returns:
          Its position, int64 [n], and its distance, float32 [n], infinite where none
          is so near; images of one single value are near to none.
        """
        position = np.zeros(len(images), np.int64)
        distance = np.full(len(images), np.inf, np.float32)
        asked = np.flatnonzero(~_constant(images))
        far, found = self._tree.query(
            self._places(images[asked]), distance_upper_bound=NEAR
        )
        asked, found = asked[np.isfinite(far)], found[np.isfinite(far)]
        position[asked] = self._kept[found]
        one, other = _canonical(images[asked]), _canonical(self._among[position[asked]])
        exact = np.linalg.norm(one - other, axis=1)
        distance[asked] = np.where(exact < NEAR, exact, np.inf)
        return position, distance

    def _places(self, images: np.ndarray) -> np.ndarray:
        """Places along the main directions, float32 [n, k]."""
        parts = [vectors @ self._directions for vectors in _batches(images)]
        empty = np.empty((0, self._directions.shape[1]), np.float32)
        return np.concatenate([empty, *parts])


def _constant(images: np.ndarray) -> np.ndarray:
    flat = images.reshape(len(images), -1)
    return flat.min(axis=1) == flat.max(axis=1)


def _canonical(images: np.ndarray) -> np.ndarray:
    """Blurs, centres and scales images uint8 [n, h, w] to unit vectors [n, h * w]."""
    empty = np.empty((0, images.shape[1] * images.shape[2]), np.float32)
    return np.concatenate([empty, *_batches(images)])


def _batches(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), _BATCH):
        yield _centred(_blurred(images[start : start + _BATCH]))


def _blurred(images: np.ndarray) -> np.ndarray:
    """Weighs each pixel with its neighbours, 1 2 1 across and down; sums in uint16."""
    rows = images.astype(np.uint16)
    across = rows * 2
    across[:, :, 1:] += rows[:, :, :-1]
    across[:, :, :-1] += rows[:, :, 1:]
    both = across * 2
    both[:, 1:] += across[:, :-1]
    both[:, :-1] += across[:, 1:]
    return both


def _centred(images: np.ndarray) -> np.ndarray:
    """Rolls the centre of the bright parts into the middle; unit vectors [n, h * w]."""
    count, height, width = images.shape
    flat = images.reshape(count, -1).astype(np.float32)
    bright = np.where(flat > _CORE * flat.max(axis=1, keepdims=True), flat, 0)
    down, across = np.divmod(np.arange(height * width, dtype=np.float32), width)
    sums = bright @ np.stack([down, across, np.ones_like(down)], axis=1)
    middle = np.array([height - 1, width - 1], np.float32) / 2
    moves = np.rint(middle - sums[:, :2] / np.maximum(sums[:, 2:], 1)).astype(int)
    moved = np.empty_like(images)
    kinds, kind = np.unique(moves, axis=0, return_inverse=True)
    for index, move in enumerate(kinds):
        own = np.flatnonzero(kind.ravel() == index)
        moved[own] = np.roll(images[own], move, axis=(1, 2))
    lengths = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    return moved.reshape(count, -1) / np.maximum(lengths, 1)[:, None]
