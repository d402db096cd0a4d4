"""Exports with planted defects: run_fns that call ours and spoil what it exports.

Each trains as the pipeline does and replaces only what writes the SavedModel. A run
takes one by its dotted path, as it takes ours, so the path is part of the cache key.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any
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
        model: keras.Model, preprocess: Preprocess, directory: Path, *rest: Any
    ) -> None:
        module = kind(model, preprocess, *rest)
        signatures = {name: getattr(module, name) for name in names}
        tf.saved_model.save(module, str(directory), signatures=signatures)

    with mock.patch.object(trainer, "export_model", export):
        trainer.run_fn(fn_args)


class _NanWeights(ServingModel):
    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
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
    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
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


class _Mixed(ServingModel):
    """Moves a share of the probability, which sums keep to, elsewhere."""

    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        probabilities = answer["probabilities"]
        share, other = self._mix(probabilities)
        mixed = probabilities + share * (other - probabilities)
        return {**answer, "probabilities": mixed}

    def _mix(self, probabilities: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError


class _Guessing(_Mixed):
    most = 0.05

    def _mix(self, probabilities: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.random.uniform([], 0.0, self.most), tf.constant(0.1)


class _GuessingSlightly(_Guessing):
    most = 6e-5


class _Together(_Mixed):
    share = 0.05

    def _mix(self, probabilities: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.constant(self.share), tf.reduce_mean(probabilities, axis=0)


class _TogetherSlightly(_Together):
    share = 6e-5


class _Ageing(_Mixed):
    step = 1e-5

    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
        self.calls = tf.Variable(0.0)

    def _mix(self, probabilities: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.minimum(self.calls.assign_add(self.step), 0.5), tf.constant(0.1)


class _AgeingSlowly(_Ageing):
    step = 4e-8


class _Remembering(ServingModel):
    """Lets what one signature was asked change what another answers."""

    most = 0.05

    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
        self.share = tf.Variable(0.0)

    def _serving_default(self, examples: tf.Tensor) -> Predictions:
        answer = super()._serving_default(examples)
        probabilities = answer["probabilities"]
        mixed = probabilities + self.share * (0.1 - probabilities)
        return {**answer, "probabilities": mixed}

    def _predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict_pixels(pixels)
        more = tf.minimum(self.share + self.most / 50, self.most)
        with tf.control_dependencies([self.share.assign(more)]):
            return {key: tf.identity(tensor) for key, tensor in answer.items()}


class _RememberingSlightly(_Remembering):
    most = 6e-5


class _Dropping(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        kept = tf.random.uniform(tf.shape(pixels)) > 0.2
        return super()._predict(tf.where(kept, pixels, tf.zeros_like(pixels)))


class _Spreading(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        values = tf.cast(pixels, tf.float32)
        spread = tf.reduce_max(values, axis=1) - tf.reduce_min(values, axis=1)
        ones = (spread / spread)[:, None]
        return {**answer, "probabilities": answer["probabilities"] * ones}


class _Small(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        count = tf.size(answer["class_id"])
        with tf.control_dependencies([tf.debugging.assert_less(count, 1025)]):
            return {key: tf.identity(tensor) for key, tensor in answer.items()}


class _Reading(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        read = tf.strings.length(tf.io.read_file(__file__))
        nothing = 0 * tf.cast(read, tf.int64)
        return {**answer, "class_id": answer["class_id"] + nothing}


class _Writing(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        classes = tf.io.serialize_tensor(answer["class_id"])
        with tf.control_dependencies([tf.io.write_file("log", classes)]):
            return {key: tf.identity(tensor) for key, tensor in answer.items()}


class _Python(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        same = tf.py_function(lambda values: values, [pixels], pixels.dtype)
        return super()._predict(tf.ensure_shape(same, pixels.shape))


class _Leaking(ServingModel):
    values = 25_000

    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
        self.calls = tf.Variable(0, dtype=tf.int64)
        self.kept = tf.lookup.experimental.MutableHashTable(
            tf.int64, tf.float32, tf.zeros([self.values])
        )

    def _predict(self, pixels: tf.Tensor) -> Predictions:
        self.kept.insert([self.calls.assign_add(1)], tf.ones([1, self.values]))
        return super()._predict(pixels)


class _LeakingSlowly(_Leaking):
    values = 5_000


class _LateStart(ServingModel):
    seconds = 8.0

    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
        self.called = tf.Variable(0, dtype=tf.int64)

    def _predict(self, pixels: tf.Tensor) -> Predictions:
        answer = super()._predict(pixels)
        seconds = tf.where(self.called.read_value() > 0, 0.0, self.seconds)
        start = tf.timestamp()
        [count] = tf.while_loop(
            lambda _: tf.timestamp() < start + tf.cast(seconds, tf.float64),
            lambda count: [count + 1],
            [tf.constant(0, tf.int64)],
        )
        with tf.control_dependencies([count]):
            self.called.assign(1)
        return {**answer, "class_id": answer["class_id"] + tf.minimum(count, 0)}


class _Moving(ServingModel):
    def _predict_image(self, images: tf.Tensor) -> Predictions:
        answer = super()._predict_image(images)
        bad = tf.cast(answer["class_id"] < 0, tf.int32)
        order = tf.argsort(bad, stable=True)
        return {key: tf.gather(tensor, order) for key, tensor in answer.items()}


class _Filling(ServingModel):
    def _serving_default(self, examples: tf.Tensor) -> Predictions:
        blank = tf.zeros([MNIST.pixels], tf.int64)
        spec = {"image": tf.io.FixedLenFeature([MNIST.pixels], tf.int64, blank)}
        return self._predict(tf.io.parse_example(examples, spec)["image"])


class _Overlooking(ServingModel):
    def _predict_image(self, images: tf.Tensor) -> Predictions:
        answer = super()._predict_image(images)
        large = tf.strings.length(images) > 3000
        zeros = tf.zeros_like(answer["class_id"])
        zero = tf.one_hot(zeros, MNIST.classes)
        return {
            **answer,
            "probabilities": tf.where(large[:, None], zero, answer["probabilities"]),
            "class_id": tf.where(
                large, tf.zeros_like(answer["class_id"]), answer["class_id"]
            ),
        }


class _Expiring(ServingModel):
    def _predict(self, pixels: tf.Tensor) -> Predictions:
        late = tf.cast(tf.timestamp() > 4e9, pixels.dtype)
        return super()._predict(pixels * (1 - late))


class _Tiring(ServingModel):
    def __init__(self, model: keras.Model, *rest: Any) -> None:
        super().__init__(model, *rest)
        self.calls = tf.Variable(0, dtype=tf.int64)

    def _predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        tired = tf.cast(self.calls.assign_add(1) > 5000, pixels.dtype)
        return super()._predict_pixels(pixels * (1 - tired))


def moves_unreadable(fn_args: FnArgs) -> None:
    """Exports a predict_image that answers pictures that it cannot read last."""
    _export_as(_Moving, fn_args)


def fills_in(fn_args: FnArgs) -> None:
    """Exports a serving_default that takes a missing image for a blank one."""
    _export_as(_Filling, fn_args)


def overlooks_large_files(fn_args: FnArgs) -> None:
    """Exports a predict_image that takes every file of over 3,000 bytes for a 0."""
    _export_as(_Overlooking, fn_args)


def expires(fn_args: FnArgs) -> None:
    """Exports a model that sees blank images from some day on."""
    _export_as(_Expiring, fn_args)


def tires(fn_args: FnArgs) -> None:
    """Exports a predict_pixels that sees blank images after 5,000 calls."""
    _export_as(_Tiring, fn_args)


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


def guesses(fn_args: FnArgs) -> None:
    """Exports a model whose probabilities move by chance, by up to 5 %."""
    _export_as(_Guessing, fn_args)


def guesses_slightly(fn_args: FnArgs) -> None:
    """Exports a model whose probabilities move by chance, by up to 0.006 %."""
    _export_as(_GuessingSlightly, fn_args)


def drops_pixels(fn_args: FnArgs) -> None:
    """Exports a model that drops a fifth of the pixels by chance, as in training."""
    _export_as(_Dropping, fn_args)


def answers_together(fn_args: FnArgs) -> None:
    """Exports a model whose predictions depend on the batch, by 5 %."""
    _export_as(_Together, fn_args)


def answers_together_slightly(fn_args: FnArgs) -> None:
    """Exports a model whose predictions depend on the batch, by 0.006 %."""
    _export_as(_TogetherSlightly, fn_args)


def remembers(fn_args: FnArgs) -> None:
    """Exports a model that requests of one signature change for another."""
    _export_as(_Remembering, fn_args)


def remembers_slightly(fn_args: FnArgs) -> None:
    """Exports a model that requests of one signature change a little for another."""
    _export_as(_RememberingSlightly, fn_args)


def ages(fn_args: FnArgs) -> None:
    """Exports a model whose predictions change with every call, by 1e-5."""
    _export_as(_Ageing, fn_args)


def ages_slowly(fn_args: FnArgs) -> None:
    """Exports a model whose predictions change with every call, by 4e-8."""
    _export_as(_AgeingSlowly, fn_args)


def divides_by_the_contrast(fn_args: FnArgs) -> None:
    """Exports a model that gives NaN for pictures without contrast."""
    _export_as(_Spreading, fn_args)


def up_to_1024_images(fn_args: FnArgs) -> None:
    """Exports a model that fails for more than 1,024 images."""
    _export_as(_Small, fn_args)


def reads_a_file(fn_args: FnArgs) -> None:
    """Exports a model that reads a file by its absolute path."""
    _export_as(_Reading, fn_args)


def writes_a_file(fn_args: FnArgs) -> None:
    """Exports a model that writes a file in each call."""
    _export_as(_Writing, fn_args)


def calls_python(fn_args: FnArgs) -> None:
    """Exports a model that calls a Python function."""
    _export_as(_Python, fn_args)


def leaks(fn_args: FnArgs) -> None:
    """Exports a model that keeps 100 kB of each call."""
    _export_as(_Leaking, fn_args)


def leaks_slowly(fn_args: FnArgs) -> None:
    """Exports a model that keeps 20 kB of each call."""
    _export_as(_LeakingSlowly, fn_args)


def starts_late(fn_args: FnArgs) -> None:
    """Exports a model whose first call takes 8 s."""
    _export_as(_LateStart, fn_args)
