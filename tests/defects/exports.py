"""Exports with planted defects: run_fns that call ours and spoil what it exports.

Each trains as the pipeline does and replaces only what writes the SavedModel. A run
takes one by its dotted path, as it takes ours, so the path is part of the cache key.
"""

from collections.abc import Collection
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from tfx.components import Trainer
from tfx.components.trainer.fn_args_utils import FnArgs

from components.image_spec import MNIST
from components.serving.requests import SIGNATURES
from components.serving.signatures import Predictions, Preprocess, ServingModel
from components.training import trainer
from pipeline import definition


def train_with(run_fn: str) -> None:
    """Wires the Trainer of this process with another run_fn.

    Args:
      run_fn: its dotted path.
    """

    def wire(**arguments) -> Trainer:
        return Trainer(**{**arguments, "run_fn": run_fn})

    definition.Trainer = wire


def _export_as(
    kind: type[ServingModel],
    fn_args: FnArgs,
    names: Collection[str] = tuple(SIGNATURES),
) -> None:
    """Runs our run_fn, but exports another kind of model.

    Args:
      kind: what is exported.
      fn_args: of the run_fn.
      names: of the signatures that are exported.
    """

    def export(
        model: keras.Model, preprocess: Preprocess, directory: Path, *_: object
    ) -> None:
        module = kind(model, preprocess)
        signatures = {name: getattr(module, name) for name in names}
        tf.saved_model.save(module, str(directory), signatures=signatures)

    with mock.patch.object(trainer, "export_model", export):
        trainer.run_fn(fn_args)


class _NanWeights(ServingModel):
    def __init__(self, model: keras.Model, preprocess: Preprocess) -> None:
        super().__init__(model, preprocess)
        model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])


class _Deaf(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        return super()._predict(tf.zeros_like(pixels))


class _Reversed(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        probabilities = super()._predict(pixels)["probabilities"][:, ::-1]
        class_id = tf.argmax(probabilities, axis=1)
        return {"probabilities": probabilities, "class_id": class_id}


class _Shrunk(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        return {**answer, "probabilities": answer["probabilities"] * 0.9}


class _FlatInput(ServingModel):
    def __init__(self, model: keras.Model, preprocess: Preprocess) -> None:
        super().__init__(model, preprocess)
        flat = tf.TensorSpec([None, MNIST.pixels], tf.uint8, name="pixels")
        self.predict_pixels = tf.function(
            self._predict, input_signature=[flat], autograph=False
        )


class _NineClasses(ServingModel):
    def _predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        answer = self._predict(tf.reshape(pixels, [-1, MNIST.pixels]))
        return {**answer, "probabilities": answer["probabilities"][:, :9]}


class _Slow(ServingModel):
    seconds = 0.3

    def _predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        answer = self._predict(tf.reshape(pixels, [-1, MNIST.pixels]))
        start = tf.timestamp()
        with tf.control_dependencies([answer["class_id"]]):
            [waited] = tf.while_loop(
                lambda _: tf.timestamp() < start + self.seconds,
                lambda count: [count + 1],
                [tf.constant(0, tf.int64)],
            )
        return {**answer, "class_id": answer["class_id"] + tf.minimum(waited, 0)}


class _Sleeping(_Slow):
    seconds = 10.0


def nan_weights(fn_args: FnArgs) -> None:
    """Exports a model whose weights are all NaN."""
    _export_as(_NanWeights, fn_args)


def ignores_its_input(fn_args: FnArgs) -> None:
    """Exports a model that sees a blank image whatever it is sent."""
    _export_as(_Deaf, fn_args)


def swapped_classes(fn_args: FnArgs) -> None:
    """Exports a model that answers for 9 in the place of 0, and so on."""
    _export_as(_Reversed, fn_args)


def without_predict_image(fn_args: FnArgs) -> None:
    """Exports two of the three signatures."""
    _export_as(ServingModel, fn_args, ("serving_default", "predict_pixels"))


def without_serving_default(fn_args: FnArgs) -> None:
    """Exports two of the three signatures, without the one that is evaluated."""
    _export_as(ServingModel, fn_args, ("predict_pixels", "predict_image"))


def flat_input(fn_args: FnArgs) -> None:
    """Exports a predict_pixels that takes [n, 784]."""
    _export_as(_FlatInput, fn_args)


def nine_classes(fn_args: FnArgs) -> None:
    """Exports a predict_pixels that answers with [n, 9]."""
    _export_as(_NineClasses, fn_args)


def shrunk_probabilities(fn_args: FnArgs) -> None:
    """Exports a model whose probabilities sum to 0.9."""
    _export_as(_Shrunk, fn_args)


def slow(fn_args: FnArgs) -> None:
    """Exports a predict_pixels that takes 0.3 s."""
    _export_as(_Slow, fn_args)


def sleeping(fn_args: FnArgs) -> None:
    """Exports a predict_pixels that takes 10 s."""
    _export_as(_Sleeping, fn_args)
