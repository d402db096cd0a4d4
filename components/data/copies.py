"""Finds images that are copies of others, whole or nearly so.

An image is a near copy of another where both are alike once they are blurred, moved to
their centre of mass and scaled to one brightness: a pixel that was changed, a shift, a
dimmed or a lightly noisy copy all stay near.
"""

import math

import numpy as np

# Distance between two unit vectors. Hardly a digit has another one so near.
NEAR = 0.072
_DIRECTIONS = 32
_CORE = 0.4
_BATCH = 2048
# Their products with all others still fit into a processor's last cache.
_ROWS = 64


def repeated(images: np.ndarray) -> np.ndarray:
    """Which images occurred before in the same array, pixel by pixel.

    Args:
      images: uint8 [n, h, w].

    Returns:
      bool [n].
    """
    size = math.prod(images.shape[1:])
    flat = np.ascontiguousarray(images).reshape(len(images), size)
    rows = flat.view(np.dtype((np.void, size))).reshape(len(images))
    _, first = np.unique(rows, return_index=True)
    again = np.ones(len(images), bool)
    again[first] = False
    return again


def near_copies(images: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest of some images for each image.

    Args:
      images: uint8 [n, h, w].
      among: uint8 [m, h, w], m at least 1.

    Returns:
      The index of the nearest, int64 [n], and its distance, float32 [n]; images of
      one single value are at an infinite distance from all.
    """
    known, asked = _canonical(among), _canonical(images)
    some = known[:: max(len(known) // 8000, 1)]
    mean = some.mean(axis=0)
    _, vectors = np.linalg.eigh((some - mean).T @ (some - mean))
    directions = vectors[:, ::-1][:, :_DIRECTIONS]
    # The nearest is the one with the largest product less half of its own square.
    places = (known - mean) @ directions
    halves = np.square(places).sum(axis=1, keepdims=True) / 2
    table = np.ascontiguousarray(np.concatenate([places, halves], axis=1).T)
    nearest = np.zeros(len(asked), np.int64)
    for start in range(0, len(asked), _ROWS):
        block = (asked[start : start + _ROWS] - mean) @ directions
        block = np.concatenate([block, np.full((len(block), 1), -1, "f4")], axis=1)
        nearest[start : start + _ROWS] = (block @ table).argmax(axis=1)
    distance = np.linalg.norm(asked - known[nearest], axis=1)
    flat = images.reshape(len(images), -1)
    constant = flat.min(axis=1) == flat.max(axis=1)
    return nearest, np.where(constant, np.inf, distance).astype(np.float32)


def _canonical(images: np.ndarray) -> np.ndarray:
    """Blurs, centres and scales images uint8 [n, h, w] to unit vectors [n, h * w]."""
    parts = [
        _centred(_blurred(images[start : start + _BATCH].astype(np.float32)))
        for start in range(0, len(images), _BATCH)
    ]
    empty = np.empty((0, images.shape[1] * images.shape[2]), np.float32)
    return np.concatenate([empty, *parts])


def _blurred(images: np.ndarray) -> np.ndarray:
    """Weighs each pixel with its neighbours, 1 2 1 across and down."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]) / 16


def _centred(images: np.ndarray) -> np.ndarray:
    """Rolls the centre of the bright parts into the middle; unit vectors [n, h * w]."""
    count, height, width = images.shape
    bright = images * (images > _CORE * images.max(axis=(1, 2), keepdims=True))
    mass = np.maximum(bright.sum(axis=(1, 2)), 1)
    across = np.rint(
        (width - 1) / 2 - bright.sum(axis=1) @ np.arange(width, dtype="f4") / mass
    ).astype(int)
    down = np.rint(
        (height - 1) / 2 - bright.sum(axis=2) @ np.arange(height, dtype="f4") / mass
    ).astype(int)
    rows = (np.arange(height) - down[:, None]) % height
    columns = (np.arange(width) - across[:, None]) % width
    index = np.arange(count)[:, None, None]
    moved = images[index, rows[:, :, None], columns[:, None, :]].reshape(count, -1)
    return moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1)
