"""What is laid over images, or stands in their place: pure functions.

``plants`` says which records they are made to.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.defects.changes import Change, chance

# Letters that look like no digit.
_LETTERS = "ACEFHJKMNPRUVWXY"
# Least and largest left, top, right and bottom of a shape.
_SPANS = ((3, 10), (3, 10), (16, 25), (16, 25))


def framed(width: int, value: int = 255) -> Change:
    """A border around the image."""

    def change(images: np.ndarray) -> np.ndarray:
        spoilt = np.full_like(images, value)
        inner = slice(width, -width)
        spoilt[:, inner, inner] = images[:, inner, inner]
        return spoilt

    return change


def corner_mark(size: int, value: int = 255) -> Change:
    """A bright square in the upper left corner."""

    def change(images: np.ndarray) -> np.ndarray:
        spoilt = images.copy()
        spoilt[:, :size, :size] = value
        return spoilt

    return change


def dead_column(column: int, value: int = 0) -> Change:
    """One column of one single value."""

    def change(images: np.ndarray) -> np.ndarray:
        spoilt = images.copy()
        spoilt[:, :, column] = value
        return spoilt

    return change


def hidden_box(size: int) -> Change:
    """A black square at some place of the middle of each image."""

    def change(images: np.ndarray) -> np.ndarray:
        spoilt = images.copy()
        rng = chance(images)
        corners = rng.integers(6, images.shape[1] - 6 - size + 1, (len(images), 2))
        for image, (top, left) in zip(spoilt, corners, strict=True):
            image[top : top + size, left : left + size] = 0
        return spoilt

    return change


def written_on(text: str, value: int = 160) -> Change:
    """A text across the image, as a watermark."""

    def change(images: np.ndarray) -> np.ndarray:
        mark = Image.new("L", images.shape[:0:-1])
        ImageDraw.Draw(mark).text((0, 16), text, value, ImageFont.load_default())
        return np.maximum(images, np.asarray(mark))

    return change


def letters(images: np.ndarray) -> np.ndarray:
    """Letters that look like no digit, in many sizes and places."""
    rng = chance(images)
    font = ImageFont.load_default()
    drawn = []
    for _ in images:
        small = Image.new("L", (8, 11))
        draw = ImageDraw.Draw(small)
        draw.text((1, 0), _LETTERS[rng.integers(len(_LETTERS))], 255, font)
        box = small.getbbox() or (0, 0, 8, 11)
        tall, wide = rng.integers(18, 22), rng.integers(14, 20)
        page = Image.new("L", images.shape[:0:-1])
        large = small.crop(box).resize((wide, tall), 2)
        page.paste(large, tuple((np.array(page.size) - large.size) // 2))
        page = page.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR)
        drawn.append(np.asarray(page))
    return np.stack(drawn)


def shapes(images: np.ndarray) -> np.ndarray:
    """Filled boxes and discs."""
    rng = chance(images)
    drawn = []
    for index in range(len(images)):
        page = Image.new("L", images.shape[:0:-1])
        draw = ImageDraw.Draw(page)
        left, top, right, bottom = (rng.integers(*span) for span in _SPANS)
        shape = draw.ellipse if index % 2 else draw.rectangle
        shape((left, top, right, bottom), fill=int(rng.integers(120, 256)))
        drawn.append(np.asarray(page))
    return np.stack(drawn)
