"""The task that reports on a run on Kubeflow Pipelines, whatever happened before.

``runner`` puts ``python -m pipeline.cluster.exit_handler`` behind all nodes,
and ``pipeline.cluster.verdict`` behind that.
"""

from pathlib import Path
from typing import Any

import click

from pipeline.cluster.container import log_to_stdout, main, run_config, run_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--html", type=Path, required=True, help="Receives the report.")
@click.option("--metrics", type=Path, required=True, help="Receives the metrics.")
@click.option(
    "--executor-input", required=True, help="What KFP knows of this task, as JSON."
)
@run_options
def cli(
    run_id: str,
    html: Path,
    metrics: Path,
    executor_input: str,
    verbose: bool,
    **options: Any,
) -> None:
    """Write the report of a run and hand it to Kubeflow Pipelines.

    KFP keeps what a task returns only where the task succeeds. So this one does, even
    after a model was refused; the verdict behind it fails then.
    """
    log_to_stdout(verbose)
    config = run_config(run_id, **options, needs_data=False)
    from pipeline.cluster.report import KfpOutputs, report_run

    outputs = KfpOutputs.parse(html, metrics, executor_input)
    report_run(config, run_id, outputs)


if __name__ == "__main__":
    main(cli)
