"""Finds the ink of a picture: which pixels are it, and whether it is dark or bright.

TensorFlow alone, for the graph of the export; ``preparation`` calls it.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from components.pictures.ground import grounds, overview, quantile, resize

# Pieces are told apart on a map with a half of the rows and columns.
_STEP = 2
# Shares of the contrast of the strongest ink: a piece has pixels above the first, and
# goes as far as there are some above the second.
_SEED, _GROWN = 0.5, 0.3
# The same in standard deviations of the noise, and in greys.
_SEED_NOISE, _GROWN_NOISE = 4.0, 2.5
_SEED_GREYS, _GROWN_GREYS = 10.0, 6.0
# Pieces of fewer pixels of the map are specks.
_LEAST_EXTENT, _LEAST_AREA = 5, 4.0
# How much less a piece counts that meets one side of the border, several, or that runs
# along it.
_MEETS, _CROSSES, _ALONG = 0.2, 0.03, 0.01
# Another piece belongs to the main one that is so near, in extents of the main one, and
# has such a share of its ink. One with that much elsewhere is other ink.
_NEAR, _PART, _OTHER = 0.3, 0.03, 0.2
_FAR = 10**6


class Ink(NamedTuple):
    """What was found, by one assumption about its colour or by the better one.

    Attributes:
      score: float32, how much ink it is; 0 where there is none.
      ground: float32 [h, w], a coarse map of the ground.
      peak: float32, the contrast of the strongest ink, in greys.
      noise: float32, standard deviation of the ground, in greys.
      kept: bool [h, w], a map of the pieces that belong together.
      box: float32 [4], their top, left, bottom and right as shares of the picture.
      alone: bool, whether there is no other ink.
      meets: bool, whether it meets the border.
    """

    score: tf.Tensor
    ground: tf.Tensor
    peak: tf.Tensor
    noise: tf.Tensor
    kept: tf.Tensor
    box: tf.Tensor
    alone: tf.Tensor
    meets: tf.Tensor


def find_ink(grey: tf.Tensor, dark: tf.Tensor) -> tuple[Ink, tf.Tensor]:
    """Looks for bright ink and for dark ink and takes that which there is more of.

    Ink that meets the border counts less: what surrounds the other is the ground.

    Args:
      grey: uint8 [h, w].
      dark: int32, 1 for dark ink, -1 for bright ink, 0 to find out.

    Returns:
      The ink, and bool, whether it is dark.
    """
    image = overview(grey)
    bright_ink, dark_ink = (
        _seek(sign * image, sign * ground)
        for sign, ground in zip((1.0, -1.0), grounds(image), strict=True)
    )
    is_dark = tf.where(dark == 0, dark_ink.score > bright_ink.score, dark > 0)
    chosen = Ink(
        *(tf.where(is_dark, *pair) for pair in zip(dark_ink, bright_ink, strict=True))
    )
    return chosen, is_dark


def _seek(image: tf.Tensor, ground: tf.Tensor) -> Ink:
    """Finds ink that is brighter than its ground."""
    height, width = tf.unstack(tf.shape(image))
    above = image - resize(ground, height, width)
    noise = 1.4826 * quantile(tf.abs(above), 0.5) + 0.5
    smooth = _pool(tf.nn.avg_pool2d, above, 3, 1)
    # Not at the border, where other things lie.
    rim = tf.maximum(tf.shape(image) // 25, 1)
    inner = tf.reshape(smooth[rim[0] : -rim[0], rim[1] : -rim[1]], [-1])
    count = tf.minimum(tf.maximum(tf.size(inner) // 1000, 4), tf.size(inner))
    peak = tf.reduce_mean(tf.math.top_k(inner, count).values)
    seed = _threshold(peak, noise, _SEED, _SEED_NOISE, _SEED_GREYS)
    grown = _threshold(peak, noise, _GROWN, _GROWN_NOISE, _GROWN_GREYS)

    inked = tf.cast(smooth > grown, tf.float32)
    pieces = _label(_pool(tf.nn.max_pool2d, inked, 5, _STEP) > 0)
    score, kept, box, alone, meets = _choose(
        pieces,
        _pool(tf.nn.avg_pool2d, inked, _STEP, _STEP),
        _pool(tf.nn.avg_pool2d, inked * smooth, _STEP, _STEP),
        _pool(tf.nn.max_pool2d, smooth, _STEP, _STEP) > seed,
    )
    return Ink(score, ground, peak, noise, kept, box, alone, meets)


def _threshold(
    peak: tf.Tensor, noise: tf.Tensor, share: float, deviations: float, greys: float
) -> tf.Tensor:
    return tf.reduce_max(tf.stack([share * peak, deviations * noise, greys]))


def _pool(
    kind: Callable[..., tf.Tensor], image: tf.Tensor, size: int, step: int
) -> tf.Tensor:
    return kind(image[None, :, :, None], size, step, "SAME")[0, :, :, 0]


def _label(mask: tf.Tensor) -> tf.Tensor:
    """Numbers the pieces of a mask, bool [h, w], by the last of their pixels, from 1.

    Each pixel takes the largest number of its neighbours, then the number that is
    written at the pixel of that number, which makes long strokes quick.
    """
    shape = tf.shape(mask)
    numbers = tf.reshape(tf.range(1, tf.reduce_prod(shape) + 1), shape)

    def take(labels: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        largest = _pool(tf.nn.max_pool2d, tf.cast(labels, tf.float32), 3, 1)
        taken = tf.where(mask, tf.cast(largest, tf.int32), 0)
        written = tf.concat([[0], tf.reshape(taken, [-1])], 0)
        taken = tf.gather(written, tf.gather(written, taken))
        return taken, tf.reduce_any(taken != labels)

    start = tf.where(mask, numbers, 0)
    return tf.while_loop(lambda _, more: more, take, [start, tf.constant(True)])[0]


class _Pieces(NamedTuple):
    """Of each number: its ink, and where it lies; vectors."""

    energy: tf.Tensor
    box: tf.Tensor
    extent: tf.Tensor
    weight: tf.Tensor
    valid: tf.Tensor


def _choose(
    labels: tf.Tensor, cover: tf.Tensor, energy: tf.Tensor, seeds: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Takes the piece with the most ink and those that belong to it.

    Args:
      labels: int32 [h, w], the number of the piece of each pixel, 0 for none.
      cover: float32 [h, w], the share of each that is ink.
      energy: float32 [h, w], its contrast.
      seeds: bool [h, w], whether it is surely ink.

    Returns:
      As in ``Ink``: score, kept, box, alone and meets.
    """
    pieces = _measure(labels, cover, energy, seeds)
    score = tf.where(pieces.valid, pieces.energy * pieces.weight, 0.0)
    main = tf.argmax(score, output_type=tf.int32)
    top, left, bottom, right = tf.unstack(pieces.box, axis=0)
    gap = tf.reduce_max(
        tf.stack(
            [
                top[main] - bottom,
                top - bottom[main],
                left[main] - right,
                left - right[main],
            ]
        ),
        axis=0,
    )
    near = tf.cast(gap, tf.float32) <= _NEAR * tf.cast(pieces.extent[main], tf.float32)
    share = pieces.energy / tf.maximum(pieces.energy[main], 1e-6)
    part = near & (share > _PART) & (pieces.weight > _ALONG)
    kept = pieces.valid & (part | (tf.range(tf.size(score)) == main))
    others = pieces.valid & ~kept & (share > _OTHER) & (pieces.weight == 1)

    sides = tf.cast(tf.tile(tf.shape(labels), [2]), tf.float32)
    first = tf.reduce_min(tf.where(kept, pieces.box[:2], _FAR), axis=1)
    last = tf.reduce_max(tf.where(kept, pieces.box[2:], -1), axis=1) + 1
    box = tf.cast(tf.concat([first, last], 0), tf.float32) / sides
    alone, meets = ~tf.reduce_any(others), pieces.weight[main] < 1
    return score[main], tf.gather(kept, labels), box, alone, meets


