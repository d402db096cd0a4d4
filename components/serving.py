"""The exported model: one prediction path behind three signatures."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from components.features import CLASS_ID, HEIGHT, IMAGE, PIXELS, PROBABILITIES, WIDTH

Preprocess = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]
Predictions = dict[str, tf.Tensor]


# Where an exported model holds the weights of its network, in Keras's order.
WEIGHTS = "network_weights"


class ServingModel(tf.Module):
    """Transform graph, network and softmax, called with what clients have.

    Every signature returns ``probabilities`` float32 [n, 10] and ``class_id``
    int64 [n]. All of them turn their input into int64 pixels and go through the
    same transform graph, so that serving cannot drift from training.
    """

    def __init__(self, model: keras.Model, preprocess: Preprocess) -> None:
        super().__init__()
        self.model = model
        setattr(self, WEIGHTS, [weight.value for weight in model.weights])
        # A function hides the layer from the export, which would trace it as a Keras
        # model as well: AutoGraph would rewrite all of tf_keras, four seconds. A
        # transform graph with a vocabulary has to be an attribute itself; saving says
        # so, since its table would be missing.
        self.preprocess = lambda features: preprocess(features)

    def _predict(self, pixels: tf.Tensor) -> Predictions:
        image = self.preprocess({IMAGE: tf.cast(pixels, tf.int64)})[IMAGE]
        probabilities = tf.nn.softmax(self.model(image, training=False))
        return {
            PROBABILITIES: probabilities,
            CLASS_ID: tf.argmax(probabilities, axis=1),
        }

    # Nothing here branches on tensors, and AutoGraph would rewrite all of Keras.
    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="examples")],
        autograph=False,
    )
    def serving_default(self, examples: tf.Tensor) -> Predictions:
        """Classifies serialized tf.Examples; only ``image`` is read."""
        spec = {IMAGE: tf.io.FixedLenFeature([PIXELS], tf.int64)}
        return self._predict(tf.io.parse_example(examples, spec)[IMAGE])

    @tf.function(
        input_signature=[tf.TensorSpec([None, HEIGHT, WIDTH], tf.uint8, name="pixels")],
        autograph=False,
    )
    def predict_pixels(self, pixels: tf.Tensor) -> Predictions:
        """Classifies uint8 images [n, 28, 28], white ink on black."""
        return self._predict(tf.reshape(pixels, [-1, PIXELS]))

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, name="images")],
        autograph=False,
    )
    def predict_image(self, images: tf.Tensor) -> Predictions:
        """Classifies encoded PNG or JPEG images of any size and colour."""
        pixels = tf.map_fn(
            _decode, images, fn_output_signature=tf.TensorSpec([PIXELS], tf.int64)
        )
        return self._predict(pixels)


def _decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes one image, greys it and resizes it to int64 [784] in 0..255."""
    image = tf.io.decode_image(encoded, channels=1, expand_animations=False)
    resized = tf.image.resize(image, [HEIGHT, WIDTH], antialias=True)
    rounded = tf.clip_by_value(tf.round(resized), 0, 255)
    return tf.reshape(tf.cast(rounded, tf.int64), [PIXELS])


def export_model(model: keras.Model, preprocess: Preprocess, directory: Path) -> None:
    """Writes a SavedModel that plain TensorFlow can load and serve."""
    module = ServingModel(model, preprocess)
    tf.saved_model.save(
        module,
        str(directory),
        signatures={
            "serving_default": module.serving_default,
            "predict_pixels": module.predict_pixels,
            "predict_image": module.predict_image,
        },
    )
