"""What the sections of a report read: artifacts of the run, each found or explained."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.classes import DIGITS
from components.evaluation.results import EvaluationMetrics
from components.features import TEST
from components.image_spec import ImageSpec, read_image_spec
from pipeline.metadata.lineage import RunArtifact, RunLineage
from pipeline.reporting.predictions import Predictions, predict
from pipeline.reporting.text import summary_classes

_STATES = {"failed": "failed", "not run": "was not run"}


class UnavailableError(Exception):
    """A part of the page has nothing to show; says why in a sentence."""


class Sources:
    """A run's summary and the files of its artifacts.

    Attributes:
      summary: the content of ``summary.json``.
      lineage: of the run.
    """

    def __init__(self, summary: Mapping[str, Any], lineage: RunLineage) -> None:
        self.summary = summary
        self.lineage = lineage

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the labels."""
        return tuple(summary_classes(self.summary))

    @property
    def named(self) -> bool:
        """Whether the names of the classes say more than their labels."""
        return self.classes != DIGITS

    def state(self, node_id: str) -> str:
        """How a node ended; ``not run`` for one that the summary does not know."""
        states = {node["id"]: node["state"] for node in self.summary["components"]}
        return states.get(node_id, "not run")

    def artifact(self, node_id: str, output: str) -> RunArtifact:
        """Returns an output of a node.

        Raises:
          UnavailableError: the node published none.
        """
        artifact = self.lineage.output(node_id, output)
        if artifact is None:
            state = _STATES.get(
                self.state(node_id), "left nothing in the metadata store"
            )
            raise UnavailableError(f"Nothing to show: {node_id} {state}.")
        return artifact

    def folder(self, node_id: str, output: str) -> Path:
        """Returns where the files of an output of a node are.

        Raises:
          UnavailableError: there is no such output, or its files are gone.
        """
        folder = Path(self.artifact(node_id, output).uri)
        if not folder.is_dir():
            raise UnavailableError(
                f"Nothing to show: the files of {node_id} are gone from {folder}."
            )
        return folder

    @functools.cached_property
    def spec(self) -> ImageSpec:
        """Size of the images and number of the classes, from the run's schema.

        Raises:
          UnavailableError: the run took none in, or its files are gone.
        """
        return read_image_spec(self.folder("SchemaGen", "schema"))

    @functools.cached_property
    def evaluation(self) -> EvaluationMetrics:
        """What the Evaluator measured.

        Raises:
          UnavailableError: it measured nothing, or its files are gone.
        """
        return EvaluationMetrics(
            str(self.folder("Evaluator", "evaluation")), len(self.classes)
        )

    @functools.cached_property
    def predictions(self) -> Predictions:
        """What the exported model says of every test image.

        Raises:
          UnavailableError: there is no model or no test split.
        """
        model = self.folder("Trainer", "model")
        examples = self.folder("ExampleGen", "examples")
        return predict(self.spec, examples / f"Split-{TEST}", model / "Format-Serving")
