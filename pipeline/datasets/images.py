"""Turns pictures of any size and colour into the pixels of a record.

``data convert`` and ``predict`` both read pictures here, so that a model is asked
about what it was trained on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from components.errors import PipelineError
from components.features import HEIGHT, MAX_PIXEL, WIDTH

SUFFIXES = (".png", ".jpg", ".jpeg")
_FORMATS = ("PNG", "JPEG")
# The two outer rows and columns, and what lies well inside.
_RING = np.pad(np.zeros((HEIGHT - 4, WIDTH - 4), bool), 2, constant_values=True)
_MIDDLE = 6
_LEAST_CONTRAST = 32
# What Pillow raises for a file that is damaged or cut short.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, MemoryError)
# Pixels in memory at once, up to four bytes each, and in a file that is read smaller.
_MOST_DECODED = 250_000_000
_MOST_STORED = 1_000_000_000
_OPENING = threading.Lock()


class ImageError(PipelineError):
    """A picture that cannot be read; says what was expected and received."""


def is_image(path: Path) -> bool:
    """Says by its name whether a file is a picture."""
    return path.suffix.lower() in SUFFIXES


def load_image(source: Path | BinaryIO) -> np.ndarray:
    """Reads a PNG or JPEG as the pixels of a record.

    The picture is read by ``read_grey``, fitted into the square with its proportions
    kept, and its own border's grey put around it.

    Args:
      source: a file, by path or open for reading.

    Returns:
      uint8 [28, 28].

    Raises:
      ImageError: as ``read_grey``.
    """
    return _fit(Image.fromarray(read_grey(source, 4 * max(WIDTH, HEIGHT))))


def read_grey(source: Path | BinaryIO, least: int) -> np.ndarray:
    """Reads a PNG or JPEG in grey, upright as its EXIF says.

    Under transparent parts lies white where the ink is dark, black where it is bright.

    Args:
      source: a file, by path or open for reading.
      least: a JPEG larger than twice this, in pixels along its shorter side, is decoded
        at a half, a quarter or an eighth of its size.

    Returns:
      uint8 [height, width].

    Raises:
      ImageError: it is no PNG or JPEG, damaged, or too large to decode.
    """
    try:
        with _open(source) as image:
            stored = image.width * image.height
            image.draft("L", (least, least))
            # All coefficients of a progressive JPEG are held, however small it is read.
            whole = "progressive" in image.info
            decoded = stored if whole else image.width * image.height
            if stored > _MOST_STORED or decoded > _MOST_DECODED:
                raise ImageError(
                    f"expected a picture of at most {_MOST_DECODED // 10**6:,} million "
                    f"pixels, or a baseline JPEG of {_MOST_STORED // 10**6:,} million, "
                    f"received {stored / 10**6:,.0f} million. Save it smaller"
                )
            return np.asarray(_grey(ImageOps.exif_transpose(image)))
    except _DAMAGE as error:
        raise ImageError(
            f"expected a PNG or JPEG image, received {_describe(error)}"
        ) from error


def _open(source: Path | BinaryIO) -> Image.Image:
    with _without_pillows_limit():
        return Image.open(source, formats=_FORMATS)


@contextmanager
def _without_pillows_limit() -> Iterator[None]:
    """Lets a picture be opened whose size will be looked at before it is decoded."""
    with _OPENING:
        limit = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def looks_inverted(pixels: np.ndarray) -> bool:
    """Says whether a picture seems to be dark ink on a bright ground.

    Args:
      pixels: uint8 [28, 28].

    Returns:
      Whether most of the border is bright and some of the middle much darker: true
      of none of the test images of MNIST and Fashion-MNIST, and of 99.8 % of their
      negatives.
    """
    ring = pixels[_RING]
    # Most pictures end here, before what takes longer.
    if 2 * np.count_nonzero(ring > MAX_PIXEL // 2) <= ring.size:
        return False
    middle = pixels[_MIDDLE:-_MIDDLE, _MIDDLE:-_MIDDLE]
    return bool(np.percentile(middle, 5) < 0.75 * np.median(ring))


def invert(pixels: np.ndarray) -> np.ndarray:
    """Turns dark ink on a bright ground into bright ink on black.

    The ground of a photo is never quite white, so a mere negative would leave it
    grey, unlike anything that a model was trained on.

    Args:
      pixels: uint8 [28, 28].

    Returns:
      uint8 [28, 28]: 0 for the border's median and brighter, 255 for the darkest
      pixel; the negative where these two hardly differ.
    """
    ground, ink = float(np.median(pixels[_RING])), float(pixels.min())
    if ground - ink < _LEAST_CONTRAST:
        return MAX_PIXEL - pixels
    stretched = (ground - pixels) * (MAX_PIXEL / (ground - ink))
    return stretched.round().clip(0, MAX_PIXEL).astype(np.uint8)


def _grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return _on_contrast(image.convert("RGBA"))
    if image.mode.startswith(("I", "F")):
        # Pillow clips 16 bits a pixel where it should scale them.
        values = np.asarray(image, np.float64) * MAX_PIXEL / (2**16 - 1)
        return Image.fromarray(values.round().clip(0, MAX_PIXEL).astype(np.uint8))
    return image.convert("L")


def _on_contrast(image: Image.Image) -> Image.Image:
    """Lays a picture in RGBA on white if what is seen of it is dark, else on black."""
    opacity = image.getchannel("A")
    grey = image.convert("L")
    seen = np.average(np.asarray(grey), weights=np.asarray(opacity) + np.float32(1e-9))
    ground = Image.new("L", image.size, MAX_PIXEL if seen < MAX_PIXEL / 2 else 0)
    ground.paste(grey, mask=opacity)
    return ground


def _fit(image: Image.Image) -> np.ndarray:
    """Scales a grey picture to 28 along its longer side and fills up the other."""
    scale = min(WIDTH / image.width, HEIGHT / image.height)
    # ImageOps.contain would round the shorter side of a thin strip to nothing.
    size = [max(1, round(side * scale)) for side in image.size]
    values = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    if values.shape == (HEIGHT, WIDTH):
        return values
    edges = (values[0], values[-1], values[:, 0], values[:, -1])
    fitted = np.full((HEIGHT, WIDTH), np.median(np.concatenate(edges)), np.uint8)
    top, left = (HEIGHT - values.shape[0]) // 2, (WIDTH - values.shape[1]) // 2
    fitted[top : top + values.shape[0], left : left + values.shape[1]] = values
    return fitted


def _describe(error: BaseException) -> str:
    if isinstance(error, Image.UnidentifiedImageError):
        return "another kind of file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"a damaged one ({error or type(error).__name__})"
