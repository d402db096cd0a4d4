"""Writes ``reports/<run id>``: ``summary.json`` and ``index.html``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from components.metrics import EvaluationMetrics
from components.trainer import HISTORY_FILE
from pipeline.lineage import RunLineage
from pipeline.reporting import plots
from pipeline.reporting.samples import predict_samples
from pipeline.reporting.text import number, percent


def write_report(
    directory: Path, summary: Mapping[str, Any], lineage: RunLineage
) -> None:
    """Writes the report of a run, complete as far as the run came.

    Args:
      directory: receives ``summary.json`` and ``index.html``, each whole or not at
        all; made where it is missing.
      summary: the content of ``summary.json``.
      lineage: of the run; the plots are drawn from its artifacts.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write(directory / "summary.json", json.dumps(summary, indent=2) + "\n")
    _write(directory / "index.html", render(summary, lineage))


def render(summary: Mapping[str, Any], lineage: RunLineage) -> str:
    """Returns the page: one file that needs nothing from anywhere else."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = percent
    environment.filters["number"] = number
    return environment.get_template("report.html").render(
        summary=summary, figures=list(_figures(lineage))
    )


def _figures(lineage: RunLineage):
    """Yields a title and an image for each plot that the run has the data for."""
    if run := lineage.output("Trainer", "model_run"):
        history = json.loads((Path(run.uri) / HISTORY_FILE).read_text())["epochs"]
        yield "Training", plots.training_curves(history)
    if evaluation := lineage.output("Evaluator", "evaluation"):
        counts = EvaluationMetrics(evaluation.uri).confusion_matrix()
        yield "Confusion matrix of the test split", plots.confusion_matrix(counts)
    if samples := predict_samples(lineage):
        yield (
            "Sample predictions",
            plots.sample_predictions(
                samples.images, samples.labels, samples.probabilities
            ),
        )


def _write(path: Path, text: str) -> None:
    """Replaces a file in one step, so that no reader sees half of it."""
    fresh = path.with_name(f".{path.name}.part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
