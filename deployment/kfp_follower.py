"""Follows a compiled Kubeflow pipeline as KFP would, with processes for containers.

It reads nothing but the YAML: parameters and placeholders are resolved as KFP's driver
and launcher do, tasks start when those before them ended well, independent ones at the
same time, a task that fails is tried again, and the exit tasks run at the end.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import attrs
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

Kill = Callable[[], bool]
_LIMIT_SECONDS = 900


@attrs.define
class Outcome:
    """How a task ended.

    Attributes:
      codes: exit code of each attempt; negative where it was killed.
      started: seconds of a monotonic clock; likewise ended.
      log: what all attempts wrote.
      files: artifact to its file.
      output: what the task returned, an ``ExecutorOutput``; as KFP sees it, nothing
        unless the task succeeded.
    """

    codes: list[int] = attrs.Factory(list)
    started: float = 0.0
    ended: float = 0.0
    log: str = ""
    files: Mapping[str, Path] = attrs.Factory(dict)
    output: Mapping[str, Any] = attrs.Factory(dict)

    @property
    def succeeded(self) -> bool:
        """Whether the last attempt ended well."""
        return bool(self.codes) and self.codes[-1] == 0


@attrs.frozen
class Followed:
    """A run that ended.

    Attributes:
      outcomes: task to how it ended; without the tasks that did not run.
    """

    outcomes: dict[str, Outcome]

    @property
    def succeeded(self) -> bool:
        """Whether KFP shows the run as succeeded."""
        return all(outcome.succeeded for outcome in self.outcomes.values())


class Follower:
    """Runs a compiled pipeline.

    Args:
      file: the compiled pipeline.
      folder: holds the logs and outputs of the run.
      password: content of the Secret's key ``password``.
      project: folder of the code, where the image has its own.
    """

    def __init__(self, file: Path, folder: Path, password: str, project: Path) -> None:
        spec, platform = yaml.safe_load_all(file.read_text(encoding="utf-8"))
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        self._spec = spec
        self._platform = platform["platforms"]["kubernetes"]["deploymentSpec"]
        self._folder = folder
        self._password = password
        self._project = project

    def run(
        self, run_id: str, parameters: Mapping[str, Any], kill: Mapping[str, Kill] = {}
    ) -> Followed:
        """Runs the pipeline to its end.

        Args:
          run_id: that KFP would give it.
          parameters: of the pipeline, in place of their defaults.
          kill: task to what says when its first attempt is to be killed.
        """
        root = self._spec["root"]
        known = root["inputDefinitions"]["parameters"]
        values = {name: one["defaultValue"] for name, one in known.items()} | parameters
        nodes, end = sorted(
            root["dag"]["tasks"].values(), key=lambda task: "triggerPolicy" in task
        )
        assert end["triggerPolicy"]["strategy"] == "ALL_UPSTREAM_TASKS_COMPLETED"
        outcomes: dict[str, Outcome] = {}
        for group in (nodes, end):
            component = self._spec["components"][group["componentRef"]["name"]]
            inputs = _resolve(group, values, run_id)
            outcomes |= self._run_group(component["dag"], inputs, run_id, kill)
        return Followed(outcomes)

    def _run_group(
        self, dag: Any, values: Any, run_id: str, kill: Mapping[str, Kill]
    ) -> dict[str, Outcome]:
        waiting = dict(dag["tasks"])
        outcomes: dict[str, Outcome] = {}
        with ThreadPoolExecutor(len(waiting)) as pool:
            running: dict[Future, str] = {}
            while True:
                for name, task in list(waiting.items()):
                    before = task.get("dependentTasks", [])
                    if all(o in outcomes and outcomes[o].succeeded for o in before):
                        component = self._spec["components"][
                            task["componentRef"]["name"]
                        ]
                        inputs = _resolve(task, values, run_id)
                        message, files = self._executor_input(component, inputs, run_id)
                        running[
                            pool.submit(
                                self._run_task,
                                *(task, component, message, files),
                                kill.get(name),
                            )
                        ] = name
                        del waiting[name]
                if not running:
                    return outcomes
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    outcomes[running.pop(future)] = future.result()

    def _executor_input(
        self, component: Any, inputs: dict[str, Any], run_id: str
    ) -> tuple[dict[str, Any], dict[str, Path]]:
        """Returns KFP's ``ExecutorInput`` of a task, and its artifacts' files."""
        folder = self._folder / run_id / component["executorLabel"]
        outputs = component.get("outputDefinitions", {}).get("artifacts", {})
        files = {name: folder / name for name in outputs}
        folder.mkdir(parents=True, exist_ok=True)
        message = {
            "inputs": {"parameterValues": inputs},
            "outputs": {
                "artifacts": {
                    name: {
                        "artifacts": [
                            {
                                "name": name,
                                "type": one["artifactType"],
                                "uri": f"minio://bucket/{run_id}/{name}",
                            }
                        ]
                    }
                    for name, one in outputs.items()
                },
                "outputFile": str(folder / "output_metadata.json"),
            },
        }
        json_format.ParseDict(message, pipeline_spec_pb2.ExecutorInput())
        return message, files

    def _run_task(
        self,
        task: Any,
        component: Any,
        message: Any,
        files: dict[str, Path],
        kill: Kill | None,
    ) -> Outcome:
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label]["container"]
        words = [
            _replace(word, message, files)
            for word in [*container["command"], *container.get("args", [])]
        ]
        command, environment = self._command(words, label, container)
        outcome = Outcome(started=time.monotonic(), files=files)
        for _ in range(1 + task.get("retryPolicy", {}).get("maxRetryCount", 0)):
            log = Path(message["outputs"]["outputFile"]).with_name("log")
            again = bool(outcome.codes)
            code = self._call(command, environment, log, None if again else kill)
            outcome.codes.append(code)
            outcome.log += log.read_text(encoding="utf-8", errors="replace")
            if code == 0:
                break
        outcome.ended = time.monotonic()
        written = Path(message["outputs"]["outputFile"])
        if outcome.succeeded and written.exists():
            outcome.output = json.loads(written.read_text(encoding="utf-8"))
            json_format.ParseDict(outcome.output, pipeline_spec_pb2.ExecutorOutput())
        return outcome

    def _command(
        self, words: list[str], label: str, container: Any
    ) -> tuple[list[str], dict[str, str]]:
        """Returns a process in place of a container: its words and environment.

        It has the task's volume and secret, and of our environment only PATH.
        """
        platform = self._platform["executors"][label]
        for volume in platform["pvcMount"]:
            Path(volume["mountPath"]).mkdir(parents=True, exist_ok=True)
        for secret in platform["secretAsVolume"]:
            self._write_secret(Path(secret["mountPath"]))
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return words, {
            "PATH": path,
            "HOME": str(home),
            "PYTHONPATH": str(self._project),
            **{one["name"]: one["value"] for one in container["env"]},
        }

    def _write_secret(self, folder: Path) -> None:
        file = folder / "password"
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            fresh = file.with_name(f"password-{threading.get_ident()}")
            fresh.write_text(self._password, encoding="utf-8")
            fresh.replace(file)

    def _call(
        self, words: list[str], environment: Any, log: Path, kill: Kill | None
    ) -> int:
        with log.open("wb") as stream:
            process = subprocess.Popen(
                words,
                cwd=self._project,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            limit = time.monotonic() + _LIMIT_SECONDS
            while process.poll() is None:
                if (kill is not None and kill()) or time.monotonic() > limit:
                    os.killpg(process.pid, signal.SIGKILL)
                time.sleep(0.1)
            return process.returncode


def _resolve(task: Any, values: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """Returns the inputs of a task as KFP's driver resolves them."""
    found = {}
    for name, one in task.get("inputs", {}).get("parameters", {}).items():
        if "componentInputParameter" in one:
            found[name] = values[one["componentInputParameter"]]
        else:
            constant = one["runtimeValue"]["constant"]
            found[name] = run_id if constant == "{{$.pipeline_job_uuid}}" else constant
    return found


def _replace(word: str, message: Any, files: Mapping[str, Path]) -> str:
    """Replaces placeholders as KFP's launcher does."""
    known = {"{{$}}": json.dumps(message)}
    for name, value in message["inputs"]["parameterValues"].items():
        text = value if isinstance(value, str) else json.dumps(value)
        known[f"{{{{$.inputs.parameters['{name}']}}}}"] = text
    for name, file in files.items():
        known[f"{{{{$.outputs.artifacts['{name}'].path}}}}"] = str(file)
    for placeholder, value in known.items():
        word = word.replace(placeholder, value)
    assert "{{$.inputs" not in word, word
    assert "{{$.outputs" not in word, word
    return word
