"""Exact values out of the preprocessing, called directly and through Beam."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.features import IMAGE, LABEL
from components.training.transform import preprocessing_fn

pytestmark = pytest.mark.slow

PIXELS = {0: 0.0, 51: 0.2, 102: 0.4, 255: 1.0}


@pytest.fixture
def rows() -> dict[str, tf.Tensor]:
    """Three images that cycle through the keys of PIXELS, labels 3, 0 and 9."""
    pixels = np.resize(list(PIXELS), (3, 784))
    return {
        IMAGE: tf.constant(pixels, tf.int64),
        LABEL: tf.constant([[3], [0], [9]], tf.int64),
    }


@pytest.fixture(params=["direct", "through Beam"])
def outputs(
    request: pytest.FixtureRequest, rows: dict[str, tf.Tensor]
) -> dict[str, np.ndarray]:
    if request.param == "direct":
        outputs = preprocessing_fn(rows, {"classes": 10})
    else:
        graph: Path = request.getfixturevalue("transform_graph")
        layer = tft.TFTransformOutput(str(graph)).transform_features_layer()
        outputs = layer(rows)
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def test_there_are_an_image_and_a_label_of_floats(outputs) -> None:
    assert {name: (a.dtype, a.shape) for name, a in outputs.items()} == {
        IMAGE: (np.float32, (3, 784)),
        LABEL: (np.float32, (3, 10)),
    }


def test_pixels_are_divided_by_255(outputs) -> None:
    expected = np.resize(np.float32(list(PIXELS.values())), (3, 784))

    # The graph optimizer turns the division into a multiplication: one ulp.
    np.testing.assert_array_max_ulp(outputs[IMAGE], expected, maxulp=1)
    assert outputs[IMAGE].min() == 0.0
    assert outputs[IMAGE].max() == 1.0


def test_the_label_is_one_hot(outputs) -> None:
    expected = np.zeros((3, 10), np.float32)
    expected[[0, 1, 2], [3, 0, 9]] = 1

    np.testing.assert_array_equal(outputs[LABEL], expected)


def test_the_graph_knows_the_shapes_of_its_output(transform_graph: Path) -> None:
    spec = tft.TFTransformOutput(str(transform_graph)).transformed_feature_spec()

    assert spec == {
        IMAGE: tf.io.FixedLenFeature([784], tf.float32),
        LABEL: tf.io.FixedLenFeature([10], tf.float32),
    }


def test_the_graph_transforms_an_image_without_a_label(
    transform_graph: Path, rows: dict[str, tf.Tensor]
) -> None:
    layer = tft.TFTransformOutput(str(transform_graph)).transform_features_layer()
    outputs = layer({IMAGE: rows[IMAGE]})

    assert set(outputs) == {IMAGE}
    np.testing.assert_allclose(outputs[IMAGE][0, :4], list(PIXELS.values()), rtol=1e-6)
