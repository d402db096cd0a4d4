"""``mnist-pipeline kubeflow`` over HTTP, against a server that knows KFP's messages."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
import pytest
import yaml
from click.testing import CliRunner, Result
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.errors import PipelineError, UsageError
from pipeline.cli import cli
from pipeline.cluster.client import kfp_cron
from pipeline.commands.kubeflow import find_wanted

pytestmark = pytest.mark.slow

API = "/apis/v2beta1"
RUN = {
    "run_id": "run-1",
    "display_name": "mnist nightly",
    "state": "SUCCEEDED",
    "created_at": "2026-11-23T03:00:00Z",
    "finished_at": "2026-11-23T03:04:10Z",
}


class Cluster:
    """What a Kubeflow Pipelines API server was asked, and what it knows.

    Attributes:
      requests: method, path, query and body of each, in order.
      refuse: path to the status and body that it answers instead.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, list[str]], Any]] = []
        self.refuse: dict[str, tuple[int, str]] = {}
        self.tokens: set[str | None] = set()
        self.experiments: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        self.runs = [RUN]

    def answer(self, method: str, path: str, query: dict, body: Any) -> Any:
        if path == f"{API}/healthz":
            return {"multi_user": False}
        kind, _, rest = path.removeprefix(f"{API}/").partition("/")
        if kind == "experiments":
            if method == "POST":
                self.experiments.append({**body, "experiment_id": "experiment-1"})
                return self.experiments[-1]
            return {"experiments": self.experiments}
        if kind == "runs":
            return {"run_id": "run-9"} if method == "POST" else {"runs": self.runs}
        assert kind == "recurringruns", path
        if method == "POST" and not rest:
            made = {**body, "recurring_run_id": f"schedule-{len(self.requests)}"}
            self.schedules.append(made)
            return made
        if method == "GET":
            return {"recurringRuns": self.schedules}
        if method == "DELETE":
            self.schedules = [
                one for one in self.schedules if one["recurring_run_id"] != rest
            ]
        return {}

    def bodies(self, path: str) -> list[Any]:
        return [b for m, p, _, b in self.requests if (m, p) == ("POST", API + path)]

    def called(self, *methods: str) -> list[str]:
        return [
            f"{m} {p.removeprefix(API)}" for m, p, *_ in self.requests if m in methods
        ]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@contextlib.contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Answers requests on this machine, at the address that it yields."""

    class Handler(BaseHTTPRequestHandler):
        do_GET = do_POST = do_DELETE = lambda self: answer(self)  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def host(cluster: Cluster) -> Iterator[str]:
    """The address of a server on this machine that stands in for the cluster."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length) or b"null")
        cluster.tokens.add(handler.headers.get("Authorization"))
        request = handler.command, url.path, parse_qs(url.query), body
        cluster.requests.append(request)
        status, text = cluster.refuse.get(url.path, (200, None))
        content = (text or json.dumps(cluster.answer(*request))).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with serving(answer) as address:
        yield address


def redirecting(target: str, kept: str, seen: list[str]) -> Callable:
    """Sends requests to a target, but for those of a path, which are answered."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        content = b"{}" if kept in handler.path else b""
        handler.send_response(200 if content else 307)
        handler.send_header("Location", target + handler.path)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


@pytest.fixture
def call(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    # The client reads a file of the user's settings below.
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))

    def call(*args: str) -> Result:
        return CliRunner().invoke(cli, ["kubeflow", *args])

    return call


def as_model(kind: type, body: dict[str, Any]) -> Any:
    """Reads a body as the client's own model, and finds every key in it."""
    answer = SimpleNamespace(data=json.dumps(body))
    model = kfp_server_api.ApiClient().deserialize(answer, kind)
    known = set(kind.attribute_map.values())
    assert set(body) <= known
    return model


