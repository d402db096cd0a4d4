"""Digits put on pages, as people photograph and scan them; every draw is seeded."""

import io

import numpy as np
from PIL import Image, ImageFilter

from components.checkout import PROJECT_ROOT
from components.examples import read_examples
from components.image_spec import MNIST

Grey = np.ndarray


def first_digits(count: int) -> tuple[Grey, Grey]:
    """Returns the first test digits, uint8 [n, 28, 28], and their labels, int64 [n]."""
    pattern = str(PROJECT_ROOT / "data" / "mnist" / "test" / "*")
    images, labels = read_examples(MNIST, [pattern], limit=count)
    return images.reshape(-1, 28, 28), labels


def cover(digit: Grey, side: int) -> Grey:
    """Returns how much ink covers each pixel, float [side, side] in 0..1."""
    large = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(large, np.float32) / 255


def put(
    digit: Grey,
    size: tuple[int, int],
    side: int,
    place: tuple[int, int],
    ink: float,
    ground: float,
) -> Grey:
    """Puts a digit on an even page.

    Args:
      digit: uint8 [28, 28], bright on black.
      size: height and width of the page.
      side: of the square that the 28×28 pixels fill.
      place: row and column of its upper left corner.
      ink: grey of the strokes.
      ground: grey of the page.

    Returns:
      float32 [height, width], 0..255.
    """
    page = np.full(size, ground, np.float32)
    row, column = place
    part = page[row : row + side, column : column + side]
    part += cover(digit, side) * (ink - ground)
    return page


def grey_page(digit: Grey) -> Grey:
    """300 pixels high, dark on a grey page of 1400×1000, off the centre."""
    return to_bytes(put(digit, (1000, 1400), 300, (560, 930), 40, 190))


def black_corner(digit: Grey) -> Grey:
    """As it is, in the lower right corner of a black square of 56×56."""
    page = np.zeros((56, 56), np.uint8)
    page[28:, 28:] = digit
    return page


def middle_grey(digit: Grey, ink: float) -> Grey:
    """On a page of grey 120."""
    return to_bytes(put(digit, (600, 800), 250, (90, 410), ink, 120))


def white_page(digit: Grey) -> Grey:
    """Black ink in the corner of a white page."""
    return to_bytes(put(digit, (800, 800), 200, (20, 30), 0, 255))


def random_page(digit: Grey, rng: np.random.Generator) -> Grey:
    """Draws size, place, ink, ground, shadow, texture and noise of a page.

    Returns:
      uint8 [height, width].
    """
    height, width = rng.integers(200, 1400, 2)
    shorter = min(height, width)
    side = int(shorter * rng.uniform(0.15, 0.9))
    place = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    ground, contrast = rng.uniform(0, 255), rng.uniform(60, 200)
    ink = ground - contrast if ground > 127 else ground + contrast
    page = put(digit, (height, width), side, place, float(np.clip(ink, 0, 255)), ground)
    page *= shadow((height, width), rng)
    page += texture((height, width), rng)
    page += rng.normal(0, rng.uniform(0, 8), page.shape)
    return to_bytes(page)


def shadow(size: tuple[int, int], rng: np.random.Generator) -> Grey:
    """Returns the share of the light that is left: a gradient, a vignette, an edge."""
    rows, columns = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    light = 1 - rng.uniform(0, 0.2) * (along + 1) / 2
    light -= rng.uniform(0, 0.25) * (rows**2 + columns**2) / 2
    if rng.random() < 0.5:
        softness = rng.uniform(0.02, 0.3)
        edge = 1 / (1 + np.exp(-(along - rng.uniform(-0.7, 0.7)) / softness))
        light *= 1 - rng.uniform(0, 0.4) * edge
    return light.astype(np.float32)


def texture(size: tuple[int, int], rng: np.random.Generator) -> Grey:
    """Returns the unevenness of paper, a few greys either way."""
    rough = rng.normal(0, 1, (size[0] // 4 + 1, size[1] // 4 + 1))
    strength = rng.uniform(0, 4)
    image = Image.fromarray(rough.astype(np.float32))
    return strength * np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR))


def to_bytes(page: Grey) -> Grey:
    """Rounds to uint8."""
    return page.round().clip(0, 255).astype(np.uint8)


def ruled(page: Grey, rng: np.random.Generator, squared: bool) -> Grey:
    """Draws the lines of a school book, fainter than the ink."""
    lined = page.astype(np.float32)
    step = int(min(page.shape) / rng.uniform(8, 20))
    wide = max(1, step // 25)
    bright = np.median(page) > 127
    faint = rng.uniform(20, 50) * (-1 if bright else 1)
    rows = np.arange(page.shape[0]) % step < wide
    columns = (np.arange(page.shape[1]) % step < wide) & squared
    lined[rows[:, None] | columns] += faint
    return to_bytes(lined)


def framed(page: Grey, rng: np.random.Generator) -> Grey:
    """Puts the page on a scanner's black, or a dark table, on some sides."""
    edged = page.copy()
    for axis in (0, 1):
        wide = int(page.shape[axis] * rng.uniform(0.01, 0.06))
        part = np.swapaxes(edged, 0, axis)
        if rng.random() < 0.7:
            part[:wide] = rng.integers(0, 40)
        if rng.random() < 0.7:
            part[-wide:] = rng.integers(0, 40)
    return edged


def as_jpeg(page: Grey, quality: int) -> Grey:
    """Returns what is left after a JPEG of that quality."""
    stream = io.BytesIO()
    Image.fromarray(page).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def thinned(digit: Grey, side: int, wide: float) -> Grey:
    """Returns cover of a digit redrawn with a stroke of ``wide`` pixels, roughly."""
    from scipy import ndimage

    inside = cover(digit, side) > 0.5
    depth = ndimage.distance_transform_edt(inside)
    ridge = (depth == ndimage.maximum_filter(depth, 3)) & (depth > side / 60)
    joined = ndimage.binary_closing(ridge, iterations=max(2, side // 60))
    far = ndimage.distance_transform_edt(~joined)
    return np.clip(wide / 2 - far + 0.5, 0, 1).astype(np.float32)


def thickened(digit: Grey, side: int, by: float) -> Grey:
    """Returns cover of a digit whose strokes grew by ``by`` pixels on each side."""
    from scipy import ndimage

    far = ndimage.distance_transform_edt(cover(digit, side) <= 0.5)
    return np.clip(by - far + 0.5, 0, 1).astype(np.float32)


def blurred(page: Grey, radius: float) -> Grey:
    """Returns the page out of focus."""
    return np.asarray(Image.fromarray(page).filter(ImageFilter.GaussianBlur(radius)))
