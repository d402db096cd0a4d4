"""Decodes the bytes of a picture into grey pixels, in the graph of the export.

It gives what ``predict`` reads with Pillow. TensorFlow cannot read WebP and TIFF, and
nothing here looks for the EXIF of a PNG.
"""

import tensorflow as tf

from components.features import MAX_PIXEL

# A JPEG larger than twice this along its shorter side is decoded smaller.
LEAST_SIDE = 1024
_MOST_PIXELS = 1_000_000_000
_SCALES = (1, 2, 4, 8)
# EXIF stands in front; only this many bytes are read.
_HEAD = 1 << 17
_APP1, _SCAN, _ORIENTATION = 0xE1, 0xDA, 0x0112


def decode_grey(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes one picture.

    Args:
      encoded: string, a JPEG, PNG, GIF or BMP.

    Returns:
      uint8 [h, w], upright as a JPEG's EXIF says.

    Raises:
      tf.errors.OpError: it is damaged, or another kind of file.
    """
    is_jpeg = tf.strings.substr(encoded, 0, 2) == b"\xff\xd8"
    is_png = tf.strings.substr(encoded, 0, 4) == b"\x89PNG"
    return tf.case(
        [
            (is_jpeg, lambda: _decode_jpeg(encoded)),
            (is_png, lambda: _decode_png(encoded)),
        ],
        default=lambda: _luma(
            tf.io.decode_image(encoded, channels=3, expand_animations=False)
        ),
        exclusive=True,
    )


def _luma(colours: tf.Tensor) -> tf.Tensor:
    """Pillow's grey of uint8 [h, w, 3]."""
    weighed = tf.cast(colours, tf.int32) * [19595, 38470, 7471]
    grey = tf.bitwise.right_shift(tf.reduce_sum(weighed, axis=2) + 0x8000, 16)
    return tf.cast(grey, tf.uint8)


def _decode_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    shape = tf.image.extract_jpeg_shape(encoded)
    small = tf.debugging.Assert(
        tf.reduce_prod(tf.cast(shape[:2], tf.int64)) <= _MOST_PIXELS, [shape]
    )
    scale = tf.reduce_min(shape[:2]) // LEAST_SIDE
    index = tf.reduce_sum(tf.cast(scale >= list(_SCALES[1:]), tf.int32))

    def decode(ratio: int) -> tf.Tensor:
        def as_channels(count: int) -> tf.Tensor:
            return tf.io.decode_jpeg(
                encoded, channels=count, ratio=ratio, dct_method="INTEGER_ACCURATE"
            )

        # libjpeg has no way from four colours to grey.
        return tf.cond(
            shape[2] == 4,
            lambda: _luma(as_channels(3)),
            lambda: as_channels(1)[:, :, 0],
        )

    with tf.control_dependencies([small]):
        branches = [lambda ratio=ratio: decode(ratio) for ratio in _SCALES]
        grey = tf.switch_case(index, branches)
    return _upright(grey, _orientation(encoded))


def _orientation(encoded: tf.Tensor) -> tf.Tensor:
    """Returns the EXIF orientation of a JPEG, 1 to 8; 1 where it has none."""
    head = tf.io.decode_raw(tf.strings.substr(encoded, 0, _HEAD), tf.uint8)
    head = tf.pad(tf.cast(head, tf.int32), [[0, 16]])
    last = tf.size(head) - 1

    def byte(at: tf.Tensor) -> tf.Tensor:
        return tf.gather(head, tf.clip_by_value(at, 0, last))

    def is_exif(at: tf.Tensor) -> tf.Tensor:
        name = byte(at + tf.range(4, 8))
        return (byte(at + 1) == _APP1) & tf.reduce_all(name == list(b"Exif"))

    def goes_on(at: tf.Tensor) -> tf.Tensor:
        in_front = (byte(at) == 0xFF) & (byte(at + 1) != _SCAN) & (at < last)
        return in_front & ~is_exif(at)

    def step(at: tf.Tensor) -> list[tf.Tensor]:
        return [at + 2 + 256 * byte(at + 2) + byte(at + 3)]

    [start] = tf.while_loop(goes_on, step, [tf.constant(2)])
    tiff = start + 10
    little = byte(tiff) == ord("I")

    def short(at: tf.Tensor) -> tf.Tensor:
        one, two = byte(at), byte(at + 1)
        return tf.where(little, one + 256 * two, 256 * one + two)

    # The upper half of the offset is 0, since EXIF has at most 64 kB.
    directory = tiff + short(tiff + tf.where(little, 4, 6))
    entries = directory + 2 + 12 * tf.range(short(directory))
    found = tf.boolean_mask(entries, short(entries) == _ORIENTATION)
    values = tf.concat([short(found + 8), [1]], 0)
    valid = is_exif(start) & (values[0] >= 1) & (values[0] <= 8)
    return tf.where(valid, values[0], 1)


def _upright(grey: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    turns = [
        lambda: grey,
        lambda: grey[:, ::-1],
        lambda: grey[::-1, ::-1],
        lambda: grey[::-1],
        lambda: tf.transpose(grey),
        lambda: tf.transpose(grey[::-1]),
        lambda: tf.transpose(grey[::-1, ::-1]),
        lambda: tf.transpose(grey[:, ::-1]),
    ]
    return tf.switch_case(orientation - 1, turns)


def _decode_png(encoded: tf.Tensor) -> tf.Tensor:
    header = tf.io.decode_raw(tf.strings.substr(encoded, 24, 2), tf.uint8)
    # Colours and transparency come with 8 bits, of which Pillow takes the upper ones.
    of_few_or_many_bits = (header[0] != 8) & (header[1] == 0)

    def of_grey() -> tf.Tensor:
        values = tf.io.decode_png(encoded, channels=1, dtype=tf.uint16)[:, :, 0]
        scaled = tf.cast(values, tf.float32) * (MAX_PIXEL / (2**16 - 1))
        return tf.cast(tf.round(scaled), tf.uint8)

    def of_colours() -> tf.Tensor:
        return _on_contrast(tf.io.decode_png(encoded, channels=4))

    return tf.cond(of_few_or_many_bits, of_grey, of_colours)


def _on_contrast(image: tf.Tensor) -> tf.Tensor:
    """Lays uint8 [h, w, 4] on white if what is seen of it is dark, else on black."""
    grey = tf.cast(_luma(image[:, :, :3]), tf.int32)
    opacity = tf.cast(image[:, :, 3], tf.int32)
    weights = tf.cast(opacity, tf.float32) + 1e-9
    seen = tf.reduce_sum(weights * tf.cast(grey, tf.float32)) / tf.reduce_sum(weights)
    ground = tf.where(seen < MAX_PIXEL / 2, MAX_PIXEL, 0)
    mixed = grey * opacity + ground * (MAX_PIXEL - opacity) + 128
    rounded = tf.bitwise.right_shift(mixed + tf.bitwise.right_shift(mixed, 8), 8)
    return tf.cast(rounded, tf.uint8)
