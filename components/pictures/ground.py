"""The ground of a picture, below its ink: paper, shadows, a scanner's frame.

TensorFlow alone, for the graph of the export; ``components.pictures.ink`` calls it.
"""

import tensorflow as tf

# A picture is scaled to about this many pixels, and no longer side than this.
_PIXELS = 110_000.0
_LONGEST = 1024.0
# Its ground with a fifth of the rows and columns, in windows of a share of the shorter
# side.
_STEP = 5
_WINDOW = 0.55
# Left out of a median.
_NONE = 1e9
# A bar along the border differs by this many greys, over nine tenths of its length, and
# takes at most a seventh of the picture.
_BAR_CONTRAST = 25.0
_MOST_OF_SIDE = 7


def resize(image: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Scales [h, w] to float32 [height, width] with an antialiasing triangle filter."""
    return tf.image.resize(image[:, :, None], [height, width], antialias=True)[:, :, 0]


def quantile(values: tf.Tensor, share: float) -> tf.Tensor:
    """Returns the value below which a share of all values lies."""
    ordered = tf.sort(tf.reshape(values, [-1]))
    last = tf.cast(tf.size(ordered) - 1, tf.float32)
    return ordered[tf.cast(last * share, tf.int32)]


def overview(grey: tf.Tensor) -> tf.Tensor:
    """Scales a picture, uint8 [h, w], to about ``_PIXELS`` pixels, float32."""
    return resize(grey, *_sides(grey, _PIXELS, _LONGEST))


def _sides(image: tf.Tensor, pixels: float, longest: float) -> list[tf.Tensor]:
    sides = tf.cast(tf.shape(image), tf.float32)
    scale = tf.minimum(
        tf.sqrt(pixels / tf.reduce_prod(sides)), longest / tf.reduce_max(sides)
    )
    return tf.unstack(tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), 1))


def inside_frame(grey: tf.Tensor) -> tf.Tensor:
    """Finds what is left of a picture without bars, dark or bright, along its border.

    Args:
      grey: uint8 [h, w].

    Returns:
      int32 [4]: top, left, bottom and right.
    """
    small = resize(grey, *_sides(grey, _PIXELS / 5, _LONGEST / 2))
    middle = quantile(small, 0.5)
    across = tf.transpose(small)
    bars = tf.stack(
        [_bar(lines, middle) for lines in (small, across, small[::-1], across[::-1])]
    )
    sides = tf.tile(tf.shape(grey), [2])
    cut = tf.cast(tf.math.ceil(bars * tf.cast(sides, tf.float32)), tf.int32)
    return tf.concat([cut[:2], sides[2:] - cut[2:]], 0)


def _bar(lines: tf.Tensor, middle: tf.Tensor) -> tf.Tensor:
    """Which share of the lines, from the first on, are a bar."""
    count, length = tf.unstack(tf.shape(lines))
    ordered = tf.sort(lines, axis=1)
    tenth = length // 10
    dark = ordered[:, length - 1 - tenth] < middle - _BAR_CONTRAST
    bright = ordered[:, tenth] > middle + _BAR_CONTRAST
    run = tf.reduce_sum(tf.math.cumprod(tf.cast(dark | bright, tf.int32)))
    # What differs little by little, line after line, is no bar but a shadow.
    inside = tf.minimum(run + 2, count - 1)
    step = ordered[tf.maximum(run - 3, 0), length // 2] - ordered[inside, length // 2]
    sharp = tf.abs(step) > _BAR_CONTRAST / 2
    # One more, since its edge is not sharp.
    run = tf.where(sharp & (run > 0) & (run <= count // _MOST_OF_SIDE), run + 1, 0)
    return tf.cast(run / count, tf.float32)


def grounds(image: tf.Tensor) -> list[tf.Tensor]:
    """Estimates the ground below bright ink, and below dark ink.

    A median in a window that is much larger than a stroke passes over ink and follows
    shadows, with their edges; a second one leaves the ink out that the first one found,
    for strokes so thick that they are most of a window.

    Args:
      image: float32 [h, w].

    Returns:
      Two float32 [⌈h / 5⌉, ⌈w / 5⌉].
    """
    height, width = tf.unstack(-(-tf.shape(image) // _STEP))
    low = resize(image, height, width)
    short = tf.cast(tf.minimum(height, width), tf.float32)
    window = tf.cast(_WINDOW * short, tf.int32) // 2 * 2 + 1
    first = _median(low, window)
    found = []
    for sign in (1.0, -1.0):
        above = sign * (low - first)
        ink = above > tf.maximum(0.4 * quantile(above, 0.995), 6.0)
        second = _median(tf.where(_spread(ink), _NONE, low), window)
        found.append(tf.where(second < _NONE, second, first))
    return found


def _spread(mask: tf.Tensor) -> tf.Tensor:
    """Sets the neighbours of what is set in a mask, bool [h, w], as well."""
    return (
        tf.nn.max_pool2d(tf.cast(mask, tf.float32)[None, :, :, None], 3, 1, "SAME")[
            0, :, :, 0
        ]
        > 0
    )


def _median(image: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """The median, along rows then columns, of what is not ``_NONE`` in a window."""
    for _ in range(2):
        image = tf.transpose(_median_of_rows(image, window))
    return image


def _median_of_rows(image: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    size = tf.shape(image)[1]
    at = tf.range(size)[:, None] + tf.range(window)[None, :] - window // 2
    # Beyond the border the picture is mirrored, so that gradients go on.
    at = tf.math.floormod(at, 2 * size)
    at = tf.minimum(at, 2 * size - 1 - at)
    ordered = tf.sort(tf.gather(image, at, axis=1), axis=-1)
    count = tf.reduce_sum(tf.cast(ordered < _NONE, tf.int32), axis=-1)
    return tf.gather(ordered, count // 2, axis=2, batch_dims=2)
