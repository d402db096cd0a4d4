"""Runs one node of one run in this process: what a container of a cluster executes.

``python -m pipeline.node_runner --node ID --run-id RUN`` has the gates, exit codes and
messages of ``mnist-pipeline run``.
"""

import sys
from typing import Any

import click

from components.garbage import garbage_collection_off
from components.gates import EXIT_CODES_HELP
from pipeline.cluster.container import log_to_stdout, main, run_config, run_options


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes are those of mnist-pipeline run: 0 the node ended well, "
    f"{EXIT_CODES_HELP}.",
)
@click.option("--node", "node_id", required=True, help="The id of the node.")
@run_options
def cli(node_id: str, run_id: str, verbose: bool, **options: Any) -> None:
    """Run one node of a run; the nodes before it have ended.

    A node that ended already is not run again.

    The metadata store is SQLite in the workspace, or the PostgreSQL that MLMD_HOST,
    MLMD_PORT, MLMD_DATABASE, MLMD_USER and MLMD_PASSWORD_FILE or MLMD_PASSWORD name;
    MLMD_SSLMODE and MLMD_SSLROOTCERT ask for TLS.
    """
    log_to_stdout(verbose)
    config = run_config(run_id, **options)
    with garbage_collection_off():
        from pipeline.cluster.node import run_node_of

    attempt = run_node_of(config, node_id, run_id)
    if attempt.code:
        print(f"Error: {node_id} stopped the run: {attempt.message}", flush=True)
    sys.exit(attempt.code)


if __name__ == "__main__":
    main(cli)
