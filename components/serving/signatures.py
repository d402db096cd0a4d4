"""The exported model: one prediction path behind three signatures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from components.features import CLASS_ID, IMAGE, PROBABILITIES, STATE
from components.pictures.decoding import decode_grey
from components.pictures.facts import AS_MNIST, PictureFacts, write_facts
from components.pictures.preparation import READ, STATES, UNREADABLE, prepare
from components.pictures.trust import Trust, doubt

Preprocess = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]
Predictions = dict[str, tf.Tensor]


# Where an exported model holds the weights of its network, in Keras's order.
WEIGHTS = "network_weights"
# Pictures of one request that are decoded side by side.
_DECODERS = 4


class ServingModel(tf.Module):
    """Transform graph, network and softmax, called with what clients have.

    Every signature returns ``probabilities`` float32 [n, classes] and ``class_id``
    int64 [n]. All of them turn their input into int64 pixels and go through the
    same transform graph, so that serving cannot drift from training.

    Args:
      model: from float32 [n, pixels] to logits [n, classes].
      preprocess: the transform graph.
      pictures: how pictures are prepared, and for which size and classes.
      trust: when a prediction is unsure; None where nothing was measured.
    """

    def __init__(
        self,
        model: keras.Model,
        preprocess: Preprocess,
        pictures: PictureFacts = AS_MNIST,
        trust: Trust | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        # Hidden, as they are no part of the export but constants of its graphs.
        self.pictures: Callable[[], Any] = lambda: pictures
        self.trust: Callable[[], Any] = lambda: trust
        setattr(self, WEIGHTS, [weight.value for weight in model.weights])
        # A function hides the layer from the export, which would trace it as a Keras
        # model as well: AutoGraph would rewrite all of tf_keras. A
        # transform graph with a vocabulary has to be an attribute itself; saving says
        # so, since its table would be missing.
        self.preprocess: Callable[..., Any] = lambda features: preprocess(features)
        size, classes = pictures.spec.size, pictures.spec.classes
        images = tf.TensorSpec([None, *size], tf.uint8, name="pixels")
        outputs = tf.TensorSpec([None, classes], tf.float32, name="probabilities")
        self.serving_default = _traced(self._serving_default, _strings("examples"))
        self.predict_pixels = _traced(self._predict_pixels, images)
        self.predict_image = _traced(self._predict_image, _strings("images"))
        self.judge = _traced(self._judge, outputs, images)

    def _predict(self, pixels: tf.Tensor) -> Predictions:
        image = self.preprocess({IMAGE: tf.cast(pixels, tf.int64)})[IMAGE]
        probabilities = tf.nn.softmax(self.model(image, training=False))
        return {
            PROBABILITIES: probabilities,
            CLASS_ID: tf.argmax(probabilities, axis=1),
        }

    def _serving_default(self, examples: tf.Tensor) -> Predictions:
        """Classifies serialized tf.Examples; only ``image`` is read."""
        pixels = self.pictures().spec.pixels
        spec = {IMAGE: tf.io.FixedLenFeature([pixels], tf.int64)}
        return self._predict(tf.io.parse_example(examples, spec)[IMAGE])

    def _predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        """Classifies uint8 images [n, height, width], white ink on black."""
        return self._predict(self._flat(pixels))

    def _predict_image(self, images: tf.Tensor) -> Predictions:
        """Classifies encoded JPEG, PNG, GIF or BMP images of any size and colour.

        ``state``, string [n], is ``sure``, ``unsure``, ``unlike`` the training data,
        or ``unknown`` where nothing was measured. An image that is ``blank``, ``too
        small`` or ``unreadable`` gets the class -1 and equal probabilities.
        """
        pixels, state = self._prepare(images)
        answer = self._predict(self._flat(pixels))
        even = tf.constant(1 / self.pictures().spec.classes)
        known = tf.equal(state, READ)
        probabilities = tf.where(known[:, None], answer[PROBABILITIES], even)
        named = self.judge(probabilities=answer[PROBABILITIES], pixels=pixels)
        return {
            PROBABILITIES: probabilities,
            CLASS_ID: tf.where(known, answer[CLASS_ID], -1),
            STATE: tf.where(known, named, tf.gather(STATES, state)),
        }

    def _judge(self, probabilities: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """Says whether predictions are to be trusted: ``state``, string [n]."""
        return doubt(self.trust(), probabilities, self._flat(pixels))

    def _flat(self, pixels: tf.Tensor) -> tf.Tensor:
        """Returns images as rows of pixels."""
        return tf.reshape(pixels, [-1, self.pictures().spec.pixels])

    def _prepare(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns uint8 [n, height, width] and int32 [n], a state of ``preparation``.

        A dataset, since it alone can leave out what fails and go on. TensorFlow's tuner
        is off: an iterator may wait for it at its end.
        """
        count = tf.size(images)
        numbers, pictures = tf.range(count), self.pictures()
        size = pictures.spec.size

        def decode(number: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, ...]:
            ready = prepare(decode_grey(image), size, pictures.fit, pictures.ground)
            return number, ready.pixels, ready.state

        # In place of an empty one, which cannot be taken.
        nothing = tf.zeros(size, tf.uint8)
        last = tf.data.Dataset.from_tensors((count, nothing, UNREADABLE))
        dataset = (
            tf.data.Dataset.from_tensor_slices((numbers, images))
            .map(decode, num_parallel_calls=_DECODERS, deterministic=True)
            .ignore_errors()
            .concatenate(last)
            .batch(tf.cast(count, tf.int64) + 1)
        )
        options = tf.data.Options()
        options.autotune.enabled = False
        read, pixels, state = dataset.with_options(options).get_single_element()
        every = tf.fill([count + 1], UNREADABLE)
        blank = tf.zeros([count + 1, *size], tf.uint8)
        places = read[:, None]
        return (
            tf.tensor_scatter_nd_update(blank, places, pixels)[:-1],
            tf.tensor_scatter_nd_update(every, places, state)[:-1],
        )


def _strings(name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name=name)


def _traced(function: Callable[..., Any], *inputs: tf.TensorSpec) -> Any:
    """Returns a function as a graph of inputs of any number of examples."""
    # Nothing here branches on tensors, and AutoGraph would rewrite all of Keras.
    return tf.function(function, input_signature=inputs, autograph=False)


def export_model(
    model: keras.Model,
    preprocess: Preprocess,
    directory: Path,
    pictures: PictureFacts = AS_MNIST,
    trust: Trust | None = None,
) -> None:
    """Writes a SavedModel that plain TensorFlow can load and serve.

    Args:
      model: from float32 [n, pixels] to logits [n, classes].
      preprocess: the transform graph.
      directory: of the SavedModel.
      pictures: how pictures are prepared, and for which size and classes.
      trust: when a prediction is unsure; None where nothing was measured.
    """
    module = ServingModel(model, preprocess, pictures, trust)
    # Not a signature, but ``predict`` calls it.
    module.judge.get_concrete_function()
    tf.saved_model.save(
        module,
        str(directory),
        signatures={
            "serving_default": module.serving_default,
            "predict_pixels": module.predict_pixels,
            "predict_image": module.predict_image,
        },
    )
    write_facts(directory, pictures, trust.bounds if trust else None)
