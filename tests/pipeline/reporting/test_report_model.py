"""The model of a report, from an export and an evaluation that are known."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.evaluation.calibration import calibrate
from components.image_spec import MNIST
from pipeline.reporting.model import (
    mistakes,
    read_first_kernel,
    reliability,
    sample_predictions,
    scores,
    weights,
)
from pipeline.reporting.sources import Sources, UnavailableError


@pytest.fixture
def sources(lineage, make_summary) -> Sources:
    return Sources(make_summary(), lineage)


def test_scores_and_confusions_have_names(sources: Sources) -> None:
    found = scores(sources)

    assert found.confusions[0] == ("0 (T-shirt/top)", "1 (Trouser)", 2)
    assert found.classes[0].recall == 0.98
    assert "998 test images, 980 right" in found.matrix


def test_mistakes_are_the_mislabelled_images(sources: Sources) -> None:
    images, total = mistakes(sources)

    assert total == 2
    # The class at the end of the scale has one neighbour, so it is surer.
    assert [(p.index, p.label, p.predicted) for p in images] == [(0, 9, 0), (7, 2, 7)]
    assert images[0].confidence == max(images[0].probabilities)


def test_samples_are_one_of_each_class(sources: Sources) -> None:
    images = sample_predictions(sources)

    assert [image.label for image in images] == list(range(10))
    assert [image.index for image in images][:3] == [10, 1, 2]
    assert sum(images[4].probabilities) == pytest.approx(1.0)


def test_the_calibration_error_is_that_of_the_predictions(sources: Sources) -> None:
    found = reliability(sources)
    confidence = sources.predictions.confidence

    # All but two of 50 are right.
    assert found.bias == pytest.approx(confidence.mean() - 48 / 50, abs=1e-6)
    assert found.error == calibrate(confidence, sources.predictions.correct).error
    assert f"calibration error {100 * found.error:.2f} %" in found.diagram


def test_test_images_are_classified_once(sources: Sources) -> None:
    assert sources.predictions is sources.predictions


def test_weights_are_those_of_the_first_layer(sources: Sources, run_files) -> None:
    found = weights(sources)

    assert (found.units, found.shown) == (12, 12)
    kernel = read_first_kernel(
        run_files / "Trainer" / "model" / "Format-Serving", MNIST
    )
    expected = tf.random.stateless_normal([MNIST.pixels, 12], seed=(1, 2))
    np.testing.assert_array_equal(kernel, expected)


def save_variables(folder: Path, **variables: tf.Tensor) -> Path:
    checkpoint = tf.train.Checkpoint(
        **{name: tf.Variable(value) for name, value in variables.items()}
    )
    checkpoint.write(str(folder / "variables" / "variables"))
    return folder


def test_of_layers_as_wide_as_the_pixels_the_first_is_shown(tmp_path: Path) -> None:
    square = tf.zeros([MNIST.pixels, MNIST.pixels])
    # The tenth layer comes after the second; the optimizer's slots are no layers.
    export = save_variables(
        tmp_path, layer_10=square + 10, layer_2=square + 2, optimizer_1=square
    )

    assert read_first_kernel(export, MNIST)[0, 0] == 2


def test_a_model_without_such_a_layer_has_no_plot(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="no dense layer on the pixels"):
        read_first_kernel(save_variables(tmp_path, bias=tf.zeros([10])), MNIST)


def test_an_evaluation_without_confusions_is_told(lineage, make_summary, monkeypatch):
    from types import SimpleNamespace

    from pipeline.reporting import sources as module

    empty = SimpleNamespace(confusion_matrix=lambda: np.zeros((10, 10), np.int64))
    monkeypatch.setattr(module, "EvaluationMetrics", lambda uri, classes: empty)

    with pytest.raises(UnavailableError, match="counted no confusions"):
        scores(Sources(make_summary(), lineage))
