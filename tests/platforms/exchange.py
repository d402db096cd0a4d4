"""Shows that a model pushed on one TFX line works on the other.

``record MODEL ANSWERS`` writes what a pushed model says of the test split;
``compare MODEL ANSWERS``, on the other line, demands the same answers.
"""

from pathlib import Path

import click
import numpy as np
import tensorflow as tf

from components.checkout import PROJECT_ROOT
from components.examples import read_examples
from components.features import IMAGE, TEST
from components.image_spec import MNIST

_PREDICTED = 100
_TOLERANCE = 1e-5


@click.group()
def cli() -> None:
    """Exchange a pushed model between the TFX lines."""


@cli.command()
@click.argument("model")
@click.argument("answers", type=click.Path(path_type=Path))
def record(model: str, answers: Path) -> None:
    """Write what MODEL says of the test split to ANSWERS."""
    np.savez(answers, **ask(model))


@cli.command()
@click.argument("model")
@click.argument("answers", type=click.Path(path_type=Path, exists=True))
def compare(model: str, answers: Path) -> None:
    """Fail unless MODEL says what ANSWERS recorded."""
    with np.load(answers) as recorded:
        expected = dict(recorded)
    received = ask(model)
    for name, values in expected.items():
        np.testing.assert_allclose(
            received[name], values, rtol=0, atol=_TOLERANCE, err_msg=name
        )
    click.echo(f"TensorFlow {tf.__version__}: same answers, {received['accuracy']:.4f}")


def ask(model: str) -> dict[str, np.ndarray]:
    """Evaluates the test split, and predicts some digits with every signature."""
    images, labels = read_examples(
        MNIST, [str(PROJECT_ROOT / "data" / "mnist" / TEST / "*.tfrecord.gz")]
    )
    square = images.reshape(-1, MNIST.height, MNIST.width)
    signatures = tf.saved_model.load(model).signatures
    everything = signatures["predict_pixels"](pixels=tf.constant(square))
    few = square[:_PREDICTED]
    examples = [_example(image) for image in images[:_PREDICTED]]
    pictures = [tf.io.encode_png(image[..., None]).numpy() for image in few]
    by_example = signatures["serving_default"](examples=tf.constant(examples))
    by_picture = signatures["predict_image"](images=tf.constant(pictures))
    return {
        "accuracy": np.mean(everything["class_id"].numpy() == labels),
        "predict_pixels": everything["probabilities"].numpy(),
        "serving_default": by_example["probabilities"].numpy(),
        "predict_image": by_picture["probabilities"].numpy(),
    }


def _example(image: np.ndarray) -> bytes:
    values = tf.train.Int64List(value=image.tolist())
    feature = {IMAGE: tf.train.Feature(int64_list=values)}
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString()


if __name__ == "__main__":
    cli()