def require_pipeline(body: dict[str, Any]) -> None:
    spec = json_format.ParseDict(
        body["pipeline_spec"]["pipeline_spec"], pipeline_spec_pb2.PipelineSpec()
    )
    json_format.ParseDict(
        body["pipeline_spec"]["platform_spec"], pipeline_spec_pb2.PlatformSpec()
    )
    assert (spec.schema_version, spec.pipeline_info.name) == ("2.1.0", "mnist")


def test_compile_writes_a_pipeline(call, tmp_path: Path) -> None:
    done = call("compile", "--image", "registry.example/mnist:7", "--preset", "quick")

    assert (done.exit_code, done.output) == (0, "mnist.yaml\n")
    spec, platform = yaml.safe_load_all((tmp_path / "mnist.yaml").read_text())
    executors = spec["deploymentSpec"]["executors"].values()
    assert {one["container"]["image"] for one in executors} == {
        "registry.example/mnist:7"
    }
    assert list(platform) == ["platforms"]
    assert [file.name for file in tmp_path.iterdir()] == ["mnist.yaml"]


def test_submit_starts_a_run(call, cluster: Cluster, host: str) -> None:
    done = call(
        *("submit", "--host", host, "--preset", "quick", "--name", "first"),
        *("--set", "train.epochs=3", "--set", "train.optimizer=adam"),
        *("--set", "kubeflow.retries=5", "--data", "/workspace/data"),
    )

    assert done.exit_code == 0, done.output
    assert done.output == f"submitted run run-9\n{host}/#/runs/details/run-9\n"
    [body] = cluster.bodies("/runs")
    run = as_model(kfp_server_api.V2beta1Run, body)
    assert (run.display_name, run.experiment_id) == ("first", "experiment-1")
    assert run.runtime_config.parameters == {
        "preset": "quick",
        "data": "/workspace/data",
        "overrides": ["train.epochs=3", 'train.optimizer="adam"'],
    }
    require_pipeline(body)
    assert cluster.experiments[0]["display_name"] == "mnist"


def test_schedule_starts_runs_each_night(call, cluster: Cluster, host: str) -> None:
    done = call("schedule", "--host", host, "--cron", "0 3 * * *")

    assert done.exit_code == 0, done.output
    assert done.output == "made schedule mnist-schedule, enabled: 0 3 * * *\n"
    [body] = cluster.bodies("/recurringruns")
    schedule = as_model(kfp_server_api.V2beta1RecurringRun, body)
    # KFP's first field is the second.
    assert schedule.trigger.cron_schedule.cron == "0 0 3 * * *"
    assert schedule.mode == "ENABLE"
    assert schedule.no_catchup is True
    assert str(schedule.max_concurrency) == "1"
    assert schedule.display_name == "mnist-schedule"
    assert schedule.runtime_config.parameters["preset"] == "default"
    require_pipeline(body)


def test_a_schedule_replaces_the_one_of_its_name(
    call, cluster: Cluster, host: str
) -> None:
    cluster.schedules = [{"recurring_run_id": "old", "display_name": "mnist-schedule"}]
    done = call("schedule", "--host", host, "--cron", "0 4 * * 1", "--disable")

    assert done.output == "made schedule mnist-schedule, disabled: 0 4 * * 1\n"
    assert cluster.called("POST", "DELETE")[-2:] == [
        "POST /recurringruns",
        "DELETE /recurringruns/old",
    ]
    [made] = cluster.schedules
    assert made["mode"] == "DISABLE"
    [query] = [
        q
        for m, p, q, _ in cluster.requests
        if (m, p) == ("GET", f"{API}/recurringruns")
    ]
    assert json.loads(query["filter"][0]) == {
        "predicates": [
            {"operation": 1, "key": "display_name", "stringValue": "mnist-schedule"}
        ]
    }


@pytest.mark.parametrize("word", ["enable", "disable"])
def test_a_schedule_is_switched(word: str, call, cluster: Cluster, host: str) -> None:
    cluster.schedules = [{"recurring_run_id": "old", "display_name": "mnist-schedule"}]
    done = call("schedule", "--host", host, f"--{word}")

    assert done.output == f"{word}d schedule mnist-schedule\n"
    assert cluster.called("POST")[-1] == f"POST /recurringruns/old:{word}"


