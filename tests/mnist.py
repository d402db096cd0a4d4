"""What tests of MNIST's size share: its preprocessing, as a run calls it."""

from typing import Any

from components.image_spec import MNIST


def preprocess(features: dict[str, Any]) -> dict[str, Any]:
    """Calls our preprocessing for the ten digits."""
    from components.training.transform import preprocessing_fn

    return preprocessing_fn(features, {"classes": MNIST.classes})
