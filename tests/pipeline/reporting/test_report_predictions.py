"""Which mistakes and samples are shown, and predicting with an exported model."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.image_spec import MNIST
from pipeline.reporting import predictions as module
from pipeline.reporting.predictions import (
    Predictions,
    confident_mistakes,
    first_of_each_class,
    predict,
)


def predictions(labels: list[int], guesses: list[tuple[int, float]]) -> Predictions:
    """Predictions of classes with a confidence; the rest is shared evenly."""
    rows = np.empty((len(guesses), MNIST.classes), np.float32)
    for row, (guess, confidence) in zip(rows, guesses, strict=True):
        row[:] = (1 - confidence) / (MNIST.classes - 1)
        row[guess] = confidence
    images = np.zeros((len(labels), *MNIST.size), np.uint8)
    return Predictions(images, np.array(labels, np.int64), rows)


FOUND = predictions(
    [3, 1, 4, 1, 5], [(8, 0.6), (1, 0.99), (9, 0.9), (7, 0.6), (6, 0.7)]
)


def test_predicted_class_confidence_and_hits() -> None:
    assert FOUND.predicted.tolist() == [8, 1, 9, 7, 6]
    np.testing.assert_allclose(FOUND.confidence, [0.6, 0.99, 0.9, 0.6, 0.7], rtol=1e-6)
    assert FOUND.correct.tolist() == [False, True, False, False, False]


def test_mistakes_come_with_the_surest_first_and_ties_in_order() -> None:
    assert confident_mistakes(FOUND, 10).tolist() == [2, 4, 0, 3]


def test_no_more_mistakes_than_asked_for() -> None:
    assert confident_mistakes(FOUND, 2).tolist() == [2, 4]


def test_a_perfect_model_has_no_mistakes() -> None:
    assert confident_mistakes(predictions([2], [(2, 0.4)]), 5).tolist() == []


def test_the_first_image_of_each_class_in_the_order_of_labels() -> None:
    assert first_of_each_class(FOUND).tolist() == [1, 0, 2, 4]


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A model whose class is the first pixel divided by two."""

    class Halves(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8)])
        def predict_pixels(self, pixels):
            label = tf.cast(pixels[:, 0, 0], tf.int64) // 2
            return {"probabilities": tf.one_hot(label, MNIST.classes)}

    model = Halves()
    signatures = {"predict_pixels": model.predict_pixels}
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=signatures)
    return tmp_path / "model"


def test_every_image_is_classified_in_order_over_several_batches(
    exported: Path, tiny_examples: Path, tiny_items, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 8)
    found = predict(MNIST, tiny_examples, exported)

    images, labels = tiny_items
    np.testing.assert_array_equal(found.images, images.reshape(-1, 28, 28))
    np.testing.assert_array_equal(found.labels, labels)
    # Pixel 0 of image i is i.
    assert found.predicted.tolist() == [i // 2 for i in range(20)]
    assert found.probabilities.dtype == np.float32
