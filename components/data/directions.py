"""The main directions of images, as flat pixels: what the audit looks along.

``profile``, ``copies`` and ``label_issues`` use them; ``sampled`` also bounds what the
audit measures on.
"""

import numpy as np

# Enough images to find them; more directions on the way make the last ones exact.
_MOST_IMAGES = 2000
_EXTRA = 16
_ROUNDS = 3


def sampled(count: int, most: int, seed: int = 0) -> np.ndarray:
    """Returns positions of a random sample, in order; never every k-th.

    Records that take turns, label by label, would hide from every k-th.

    Args:
      count: how many there are.
      most: how many are chosen.
      seed: of the choice.

    Returns:
      int64 [min(count, most)].
    """
    if count <= most:
        return np.arange(count)
    chosen = np.random.default_rng(seed).choice(count, most, replace=False)
    return np.sort(chosen)


def main_directions(flat: np.ndarray, count: int) -> np.ndarray:
    """Finds the directions of the largest variance.

    By subspace iteration from random directions (N. Halko, P. Martinsson and J. Tropp,
    "Finding Structure with Randomness", SIAM Review 53, 2011): its time grows with the
    number of pixels, not with the cube of it.

    Args:
      flat: uint8 or float32 [n, pixels].
      count: how many directions.

    Returns:
      float32 [pixels, min(count, pixels)], orthonormal, the largest variance first.
    """
    some = flat[sampled(len(flat), _MOST_IMAGES)].astype(np.float32)
    some -= some.sum(axis=0) / max(len(some), 1)
    shape = flat.shape[1], min(count + _EXTRA, flat.shape[1])
    found = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for _ in range(_ROUNDS):
        found, _ = np.linalg.qr(some.T @ (some @ found))
    places = some @ found
    _, turn = np.linalg.eigh(places.T @ places)
    return np.ascontiguousarray(found @ turn[:, ::-1][:, :count])
