"""Turns pictures of any size and colour into the images of records.

``data convert`` and ``predict`` both read pictures here, so that a model is asked
about what it was trained on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from components.errors import PipelineError
from components.features import MAX_PIXEL
from pipeline.datasets.file_kinds import HEAD_SIZE, describe_kind, read_head
from pipeline.datasets.target import TARGET

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif"),
    *(".webp", ".bmp", ".gif", ".tif", ".tiff"),
)
KINDS = "PNG, JPEG, WebP, BMP, GIF or TIFF"
# Pixels a side from which an image's 28 can be averaged.
SMALL = 4 * max(TARGET.width, TARGET.height)
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# A grey picture that was saved as a JPEG in colour is a little off grey.
_LEAST_COLOUR = 16
_MOST_COLOUR_PIXELS = 256
# The two outer rows and columns, and what lies well inside.
_RING = np.pad(
    np.zeros((TARGET.height - 4, TARGET.width - 4), bool), 2, constant_values=True
)
_MIDDLE = 6
_READ_KINDS = tuple(
    f"a {kind} image" for kind in ("PNG", "JPEG", "WebP", "BMP", "GIF", "TIFF")
)
# What Pillow raises for a file that is damaged or cut short.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, MemoryError)
# Pixels in memory at once, up to four bytes each, and in a file that is read smaller.
_MOST_DECODED = 250_000_000
_MOST_STORED = 1_000_000_000
_OPENING = threading.Lock()


class PictureError(PipelineError):
    """A picture that cannot be read; says what was expected and received."""


@dataclass(frozen=True)
class GreyPicture:
    """A picture as it lies there, but upright and grey.

    Attributes:
      values: uint8 [height, width]; a large JPEG may have been decoded smaller.
      size: width and height in the file, before EXIF turned it.
      colour: whether there was colour to drop.
      frames: whether it holds more than one; the first one is read.
    """

    values: np.ndarray
    size: tuple[int, int]
    colour: bool
    frames: bool


def is_picture(path: Path) -> bool:
    """Says by its name whether a file is a picture."""
    return path.suffix.lower() in SUFFIXES


def read_picture(source: Path | BinaryIO, least: int = SMALL) -> GreyPicture:
    """Reads a PNG, JPEG, WebP, BMP, GIF or TIFF, told by its content, in grey.

    It is turned upright as its EXIF says. Under transparent parts lies white where the
    ink is dark, black where it is bright.

    Args:
      source: a file, by path or open for reading from its start.
      least: a JPEG larger than twice this, in pixels along its shorter side, is decoded
        at a half, a quarter or an eighth of its size.

    Raises:
      PictureError: it is of another kind, which is named, damaged, or too large to
        decode.
    """
    try:
        with _without_pillows_limit():
            opened = Image.open(source, formats=_FORMATS)
        with opened as image:
            size, frames = image.size, _has_frames(image)
            _draft(image, least)
            upright = ImageOps.exif_transpose(image)
            grey = np.asarray(_grey(upright))
            return GreyPicture(grey, size, _has_colour(upright), frames)
    except _DAMAGE as error:
        raise PictureError(
            f"expected a picture ({KINDS}), received {_describe(error, source)}"
        ) from error


def _draft(image: Image.Image, least: int) -> None:
    """Lets libjpeg decode a large photo small; refuses what stays too large."""
    stored = image.width * image.height
    # Its Y is the grey.
    image.draft("L" if image.mode == "L" else "YCbCr", (least, least))
    # All coefficients of a progressive JPEG are held, however small it is read.
    whole = "progressive" in image.info
    decoded = stored if whole else image.width * image.height
    if stored > _MOST_STORED or decoded > _MOST_DECODED:
        raise PictureError(
            f"expected a picture of at most {_MOST_DECODED // 10**6:,} million "
            f"pixels, or a baseline JPEG of {_MOST_STORED // 10**6:,} million, "
            f"received {stored / 10**6:,.0f} million. Save it smaller"
        )


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
    """Says whether an image, uint8 [28, 28], seems to be dark ink on a bright ground.

    As ``components.pictures.preparation.looks_dark``, which loads TensorFlow.
    """
    ring = pixels[_RING]
    # Most pictures end here, before what takes longer.
    if 2 * np.count_nonzero(ring > MAX_PIXEL // 2) <= ring.size:
        return False
    middle = pixels[_MIDDLE:-_MIDDLE, _MIDDLE:-_MIDDLE]
    return bool(np.percentile(middle, 5) < 0.75 * np.median(ring))


def _grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        return _on_contrast(image.convert("RGBA"))
    if image.mode.startswith(("I", "F")):
        # Pillow clips what is more than 8 bits a pixel where it should scale it.
        values = np.asarray(image, np.float64)
        largest = 1 if image.mode == "F" else 2**16 - 1
        if not (values.min() >= 0 and values.max() <= largest):
            raise ValueError(f"pixels outside 0..{largest}")
        return Image.fromarray((values * MAX_PIXEL / largest).round().astype(np.uint8))
    return image.convert("L")


def _has_frames(image: Image.Image) -> bool:
    # A phone's JPEG may hold a preview or a depth map as well, which is no frame.
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


def _has_colour(image: Image.Image) -> bool:
    if image.mode in ("1", "L", "LA", "La") or image.mode.startswith(("I", "F")):
        return False
    factor = max(1, max(image.size) // _MOST_COLOUR_PIXELS)
    if image.has_transparency_data:
        # What is not seen has no colour.
        seen = image.convert("RGBA").reduce(factor)
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
        factor = 1
    if image.mode == "P":
        image = image.convert("RGB")
    small = np.asarray(image.reduce(factor).convert("RGB"), np.int16)
    return bool(np.ptp(small, axis=2).max() > _LEAST_COLOUR)


def _on_contrast(image: Image.Image) -> Image.Image:
    """Lays a picture in RGBA on white if what is seen of it is dark, else on black."""
    opacity = image.getchannel("A")
    grey = image.convert("L")
    seen = np.average(np.asarray(grey), weights=np.asarray(opacity) + np.float32(1e-9))
    ground = Image.new("L", image.size, MAX_PIXEL if seen < MAX_PIXEL / 2 else 0)
    ground.paste(grey, mask=opacity)
    return ground


def fit(grey: np.ndarray) -> np.ndarray:
    """Scales a grey picture to 28 along its longer side and fills up the other.

    Args:
      grey: uint8 [height, width].

    Returns:
      uint8 [28, 28].
    """
    image = Image.fromarray(grey)
    scale = min(TARGET.width / image.width, TARGET.height / image.height)
    # ImageOps.contain would round the shorter side of a thin strip to nothing.
    size = [max(1, round(side * scale)) for side in image.size]
    values = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
    if values.shape == (TARGET.height, TARGET.width):
        return values
    edges = (values[0], values[-1], values[:, 0], values[:, -1])
    fitted = np.full(
        (TARGET.height, TARGET.width), np.median(np.concatenate(edges)), np.uint8
    )
    top, left = (
        (TARGET.height - values.shape[0]) // 2,
        (TARGET.width - values.shape[1]) // 2,
    )
    fitted[top : top + values.shape[0], left : left + values.shape[1]] = values
    return fitted


def _describe(error: BaseException, source: Path | BinaryIO) -> str:
    if isinstance(error, UnidentifiedImageError):
        kind = describe_kind(_head(source))
        rare = ", damaged or of a rare kind" if kind in _READ_KINDS else ""
        return kind + rare
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"a damaged one ({error or type(error).__name__})"


def _head(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        return read_head(source)
    source.seek(0)
    return source.read(HEAD_SIZE)
