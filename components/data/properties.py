"""Properties of images that people can name, each one number an image.

``profile`` compares those of new data with those of earlier data.
"""

import numpy as np

from components.features import MAX_PIXEL

PROPERTIES = (
    "brightness",
    "contrast",
    "ink",
    "roughness",
    "centre, across",
    "centre, down",
    "left edge",
    "right edge",
    "top edge",
    "bottom edge",
    "slant",
)
_INKED = 0.5
# An edge is where the image is at least so bright.
_EDGE = 0.25
_BATCH = 8192


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
        _measure(images[start : start + _BATCH].astype(np.float32) / MAX_PIXEL)
        for start in range(0, len(images), _BATCH)
    ]
    empty = np.empty((0, len(PROPERTIES)), np.float32)
    return np.concatenate([empty, *parts])


def _measure(images: np.ndarray) -> np.ndarray:
    """Measures images float32 [n, h, w] in 0..1."""
    count, height, width = images.shape
    across, down = np.arange(width, dtype=np.float32), np.arange(height, dtype="f4")
    columns, rows = images.sum(axis=1), images.sum(axis=2)
    total = np.maximum(rows.sum(axis=1), 1e-6)
    x, y = columns @ across / total, rows @ down / total
    spread = np.maximum(rows @ down**2 / total - y * y, 1e-3)
    both = (images @ across) @ down / total
    inked = images >= _EDGE
    used_columns, used_rows = inked.any(axis=1), inked.any(axis=2)
    flat = images.reshape(count, -1)
    return np.stack(
        [
            flat.mean(axis=1),
            flat.std(axis=1),
            (flat > _INKED).mean(axis=1),
            _roughness(images),
            x,
            y,
            used_columns.argmax(axis=1),
            width - 1 - used_columns[:, ::-1].argmax(axis=1),
            used_rows.argmax(axis=1),
            height - 1 - used_rows[:, ::-1].argmax(axis=1),
            (both - x * y) / spread,
        ],
        axis=1,
    ).astype(np.float32)


def _roughness(images: np.ndarray) -> np.ndarray:
    """The mean difference between neighbours, across and down."""
    return sum(np.abs(np.diff(images, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
