"""Random augmentation of training images: off at evaluation and serving."""

import numpy as np
import tensorflow as tf

from components.hyperparameters import AugmentHyperparameters
from components.image_spec import ImageSpec

_ELASTIC_KNOTS = 7
# Brighter pixels are ink, or its edge.
_INK = 0.02


def augment(
    spec: ImageSpec,
    images: tf.Tensor,
    settings: AugmentHyperparameters,
    seed: tf.Tensor,
    strength: tf.Tensor | float = 1.0,
) -> tf.Tensor:
    """Warps each image by its own random affine and elastic transform, and flips it.

    The contrast and the thickness of strokes change at random as well.

    One bilinear pass with zeros outside. Affine and elastic transforms for
    handwriting come from Simard et al. 2003, "Best practices for convolutional
    neural networks applied to visual document analysis"; here the displacement
    field is noise on a 7×7 grid, smoothed by Gaussian kernels.

    Args:
      spec: size of the images.
      images: float32 [n, pixels], row-major.
      settings: how strong each transform is.
      seed: int64 [2]; the same seed gives the same transforms.
      strength: float32 scalar; every limit but that of ``flip`` is multiplied by it.

    Returns:
      float32 [n, pixels].
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    x, y = _affine_grid(spec, tf.shape(images)[0], settings, seeds[0], strength)
    if settings.elastic:
        dx, dy = _elastic_field(spec, tf.shape(images)[0], settings.elastic, seeds[1])
        x, y = x + strength * dx, y + strength * dy
    if settings.flip:
        x = _flip(spec, x, settings.flip, seeds[2])
    warped = _sample(spec, images, x, y)
    if settings.contrast or settings.thickness:
        own = tf.random.experimental.stateless_fold_in(seed, len(seeds))
        return _redraw(warped, settings, own, strength)
    return warped


def strength_at(
    settings: AugmentHyperparameters, step: tf.Tensor, total_steps: int
) -> tf.Tensor:
    """Returns how strong augmentation is at a step, a float32 scalar.

    1 up to ``fade_from``, then falling linearly to ``fade_to`` after the last step: so
    the last images are like those of evaluation and serving. He et al. 2019, "Data
    augmentation revisited", train the last epochs without augmentation; here it
    weakens evenly.

    Args:
      settings: ``fade_from`` and ``fade_to``.
      step: int64 scalar, from 0.
      total_steps: of the training.
    """
    done = tf.cast(step, tf.float32) / total_steps
    faded = (done - settings.fade_from) / (1.0 - settings.fade_from)
    return 1.0 - (1.0 - settings.fade_to) * tf.clip_by_value(faded, 0.0, 1.0)


def _affine_grid(
    spec: ImageSpec,
    count: tf.Tensor,
    settings: AugmentHyperparameters,
    seed: tf.Tensor,
    strength: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where each output pixel is read: x and y, float32 [n, pixels]."""
    limits = [
        np.deg2rad(settings.rotation),
        settings.log_scale,
        settings.log_scale,
        settings.shear,
        settings.shift,
        settings.shift,
    ]
    draws = tf.random.stateless_uniform([len(limits), count, 1], seed, -1.0, 1.0)
    angle, log_x, log_y, shear, shift_x, shift_y = tf.unstack(
        draws * strength * tf.constant(limits, tf.float32)[:, None, None]
    )
    rows, columns = np.divmod(np.arange(spec.pixels, dtype=np.float32), spec.width)
    middle_x, middle_y = (spec.width - 1) / 2, (spec.height - 1) / 2
    gx, gy = columns - middle_x, rows - middle_y
    cos, sin = tf.cos(angle), tf.sin(angle)
    x = tf.exp(log_x) * (cos * gx + (shear * cos - sin) * gy) + shift_x + middle_x
    y = tf.exp(log_y) * (sin * gx + (shear * sin + cos) * gy) + shift_y + middle_y
    return x, y


def _flip(spec: ImageSpec, x: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors where a share of the images is read, left to right."""
    draws = tf.random.stateless_uniform([tf.shape(x)[0], 1], seed, 0.0, 1.0)
    return tf.where(draws < share, spec.width - 1 - x, x)


def _redraw(
    images: tf.Tensor,
    settings: AugmentHyperparameters,
    seed: tf.Tensor,
    strength: tf.Tensor,
) -> tf.Tensor:
    """Hardens contrast about the middle grey, and brightens or darkens the ink.

    The edges of strokes are grey, so that brighter ink is a thicker stroke.
    """
    draws = tf.random.stateless_uniform([2, tf.shape(images)[0], 1], seed, -1.0, 1.0)
    gain = tf.exp(strength * settings.contrast * (draws[0] + 1) / 2)
    brighter = strength * settings.thickness * draws[1]
    ink = tf.cast(images > _INK, tf.float32)
    return tf.clip_by_value((images - 0.5) * gain + 0.5 + brighter * ink, 0.0, 1.0)


def _elastic_field(
    spec: ImageSpec, count: tf.Tensor, pixels: float, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Smooth displacements with a standard deviation of ``pixels``, two [n, pixels]."""
    noise = tf.random.stateless_normal([2 * count, _ELASTIC_KNOTS**2], seed)
    field = tf.matmul(noise, tf.constant(_elastic_kernel(spec) * pixels))
    return field[:count], field[count:]


def _elastic_kernel(spec: ImageSpec) -> np.ndarray:
    """Maps noise on the knots to unit-variance displacements, float32 [49, pixels]."""
    return np.kron(*map(_one_axis, spec.size)).T.astype(np.float32)


def _one_axis(side: int) -> np.ndarray:
    """Weights of the knots, which are a standard deviation apart, float64 [side, 7]."""
    knots, apart = np.linspace(-1.5, side + 0.5, _ELASTIC_KNOTS, retstep=True)
    weights = np.exp(-((np.arange(side)[:, None] - knots) ** 2) / (2 * apart**2))
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def _sample(
    spec: ImageSpec, images: tf.Tensor, x: tf.Tensor, y: tf.Tensor
) -> tf.Tensor:
    """Reads images at fractional positions, bilinearly, zero outside."""
    stride = spec.width + 2
    padded = tf.pad(tf.reshape(images, [-1, *spec.size]), [[0, 0], [1, 1], [1, 1]])
    flat = tf.reshape(padded, [-1, (spec.height + 2) * stride])
    x = tf.clip_by_value(x + 1, 0.0, spec.width + 1 - 1e-3)
    y = tf.clip_by_value(y + 1, 0.0, spec.height + 1 - 1e-3)
    left, top = tf.floor(x), tf.floor(y)
    right_share, lower_share = x - left, y - top
    corner = tf.cast(top, tf.int32) * stride + tf.cast(left, tf.int32)

    def at(offset: int) -> tf.Tensor:
        return tf.gather(flat, corner + offset, batch_dims=1)

    upper = at(0) * (1 - right_share) + at(1) * right_share
    lower = at(stride) * (1 - right_share) + at(stride + 1) * right_share
    return upper * (1 - lower_share) + lower * lower_share
