"""Draws ink that was found as MNIST's digits are drawn.

Cropped, scaled with its proportions into a square of 20×20 and put into one of 28×28,
or likewise into another size, so that the centre of its mass is in the middle; LeCun et
al., "The MNIST database of handwritten digits". TensorFlow alone, for the graph of the
export.
"""

import tensorflow as tf

from components.features import MAX_PIXEL
from components.pictures.ground import quantile, resize
from components.pictures.ink import Ink

# Longer side of the digit in MNIST, of the shorter side of the image.
_BOX = 5 / 7
# And in pixels while it is cut out.
_DETAIL = 160
# The width of MNIST's strokes is a twelfth to a sixth of that side, for nine of ten
# digits; thinner ones are made this wide.
_LEAST_STROKE = 0.1
_MOST_GROWN = 0.075


def draw(
    grey: tf.Tensor, ink: Ink, dark: tf.Tensor, size: tuple[int, int]
) -> tf.Tensor:
    """Draws ink, bright on black.

    Args:
      grey: uint8 [h, w], the picture.
      ink: what was found in it.
      dark: bool, whether the ink is darker than its ground.
      size: height and width.

    Returns:
      uint8 [height, width].
    """
    box = max(round(_BOX * min(size)), 1)
    cover = _thicken(_cut_out(grey, ink, dark), box)
    return _centre(_scale(cover, box), size)


def _cut_out(grey: tf.Tensor, ink: Ink, dark: tf.Tensor) -> tf.Tensor:
    """Returns how much of each pixel is ink, in 0..1, within the box of the ink."""
    sides = tf.tile(tf.shape(grey), [2])
    margin = 2.0 * tf.constant([-1.0, -1.0, 1.0, 1.0])
    margin /= tf.cast(tf.tile(tf.shape(ink.kept), [2]), tf.float32)
    box = (ink.box + margin) * tf.cast(sides, tf.float32)
    box = tf.clip_by_value(tf.cast(tf.round(box), tf.int32), 0, sides)
    top, left, bottom, right = tf.unstack(box)
    crop = grey[top:bottom, left:right]
    crop = resize(crop, *_fit(tf.shape(crop), _DETAIL))

    places = [
        (
            tf.cast(start, tf.float32)
            + (tf.cast(tf.range(count), tf.float32) + 0.5)
            * tf.cast(end - start, tf.float32)
            / tf.cast(count, tf.float32)
        )
        / tf.cast(side, tf.float32)
        for start, end, count, side in zip(
            (top, left),
            (bottom, right),
            tf.unstack(tf.shape(crop)),
            tf.unstack(tf.shape(grey)),
            strict=True,
        )
    ]
    sign = tf.where(dark, -1.0, 1.0)
    above = sign * crop - _sample(ink.ground, *places)
    kept = _sample(tf.cast(ink.kept, tf.float32), *places) > 0.25
    above = tf.where(kept, above, 0.0)
    strong = tf.boolean_mask(above, above > 0.5 * ink.peak)
    level = quantile(tf.concat([strong, [ink.peak]], 0), 0.6)
    floor = tf.minimum(tf.maximum(0.12 * level, 2.0 * ink.noise), 0.4 * level)
    cover = tf.clip_by_value((above - floor) / (0.95 * level - floor), 0.0, 1.0)
    return _tight(cover)


def _sample(values: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Interpolates a map at places that are given as shares of its sides."""
    for places in (rows, columns):
        last = tf.shape(values)[0] - 1
        at = places * tf.cast(last + 1, tf.float32) - 0.5
        at = tf.clip_by_value(at, 0.0, tf.cast(last, tf.float32))
        before = tf.cast(at, tf.int32)
        share = (at - tf.cast(before, tf.float32))[:, None]
        after = tf.minimum(before + 1, last)
        mixed = (1 - share) * tf.gather(values, before) + share * tf.gather(
            values, after
        )
        values = tf.transpose(mixed)
    return values


def _tight(cover: tf.Tensor) -> tf.Tensor:
    """Cuts off the rows and columns without ink on all sides."""
    most = tf.minimum(0.3, 0.9 * tf.reduce_max(cover))
    for _ in range(2):
        inked = tf.where(tf.reduce_max(cover, axis=1) >= most)[:, 0]
        cover = tf.transpose(cover[inked[0] : inked[-1] + 1])
    return cover


def _thicken(cover: tf.Tensor, box: int) -> tf.Tensor:
    """Widens strokes that would be thinner than MNIST's."""
    size = tf.cast(tf.reduce_max(tf.shape(cover)), tf.float32)
    stroke = _stroke_width(cover) * box / size
    missing = tf.clip_by_value(
        (_LEAST_STROKE * box - stroke) / 2, 0.0, _MOST_GROWN * box
    )
    times = tf.cast(tf.round(missing * size / box), tf.int32)
    roomy = tf.pad(cover, tf.fill([2, 2], times))[None, :, :, None]

    def widen(image: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A cross and a square in turn are nearly a disc.
        cross = tf.maximum(_largest(image, [3, 1]), _largest(image, [1, 3]))
        square = _largest(image, 3)
        return tf.where(count % 2 == 0, cross, square), count + 1

    widened, _ = tf.while_loop(
        lambda _, count: count < times, widen, [roomy, tf.constant(0)]
    )
    return widened[0, :, :, 0]


def _largest(image: tf.Tensor, size: int | list[int]) -> tf.Tensor:
    return tf.nn.max_pool2d(image, size, 1, "SAME")


def _stroke_width(cover: tf.Tensor) -> tf.Tensor:
    """Twice the area by the length of the outline, a quarter of which is counted twice.

    Lines in all directions have 4/π of their length in steps along rows and columns.
    """
    padded = tf.pad(cover, [[1, 1], [1, 1]])
    steps = tf.reduce_sum(tf.abs(padded[1:] - padded[:-1])) + tf.reduce_sum(
        tf.abs(padded[:, 1:] - padded[:, :-1])
    )
    return 2 * tf.reduce_sum(cover) / (steps * 3.1416 / 4 + 1e-6)


def _scale(cover: tf.Tensor, box: int) -> tf.Tensor:
    """Scales the longer side to that of the box and the strongest ink to 1."""
    small = resize(cover, *_fit(tf.shape(cover), box))
    return small / tf.maximum(tf.reduce_max(small), 1e-6)


def _fit(shape: tf.Tensor, longer: int) -> list[tf.Tensor]:
    """Height and width with the proportions of a shape and that longer side."""
    sides = tf.cast(shape, tf.float32)
    scaled = tf.round(sides * (longer / tf.reduce_max(sides)))
    return tf.unstack(tf.maximum(tf.cast(scaled, tf.int32), 1))


def _centre(small: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Puts the centre of mass into the middle of the image, as far as there is room."""
    total = tf.reduce_sum(small)
    before = []
    for axis, side in enumerate(size):
        length = tf.shape(small)[axis]
        at = tf.cast(tf.range(length), tf.float32)
        mean = tf.tensordot(at, tf.reduce_sum(small, axis=1 - axis), 1) / total
        start = tf.cast(tf.round(side / 2 - mean), tf.int32)
        before.append(tf.clip_by_value(start, 0, side - length))
    start = tf.stack(before)
    after = size - start - tf.shape(small)
    pixels = tf.pad(small, tf.stack([start, after], axis=1)) * MAX_PIXEL
    return tf.ensure_shape(tf.cast(tf.round(pixels), tf.uint8), size)
