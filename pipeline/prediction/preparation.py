"""Pictures made ready for a pushed model, and in one phrase what was done to each.

It calls what the export's ``predict_image`` holds, ``components.pictures.preparation``.
"""

from collections.abc import Iterator

import attrs
import numpy as np
import tensorflow as tf

from components.hyperparameters import Fit
from components.pictures.preparation import (
    BLANK,
    READ,
    SMALL,
    STATES,
    Ground,
    prepare,
    prepare_images,
)

# By the state of a picture that has no prediction.
_REASONS = {BLANK: "no ink found", SMALL: "too few pixels to tell"}


@attrs.frozen
class Seen:
    """What the model sees of a picture.

    Attributes:
      pixels: uint8 [height, width].
      state: ``read``, ``blank`` or ``too small``; only the first is predicted.
      dark: whether its ink was darker than its ground.
      box: left, top, right and bottom of what was cropped; None where nothing was.
      note: what was done, in one phrase.
    """

    pixels: np.ndarray
    state: str
    dark: bool
    box: tuple[int, int, int, int] | None
    note: str


class Preparation:
    """Prepares pictures for one model.

    Args:
      size: height and width of its input.
      fit: ``ink`` or ``page``.
      ground: of the images that the model was trained on.
      dark: ``DARK``, ``BRIGHT`` or ``AUTO`` of ``components.pictures.preparation``.
    """

    def __init__(
        self, size: tuple[int, int], fit: Fit, ground: Ground, dark: int
    ) -> None:
        self._size, self._fit = size, fit
        self._ground, self._dark = ground, dark
        self._prepare = tf.function(
            lambda grey: prepare(grey, size, fit, ground, dark),
            input_signature=[tf.TensorSpec([None, None], tf.uint8)],
            autograph=False,
        )

    def of_picture(self, grey: np.ndarray, reduction: int = 1) -> Seen:
        """Prepares a picture.

        Args:
          grey: uint8 [h, w].
          reduction: by how much its file is larger; the box is given in the file's
            pixels.
        """
        if grey.shape == self._size:
            return next(self.of_images(grey[None]))
        pixels, state, dark, box, alone = (
            tensor.numpy() for tensor in self._prepare(tf.constant(grey))
        )
        if state != READ or self._fit == "page":
            return _uncropped(pixels, state, dark, "whole page")
        top, left, bottom, right = (int(side) * reduction for side in box)
        others = "" if alone else ", other ink left out"
        note = (
            f"{'dark' if dark else 'bright'} ink of {right - left}×{bottom - top} at "
            f"{left},{top} cropped{others}"
        )
        return Seen(pixels, STATES[READ], bool(dark), (left, top, right, bottom), note)

    def of_images(self, images: np.ndarray) -> Iterator[Seen]:
        """Prepares pictures uint8 [n, height, width]."""
        prepared = prepare_images(images, self._ground, self._dark)
        for pixels, state, dark in zip(*(t.numpy() for t in prepared), strict=True):
            yield _uncropped(pixels, state, dark, "as it is")


def _uncropped(pixels: np.ndarray, state: int, dark: bool, note: str) -> Seen:
    if state != READ:
        return Seen(pixels, STATES[state], False, None, _REASONS[int(state)])
    turned = ", dark on bright turned" * bool(dark)
    return Seen(pixels, STATES[READ], bool(dark), None, note + turned)
