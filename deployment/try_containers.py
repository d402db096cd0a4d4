"""Runs every task of the compiled Kubeflow pipeline with ``docker run``.

``try_containers.sh`` calls it, with image, network and volume in place. Three runs:
one that pushes a model, one whose model is refused, one whose data is.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import click

from components.checkout import PROJECT_ROOT
from components.gates import DATA, MODEL
from deployment.kfp_follower import Followed, Follower
from pipeline.cluster.runner import (
    REPORT_TASK,
    VERDICT_TASK,
    compile_pipeline,
    read_graph,
)
from pipeline.config import load_config
from pipeline.definition import create_pipeline

# Run to the overrides of the preset, and the exit code of each task that fails.
_RUNS: dict[str, tuple[list[str], dict[str, int]]] = {
    "pushed": ([], {}),
    "model-refused": (
        ["evaluation.min_accuracy=0.9999"],
        dict.fromkeys(("evaluator", VERDICT_TASK), MODEL.exit_code),
    ),
    "data-refused": (
        ["data_gate.min_train=100000"],
        dict.fromkeys(("data-gate", VERDICT_TASK), DATA.exit_code),
    ),
}


class ContainerFollower(Follower):
    """Runs the tasks of a compiled pipeline in containers, as user of the image.

    Args:
      file: the compiled pipeline.
      folder: holds the logs and outputs of the run, and the file ``password``.
      network: that reaches the metadata store, and nothing else.
      volume: the workspace.
    """

    def __init__(self, file: Path, folder: Path, network: str, volume: str) -> None:
        super().__init__(file, folder, password="", project=PROJECT_ROOT)
        self._network = network
        self._volume = volume

    def _command(
        self, words: list[str], label: str, container: Any
    ) -> tuple[list[str], dict[str, str]]:
        platform = self._platform["executors"][label]
        limits = container["resources"]
        mounts = [f"{self._folder}:{self._folder}"]
        mounts += [f"{self._volume}:{one['mountPath']}" for one in platform["pvcMount"]]
        mounts += [
            f"{self._folder / 'password'}:{one['mountPath']}/password:ro"
            for one in platform["secretAsVolume"]
        ]
        environment = [f"{one['name']}={one['value']}" for one in container["env"]]
        return [
            *("docker", "run", "--rm", "--network", self._network),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--cpus", str(limits["cpuLimit"])),
            # In gigabytes.
            *("--memory", str(int(limits["memoryLimit"] * 1e9))),
            *(part for one in mounts for part in ("--volume", one)),
            *(part for one in environment for part in ("--env", one)),
            container["image"],
            *words,
        ], {"PATH": os.environ["PATH"]}

    def _executor_input(self, component: Any, inputs: Any, run_id: str):
        message, files = super()._executor_input(component, inputs, run_id)
        # The task is another user than this process.
        Path(message["outputs"]["outputFile"]).parent.chmod(0o777)
        return message, files


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--image", required=True)
@click.option("--network", required=True)
@click.option("--volume", required=True)
def main(folder: Path, image: str, network: str, volume: str) -> None:
    """Run the compiled pipeline in containers and say how each task ended."""
    config = load_config(overrides=[f"kubeflow.image={image}", "kubeflow.retries=0"])
    graph = read_graph(create_pipeline(config))
    compile_pipeline(graph, config, [], folder / "mnist.yaml")
    follower = ContainerFollower(folder / "mnist.yaml", folder, network, volume)
    user = _output("docker", "run", "--rm", image, "id", "--user")
    click.echo(f"user of the image: {user}")
    for run_id, (overrides, refusals) in _RUNS.items():
        check(run_id, follower.run(run_id, {"overrides": overrides}), refusals)


def check(run_id: str, followed: Followed, refusals: dict[str, int]) -> None:
    """Shows a run and demands that it ended as it should.

    Raises:
      ClickException: a task ended otherwise.
    """
    outcomes = followed.outcomes
    began = min(one.started for one in outcomes.values())
    ended = max(one.ended for one in outcomes.values())
    click.echo(f"{run_id}: {ended - began:.0f} s")
    for name, one in outcomes.items():
        click.echo(f"  {name:23}{one.ended - one.started:6.1f} s  exit {one.codes[-1]}")
    output = outcomes[REPORT_TASK].output
    if output:
        [metrics] = output["artifacts"]["metrics"]["artifacts"]
        click.echo(f"  metrics {json.dumps(metrics['metadata'])}")
    failed = {name: o.codes[-1] for name, o in outcomes.items() if not o.succeeded}
    if failed != refusals or not output:
        logs = "\n".join(outcomes[name].log[-4000:] for name in failed)
        raise click.ClickException(
            f"Expected {refusals or 'no task'} to fail. Received: {failed}.\n{logs}"
        )


def _output(*words: str) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
