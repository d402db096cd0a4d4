"""Makes pictures of any size and colour what the model was trained on.

TensorFlow alone: ``predict`` calls it, and the export's ``predict_image`` holds it, so
that both give the same answer.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import tensorflow as tf

from components.features import MAX_PIXEL
from components.hyperparameters import Fit
from components.pictures.ground import inside_frame, resize
from components.pictures.ink import Ink, find_ink
from components.pictures.strokes import draw

# What the images lie on that a model was trained on.
Ground = Literal["black", "white", "mixed"]
# What is known of a picture; the first leaves the rest to the model.
READ, BLANK, SMALL, UNREADABLE = range(4)
STATES = ("read", "blank", "too small", "unreadable")
# Which of ink and ground is dark: dark ink, bright ink, or to be found out.
DARK, BRIGHT, AUTO = 1, -1, 0

# Fewer pixels along the longer side of a picture, or of its ink, show no digit.
_LEAST_SIDE, _LEAST_INK = 8, 6
# The outer rows and columns of an image.
_RING = 2
_LEAST_CONTRAST = 32
_BLANK_CONTRAST = 16
# Greys within which an even border keeps, but for ink that crosses it, further off.
_EVEN, _CROSSED = 12.0, 30.0
# Ink that is cropped closely fills at least this share of both sides.
_FILLED = 0.8
# A data set on black may hold this share of images that look otherwise.
_FEW = 0.01


class Prepared(NamedTuple):
    """A picture as the model sees it, or n of them.

    Attributes:
      pixels: uint8 [height, width], bright on black; zeros unless it was read.
      state: int32, ``READ``, ``BLANK`` or ``SMALL``.
      dark: bool, whether its ink was darker than its ground and was turned.
      box: int32 [4], the top, left, bottom and right of what is shown, in pixels.
      alone: bool, whether no other ink was left out.
    """

    pixels: tf.Tensor
    state: tf.Tensor
    dark: tf.Tensor
    box: tf.Tensor
    alone: tf.Tensor


def prepare(
    grey: tf.Tensor,
    size: tuple[int, int],
    fit: Fit,
    ground: Ground = "black",
    dark: int | tf.Tensor = AUTO,
) -> Prepared:
    """Prepares one picture; one of the images' size is taken for one and not fitted.

    Args:
      grey: uint8 [h, w].
      size: height and width of the images.
      fit: ``ink`` crops the ink and draws it as MNIST's digits are, ``page`` scales the
        whole picture and fills up with its border's grey.
      ground: of the images that the model was trained on.
      dark: ``DARK``, ``BRIGHT`` or ``AUTO``.

    Returns:
      The picture.
    """
    dark = tf.convert_to_tensor(dark, tf.int32)
    sides = tf.shape(grey)
    whole = tf.concat([[0, 0], sides], 0)

    def as_page() -> Prepared:
        pixels, state, turned = prepare_images(fit_page(grey, size)[None], ground, dark)
        return Prepared(pixels[0], state[0], turned[0], whole, tf.constant(True))

    def nothing(state: int) -> Prepared:
        pixels = tf.zeros(size, tf.uint8)
        no = tf.constant(False)
        return Prepared(pixels, tf.constant(state), no, whole, tf.constant(True))

    def as_fitted() -> Prepared:
        if fit == "page":
            return as_page()
        is_image = tf.reduce_all(sides == size)
        return tf.cond(
            is_image, as_page, lambda: _prepare_ink(grey, size, ground, dark, nothing)
        )

    too_small = tf.reduce_max(sides) < min(_LEAST_SIDE, max(size))
    return tf.cond(too_small, lambda: nothing(SMALL), as_fitted)


def _prepare_ink(
    grey: tf.Tensor,
    size: tuple[int, int],
    ground: Ground,
    dark: tf.Tensor,
    nothing: Callable[[int], Prepared],
) -> Prepared:
    frame = inside_frame(grey)
    top, left, bottom, right = tf.unstack(frame)
    page = grey[top:bottom, left:right]
    ink, is_dark = find_ink(page, dark)
    # Of ink that is cropped closely, most of the border is even, the ground is not.
    edges = _edges(page)
    off = tf.abs(edges - _median(edges[None])[0])
    even = tf.reduce_mean(tf.cast(off < _EVEN, tf.float32)) > 0.5
    crossed = tf.reduce_mean(tf.cast(off > _CROSSED, tf.float32)) > 0.05
    tight = even & (ink.meets | crossed)
    page, ink, is_dark, margin = tf.cond(
        tight,
        lambda: _with_margin(page, ink, is_dark, dark),
        lambda: (page, ink, is_dark, tf.constant(0)),
    )
    sides = tf.tile(tf.shape(page), [2])
    box = tf.cast(tf.round(ink.box * tf.cast(sides, tf.float32)), tf.int32) - margin
    box = tf.clip_by_value(box, 0, sides - 2 * margin) + tf.tile(frame[:2], [2])

    def found() -> Prepared:
        pixels = draw(page, ink, is_dark, size)
        pixels = MAX_PIXEL - pixels if ground == "white" else pixels
        return Prepared(pixels, tf.constant(READ), is_dark, box, ink.alone)

    large = tf.reduce_max(box[2:] - box[:2]) >= _LEAST_INK
    return tf.cond(
        ink.score > 0,
        lambda: tf.cond(large, found, lambda: nothing(SMALL)),
        lambda: nothing(BLANK),
    )


def _with_margin(
    page: tf.Tensor, ink: Ink, is_dark: tf.Tensor, dark: tf.Tensor
) -> tuple[tf.Tensor, Ink, tf.Tensor, tf.Tensor]:
    """Looks again with a margin of the border's grey, for ink that fills the page.

    Returns:
      The page, the ink, whether it is dark, and how wide the margin is.
    """
    grey = tf.cast(_median(_edges(page)[None])[0], tf.uint8)
    margin = tf.reduce_max(tf.shape(page)) // 4
    roomy = tf.pad(page, tf.fill([2, 2], margin), constant_values=grey)
    again, again_dark = find_ink(roomy, dark)
    extent = (again.box[2:] - again.box[:2]) * tf.cast(tf.shape(roomy), tf.float32)
    fills = tf.reduce_all(extent >= _FILLED * tf.cast(tf.shape(page), tf.float32))
    return tf.cond(
        (again.score > 0) & fills,
        lambda: (roomy, again, again_dark, margin),
        lambda: (page, ink, is_dark, tf.constant(0)),
    )


def fit_page(grey: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Scales a picture into the images' size and fills up the rest.

    Args:
      grey: uint8 [h, w].
      size: height and width of the images.

    Returns:
      uint8 [height, width], with the median of the border around the picture.
    """
    sides = tf.cast(tf.shape(grey), tf.float32)
    scaled = tf.round(sides * tf.reduce_min(size / sides))
    inner = tf.maximum(tf.cast(scaled, tf.int32), 1)
    values = tf.round(resize(grey, inner[0], inner[1]))
    edges = _edges(values)
    before = (size - inner) // 2
    around = tf.stack([before, size - inner - before], axis=1)
    # Shifted, since the padding is 0.
    border = tf.floor(_median(edges[None])[0])
    fitted = tf.pad(values - border, around) + border
    return tf.ensure_shape(_to_bytes(fitted), size)