def _measure(
    labels: tf.Tensor, cover: tf.Tensor, energy: tf.Tensor, seeds: tf.Tensor
) -> _Pieces:
    height, width = tf.unstack(tf.shape(labels))
    numbers = height * width + 1
    flat = tf.reshape(labels, [-1])

    def of_each(reduce: Callable[..., tf.Tensor], values: tf.Tensor) -> tf.Tensor:
        return reduce(tf.reshape(values, [-1]), flat, numbers)

    total, least, most = (
        tf.math.unsorted_segment_sum,
        tf.math.unsorted_segment_min,
        tf.math.unsorted_segment_max,
    )
    inked = cover > 0
    rows, columns = tf.meshgrid(tf.range(height), tf.range(width), indexing="ij")
    top = of_each(least, tf.where(inked, rows, _FAR))
    left = of_each(least, tf.where(inked, columns, _FAR))
    bottom = of_each(most, tf.where(inked, rows, -1))
    right = of_each(most, tf.where(inked, columns, -1))
    extent = tf.maximum(bottom - top, right - left) + 1

    border = (rows % (height - 1) == 0) | (columns % (width - 1) == 0)
    met = of_each(total, tf.cast(inked & border, tf.int32))
    along = (2 * met > extent) | (4 * met > height + width)
    ends = (top <= 0, left <= 0, bottom >= height - 1, right >= width - 1)
    sides = tf.add_n([tf.cast(end, tf.int32) for end in ends])
    weight = tf.where(
        along, _ALONG, tf.gather([1.0, _MEETS, _CROSSES, _CROSSES, _CROSSES], sides)
    )
    valid = (
        (of_each(most, tf.cast(seeds, tf.int32)) > 0)
        & (tf.range(numbers) > 0)
        & (extent >= _LEAST_EXTENT)
        & (of_each(total, cover) >= _LEAST_AREA)
    )
    box = tf.stack([top, left, bottom, right])
    return _Pieces(of_each(total, energy), box, extent, weight, valid)
