"""The last task of a run on Kubeflow Pipelines: it fails where the run is to fail.

``runner`` puts ``python -m pipeline.cluster.verdict`` behind the report.
"""

import sys
from typing import Any

import click

from components.gates import EXIT_CODES
from pipeline.cluster.container import log_to_stdout, main, run_config, run_options
from pipeline.history.latest_report import named_summary
from pipeline.reporting.text import print_summary, terminal


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@run_options
def cli(run_id: str, verbose: bool, **options: Any) -> None:
    """Say how a run ended, and return what `mnist-pipeline run` would."""
    log_to_stdout(verbose)
    config = run_config(run_id, **options, needs_data=False)
    summary = named_summary(config.reports, run_id)
    print_summary(terminal(sys.stdout), summary)
    sys.stdout.flush()
    sys.exit(EXIT_CODES[summary["status"]])


if __name__ == "__main__":
    main(cli)
