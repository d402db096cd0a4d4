"""Gives the data sets to this pipeline's nodes up to DataGate, as a run does.

    python -m benchmarks.checkers.ours FOLDER OUT

Each is taken into the same workspace, with the model that a run pushed from the data
before, and so meets what a user's next data meets.
"""

import shutil
import tempfile
from pathlib import Path

import click

from benchmarks.checkers.exchange import (
    CLEAN,
    DEFECT,
    Found,
    Splits,
    check_all,
    read_splits,
)
from benchmarks.machine import installed_versions
from benchmarks.pipeline_run import Task, run_pipeline
from components.checks import Check, GateError, read_checks
from components.gates import DATA
from pipeline.config import Config, load_config

_PRESET = "quick"


def write_records(splits: Splits, data: Path) -> None:
    """Writes a data set in the layout of records, in the place of what is there."""
    from tests.defects.small_data import write

    shutil.rmtree(data, ignore_errors=True)
    for split, (images, labels) in splits.items():
        write(data, split, images.reshape(len(images), -1), labels)


def run_data_nodes(config: Config) -> list[Check]:
    """Runs the nodes up to DataGate; returns its checks.

    Raises:
      Exception: what made another node fail.
    """
    from pipeline.definition import NODE_CODE, create_pipeline
    from pipeline.digests import read_digests
    from pipeline.local_runner import compile_run, run_node

    pipeline = create_pipeline(config, read_digests(config, NODE_CODE))
    compiled = compile_run(pipeline, "checked")
    for node in (one.pipeline_node for one in compiled.nodes):
        result = run_node(compiled, node, lambda node_id, error: error)
        if isinstance(result.error, GateError):
            return list(result.error.checks)
        if result.error:
            raise result.error
        if result.id == DATA.node:
            break
    verdicts = (config.artifacts / DATA.node / DATA.output).iterdir()
    return read_checks(max(verdicts, key=lambda folder: int(folder.name)))


def found_by(checks: list[Check]) -> Found:
    """Sorts the checks of DataGate that failed by whether they stop a run."""
    broken = [check for check in checks if not check.passed]
    return Found(
        failed=[f"{one.name}, {one.slice}" for one in broken if one.stops],
        warned=[f"{one.name}, {one.slice}" for one in broken if not one.stops],
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(folder: Path, out: Path) -> None:
    """Write what DataGate says of each data set in FOLDER into the file OUT."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        config = load_config(
            _PRESET, data=root / "data", workspace=root / "now" / "workspace"
        )
        write_records(read_splits(folder, 0), config.data)
        run_pipeline(Task(config.data, _PRESET), config.workspace)
        (root / "now").rename(root / "kept")

        def check(before: Splits, now: Splits) -> Found:
            return found_by(run_data_nodes(config))

        def prepare(now: Splits) -> None:
            write_records(now, config.data)
            shutil.rmtree(root / "now", ignore_errors=True)
            shutil.copytree(root / "kept", root / "now", symlinks=True)

        check_all(folder, check, installed_versions(), out, (CLEAN, DEFECT), prepare)


if __name__ == "__main__":
    main()
