"""Reads the accuracy that TFX's packaged MNIST example measured for its own model.

``benchmarks.contenders`` runs it as a process of its own, after the measured one.
"""

from pathlib import Path

import click

from components.evaluation.results import ACCURACY, CANDIDATE, EvaluationMetrics
from components.image_spec import MNIST


def read_accuracy(root: Path) -> float:
    """Returns the accuracy of the one evaluation below the root of a pipeline.

    Raises:
      ValueError: there is none, or several.
    """
    evaluations = list(root.glob("Evaluator.mnist/evaluation/*"))
    if len(evaluations) != 1:
        raise ValueError(
            f"Expected one evaluation below {root}. Received: {len(evaluations)}."
        )
    metrics = EvaluationMetrics(str(evaluations[0]), MNIST.classes)
    accuracy = metrics.scalar(CANDIDATE, None, ACCURACY)
    if accuracy is None:
        raise ValueError(f"Expected an accuracy in {evaluations[0]}. Received: none.")
    return accuracy


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
def main(root: Path) -> None:
    """Print the accuracy found below ROOT."""
    click.echo(read_accuracy(root))


if __name__ == "__main__":
    main()