def test_a_schedule_that_is_not_there_is_named(call, host: str) -> None:
    done = call("schedule", "--host", host, "--disable", "--name", "weekly")

    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith("Expected a schedule 'weekly' at http://")


def test_runs_are_listed(call, cluster: Cluster, host: str) -> None:
    cluster.runs = [
        {
            **RUN,
            "run_id": "run-2",
            "state": "RUNNING",
            "finished_at": "1970-01-01T00:00:00Z",
        },
        RUN,
    ]
    done = call("runs", "--host", host)

    assert done.output.splitlines() == [
        "run-2  RUNNING    2026-11-23 03:00           mnist nightly",
        "run-1  SUCCEEDED  2026-11-23 03:00    250 s  mnist nightly",
    ]
    listed = json.loads(call("runs", "--host", host, "--json").output)
    assert [(run["id"], run["seconds"]) for run in listed] == [
        ("run-2", None),
        ("run-1", 250.0),
    ]


def test_an_empty_cluster_says_how_to_start(call, cluster: Cluster, host: str) -> None:
    cluster.runs = []

    assert call("runs", "--host", host).output == (
        "no runs yet; start one with mnist-pipeline kubeflow submit\n"
    )


def test_a_token_goes_with_each_request(
    call, cluster: Cluster, host: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("hidden\n")
    done = call("runs", "--host", host, "--token-file", "token")

    assert done.exit_code == 0
    assert cluster.tokens == {"Bearer hidden"}
    assert "hidden" not in done.output


@pytest.mark.parametrize(
    ("path", "status", "body", "expected"),
    [
        (
            "/healthz",
            401,
            "<html>log in</html>",
            "Expected to connect at the Kubeflow Pipelines API {host}. Received: HTTP "
            "401 Unauthorized. Name a file with a token of yours by --token-file.",
        ),
        (
            "/healthz",
            200,
            "<html>log in</html>",
            "Expected to connect at the Kubeflow Pipelines API {host}. Received: an "
            "answer to /apis/v2beta1/healthz that is not JSON, perhaps a page to log "
            "in. Name a file with a token of yours by --token-file.",
        ),
        (
            "/runs",
            400,
            '{"code": 3, "message": "unsupported schema", "details": []}',
            "Expected to list runs at the Kubeflow Pipelines API {host}. Received: "
            "HTTP 400 Bad Request: unsupported schema. See the log of the pod "
            "ml-pipeline, or try again.",
        ),
        (
            "/experiments",
            403,
            '{"error": "no right to that.\\nat all"}',
            "Expected to list runs at the Kubeflow Pipelines API {host}. Received: "
            "HTTP 403 Forbidden: no right to that. Ask for the right to do that, or "
            "name your --namespace.",
        ),
    ],
)
def test_a_refusal_is_one_sentence(
    path: str, status: int, body: str, expected: str, call, cluster: Cluster, host: str
) -> None:
    cluster.refuse[API + path] = status, body
    done = call("runs", "--host", host)

    assert type(done.exception) is PipelineError
    assert str(done.exception) == expected.format(host=host)
    assert done.exception.exit_code == 1
    assert done.output == ""


def test_a_server_that_is_gone_is_one_sentence(call) -> None:
    done = call("runs", "--host", "http://127.0.0.1:1/")

    assert type(done.exception) is PipelineError
    assert str(done.exception).startswith(
        "Expected to connect at the Kubeflow Pipelines API http://127.0.0.1:1. "
        "Received: no answer ([Errno 111] Connection refused). See that the cluster"
    )


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["runs", "--host", "localhost:8888"], "Expected --host to start with http://"),
        (["schedule", "--host", "http://h"], "Expected --cron, or --enable or"),
        (["schedule", "--host", "http://h", "--cron", "daily"], "Expected --cron of"),
        (["compile", "--out", "mnist.json"], "Expected --out to end in .yaml"),
        (["compile", "--out", "no/mnist.yaml"], "Expected the folder of --out"),
        (["compile", "--set", "workspace=/w"], "Expected settings that hold in the"),
        (["compile", "--set", "data=/d"], "Expected settings that hold in the"),
        (
            ["compile", "--set", "train.epoch=3"],
            "Unknown configuration key train.epoch",
        ),
        (["runs", "--host", "http://h", "--token-file", "no"], "Expected --token-file"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_done(
    args: list[str], expected: str, call, tmp_path: Path
) -> None:
    done = call(*args)

    assert isinstance(done.exception, UsageError)
    assert str(done.exception).startswith(expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0 3 * * *", "0 0 3 * * *"),
        ("*/5  * * * 1-5", "0 */5 * * * 1-5"),
        ("30 0 3 * * *", "30 0 3 * * *"),
        ("@daily", "@daily"),
    ],
)
def test_cron_gets_its_seconds(given: str, expected: str) -> None:
    assert kfp_cron(given) == expected