def prepare_images(
    pixels: tf.Tensor, ground: Ground = "black", dark: int | tf.Tensor = AUTO
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Turns images that are dark on bright, and finds the blank ones.

    Args:
      pixels: uint8 [n, height, width].
      ground: as in ``prepare``; only for a model of images on black are they turned
        unasked.
      dark: as in ``prepare``.

    Returns:
      As in ``Prepared``, of each: pixels, state and dark.
    """
    dark = tf.convert_to_tensor(dark, tf.int32)
    dark_ones = looks_dark(pixels) & (ground == "black")
    turned = tf.where(dark == AUTO, dark_ones, dark > 0)
    upright = tf.where(turned[:, None, None], turn(pixels), pixels)
    flat = tf.cast(_flat(pixels), tf.int32)
    contrast = tf.reduce_max(flat, axis=1) - tf.reduce_min(flat, axis=1)
    blank = contrast < _BLANK_CONTRAST
    return upright, tf.where(blank, BLANK, READ), turned & ~blank


def ground_of(pixels: tf.Tensor) -> Ground:
    """Finds what images of a data set, uint8 [n, height, width], lie on."""
    share = float(tf.reduce_mean(tf.cast(looks_dark(pixels), tf.float32)))
    if share <= _FEW:
        return "black"
    return "white" if share >= 0.5 else "mixed"


def looks_dark(pixels: tf.Tensor) -> tf.Tensor:
    """Says whether images seem to be dark ink on a bright ground.

    Args:
      pixels: uint8 [n, height, width].

    Returns:
      bool [n]: whether most of the border is bright and some of the middle much darker.
      Made to be true of the negatives of MNIST and Fashion-MNIST, and not of them.
    """
    ring = _ring(pixels)
    bright = tf.reduce_mean(tf.cast(ring > MAX_PIXEL // 2, tf.float32), axis=1) > 0.5
    height, width = pixels.shape[1:]
    # Three fourteenths of each side are left out.
    top, left = 3 * height // 14, 3 * width // 14
    middle = pixels[:, top : height - top, left : width - left]
    count = middle.shape[1] * middle.shape[2]
    ordered = tf.sort(
        tf.cast(tf.reshape(middle, [-1, count]), tf.float32),
        axis=1,
    )
    return bright & (ordered[:, count // 20] < 0.75 * _median(ring))


def turn(pixels: tf.Tensor) -> tf.Tensor:
    """Turns dark ink on a bright ground into bright ink on black.

    The ground of a photo is never quite white, so a mere negative would leave it
    grey, unlike anything that a model was trained on.

    Args:
      pixels: uint8 [n, height, width].

    Returns:
      uint8 [n, height, width]: 0 for the border's median and brighter, 255 for the
      darkest pixel; the negative where these two hardly differ.
    """
    values = tf.cast(pixels, tf.float32)
    ground = _median(_ring(pixels))
    contrast = ground - tf.reduce_min(values, axis=[1, 2])
    scale = MAX_PIXEL / tf.maximum(contrast, 1.0)
    stretched = (ground[:, None, None] - values) * scale[:, None, None]
    faint = contrast < _LEAST_CONTRAST
    return tf.where(
        faint[:, None, None], MAX_PIXEL - pixels, _to_bytes(tf.round(stretched))
    )


def _edges(image: tf.Tensor) -> tf.Tensor:
    """The outermost pixels of an image [h, w], float32, those of corners twice."""
    edges = [image[0], image[-1], image[:, 0], image[:, -1]]
    return tf.cast(tf.concat(edges, 0), tf.float32)


def _ring(pixels: tf.Tensor) -> tf.Tensor:
    size = pixels.shape[1:]
    thick = max(1, min(_RING, (min(size) - 1) // 2))
    inside = np.zeros([side - 2 * thick for side in size], bool)
    ring = np.flatnonzero(np.pad(inside, thick, constant_values=True))
    return tf.cast(tf.gather(_flat(pixels), ring, axis=1), tf.float32)


def _flat(pixels: tf.Tensor) -> tf.Tensor:
    """Returns images [n, height, width] as [n, pixels]."""
    return tf.reshape(pixels, [-1, pixels.shape[1] * pixels.shape[2]])


def _median(values: tf.Tensor) -> tf.Tensor:
    count = tf.shape(values)[1]
    ordered = tf.sort(values, axis=1)
    return (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2


def _to_bytes(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(values, 0.0, float(MAX_PIXEL)), tf.uint8)
