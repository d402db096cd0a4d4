"""Images and weights as small PNG files for the page, each as a data URI."""

import base64
import io

import numpy as np
from PIL import Image

_LEVELS = 256
# Blue for negative weights, orange for positive; both show on white and on black.
_NEGATIVE, _POSITIVE = (47, 111, 190), (222, 112, 38)
_GAP = 2


def one(image: np.ndarray) -> str:
    """Encodes one image, uint8 [height, width]."""
    return _uri(Image.fromarray(image))


def strip(images: np.ndarray) -> str:
    """Encodes images uint8 [n, height, width] side by side."""
    return _uri(Image.fromarray(np.hstack([*images])))


def weights(kernels: np.ndarray, columns: int) -> str:
    """Encodes weights as tiles: the stronger a weight, the less transparent.

    Args:
      kernels: float [n, height, width]; each is scaled by its own largest weight.
      columns: tiles in a row.
    """
    scale = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    scaled = kernels / np.where(scale > 0, scale, 1)
    middle = _LEVELS // 2
    levels = np.round(middle + scaled * (middle - 1)).astype(np.uint8)
    image = Image.fromarray(_tiled(levels, columns, middle))
    image.putpalette(_NEGATIVE * middle + _POSITIVE * (_LEVELS - middle))
    opacity = np.minimum(np.abs(np.arange(_LEVELS) - middle) * 2, 255)
    return _uri(image, transparency=opacity.astype(np.uint8).tobytes())


def _tiled(tiles: np.ndarray, columns: int, background: int) -> np.ndarray:
    """Lays out uint8 [n, h, w] row by row, with gaps between."""
    rows = -(-len(tiles) // columns)
    framed = np.pad(tiles, ((0, 0), (0, _GAP), (0, _GAP)), constant_values=background)
    _, height, width = framed.shape
    sheet = np.full((rows * columns, height, width), background, np.uint8)
    sheet[: len(framed)] = framed
    cells = sheet.reshape(rows, columns, height, width).swapaxes(1, 2)
    return cells.reshape(rows * height, columns * width)[:-_GAP, :-_GAP]


def _uri(image: Image.Image, **options: bytes) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, **options)
    return embed(buffer.getvalue())


def embed(png: bytes) -> str:
    """Encodes the content of a PNG file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