@pytest.mark.parametrize("given", ["", "3", "0 3 * *", "0 0 3 * * * 2026"])
def test_what_is_no_cron_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="Expected --cron of five fields"):
        kfp_cron(given)


def test_a_file_of_settings_becomes_overrides(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text(
        "rebaseline = true\n[model]\nhidden_units = [64, 32]\n"
        '[train]\noptimizer = "adam"\nlearning_rate = 1e-5\n'
        '[kubeflow]\nimage = "other"\n[kubeflow.nodes.Trainer]\ncpu_limit = "8"\n'
    )
    wanted = find_wanted("quick", file, ("train.epochs=2",), "mine", None)

    assert wanted.overrides == [
        "rebaseline=true",
        "model.hidden_units=[64, 32]",
        'train.optimizer="adam"',
        "train.learning_rate=1e-05",
        "train.epochs=2",
    ]
    again = find_wanted("quick", None, tuple(wanted.overrides), None, None)
    assert again.config.train == wanted.config.train
    assert wanted.config.kubeflow.image == "mine"
    assert wanted.config.kubeflow.nodes["Trainer"].cpu_limit == "8"


@pytest.mark.parametrize("kept", ["/no/path", "/healthz"])
def test_a_redirect_to_another_server_goes_without_the_token(
    call, cluster: Cluster, host: str, tmp_path: Path, kept: str
) -> None:
    (tmp_path / "token").write_text("secret")
    seen: list[str] = []
    with serving(redirecting(host, kept, seen)) as elsewhere:
        done = call("runs", "--host", elsewhere, "--token-file", "token")

    assert done.exit_code == 0, done.output
    assert set(seen) == {"Bearer secret"}
    assert cluster.tokens == {None}


def test_a_redirect_within_a_server_keeps_the_token(
    call, cluster: Cluster, host: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("secret")
    seen: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        target = f"http://{handler.headers['Host']}/behind"
        redirecting(target, "/behind", seen)(handler)

    with serving(answer) as address:
        done = call("runs", "--host", address, "--token-file", "token")

    assert done.exit_code == 0, done.output
    assert len(seen) >= 4
    assert set(seen) == {"Bearer secret"}


@pytest.mark.parametrize("refusal", [(401, "no token"), (200, "<html>log in")])
def test_a_refusal_behind_a_redirect_names_that_server(
    call, cluster: Cluster, host: str, tmp_path: Path, refusal: tuple[int, str]
) -> None:
    (tmp_path / "token").write_text("secret")
    cluster.refuse["/apis/v2beta1/healthz"] = refusal
    with serving(redirecting(host, "/no/path", [])) as elsewhere:
        done = call("runs", "--host", elsewhere, "--token-file", "token")

    assert f"Received: a redirect to {host}, where no token is sent. If that is" in (
        str(done.exception)
    )
