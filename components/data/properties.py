"""Properties of images that people can name, each one number an image.

``profile`` compares those of new data with those of earlier data.
"""

import numpy as np

from components.features import MAX_PIXEL

PROPERTIES = (
    "brightness",
    "contrast",
    "ink",
    "dark ground",
    "full ink",
    "roughness",
    "centre, across",
    "centre, down",
    "left edge",
    "right edge",
    "top edge",
    "bottom edge",
    "slant",
)
# Ink is brighter than that.
_HALF = MAX_PIXEL // 2
# Ground is darker than that, and full ink brighter.
_DARK, _FULL = MAX_PIXEL // 16, MAX_PIXEL - MAX_PIXEL // 16
# An edge is where the image is at least so bright.
_EDGE = 64
# A batch fits into a processor's second cache.
_BATCH = 256


def grey(images: np.ndarray) -> np.ndarray:
    """Returns uint8 [n, h, w] of images uint8 [n, h, w] or [n, h, w, channels]."""
    if images.ndim == 3:
        return images
    return np.rint(images.mean(axis=3)).astype(np.uint8)


def properties(images: np.ndarray) -> np.ndarray:
    """Measures images.

    Args:
      images: uint8 [n, h, w].

    Returns:
      float32 [n, len(PROPERTIES)], in the order of ``PROPERTIES``. Places are in
      pixels; an image without ink has its edges at the border.
    """
    parts = [
        _measure(images[start : start + _BATCH])
        for start in range(0, len(images), _BATCH)
    ]
    empty = np.empty((0, len(PROPERTIES)), np.float32)
    return np.concatenate([empty, *parts])


def _measure(images: np.ndarray) -> np.ndarray:
    """Measures a batch uint8 [n, h, w]."""
    count, height, width = images.shape
    flat = images.reshape(count, -1).astype(np.float32) / np.float32(MAX_PIXEL)
    down, across = np.divmod(np.arange(height * width, dtype=np.float32), width)
    moments = np.stack([np.ones_like(down), across, down, down**2, across * down])
    total, *sums = (flat @ moments.T).T
    x, y, squares, both = sums / np.maximum(total, 1e-6)
    mean = total / flat.shape[1]
    variance = np.einsum("ij,ij->i", flat, flat) / flat.shape[1] - mean * mean
    inked = images >= _EDGE
    used_columns, used_rows = inked.any(axis=1), inked.any(axis=2)
    return np.stack(
        [
            mean,
            np.sqrt(np.maximum(variance, 0)),
            _share(images > _HALF),
            _share(images < _DARK),
            _share(images > _FULL),
            _roughness(flat, height, width),
            x,
            y,
            used_columns.argmax(axis=1),
            width - 1 - used_columns[:, ::-1].argmax(axis=1),
            used_rows.argmax(axis=1),
            height - 1 - used_rows[:, ::-1].argmax(axis=1),
            (both - x * y) / np.maximum(squares - y * y, 1e-3),
        ],
        axis=1,
    ).astype(np.float32)


def _share(chosen: np.ndarray) -> np.ndarray:
    return chosen.reshape(len(chosen), -1).mean(axis=1, dtype=np.float32)


def _roughness(flat: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mean difference between neighbours, across and down, of [n, h * w]."""
    down = np.abs(flat[:, width:] - flat[:, :-width]).mean(axis=1)
    in_a_row = np.arange(1, height * width) % width != 0
    across = np.abs(flat[:, 1:] - flat[:, :-1]) @ in_a_row.astype(np.float32)
    return down + across / (height * (width - 1))
