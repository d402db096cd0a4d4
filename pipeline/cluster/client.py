"""Talks to the API server of Kubeflow Pipelines: submits, schedules and lists runs.

``mnist-pipeline kubeflow`` calls it. Whatever goes wrong becomes one clear sentence.
"""

import contextlib
import io
import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import attrs
import kfp
import kfp_server_api

from components.errors import PipelineError, UsageError

_HEALTH = "/apis/v2beta1/healthz"
_TIMEOUT_SECONDS = 10.0
_PAGE_SIZE = 100
_EQUALS = 1
_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Name a file with a token of yours by --token-file.",
    HTTPStatus.FORBIDDEN: "Ask for the right to do that, or name your --namespace.",
    HTTPStatus.NOT_FOUND: "Name the address of the Kubeflow Pipelines API by --host.",
}


@attrs.frozen
class ClusterRun:
    """A run as the cluster knows it.

    Attributes:
      id: names it, there and in its workspace.
      name: what people see.
      state: like ``SUCCEEDED``.
      created: when it was submitted.
      seconds: from then to its end; None where it has not ended.
    """

    id: str
    name: str
    state: str
    created: datetime | None
    seconds: float | None


class KubeflowClient:
    """The API of one Kubeflow Pipelines.

    Args:
      host: address of the API, ``http://`` or ``https://``.
      experiment: holds the runs; made when it is missing.
      namespace: of the user, where the cluster has many; None elsewhere.
      token: sent with each request, if any.

    Raises:
      UsageError: the host is no address.
      PipelineError: nothing answers there, or not as it should.
    """

    def __init__(
        self,
        host: str,
        experiment: str,
        namespace: str | None = None,
        token: str | None = None,
    ) -> None:
        if not host.startswith(("http://", "https://")):
            raise UsageError(
                f"Expected --host to start with http:// or https://. Received: {host}."
            )
        self._host = host.rstrip("/")
        self._experiment_name = experiment
        self._namespace = namespace
        self._require_health(token)
        with self._explained("connect"), _silent():
            self._client = kfp.Client(
                host=self._host,
                namespace=namespace or "kubeflow",
                existing_token=token,
            )

    def url(self, run_id: str) -> str:
        """Returns the page of a run."""
        return f"{self._host}/#/runs/details/{run_id}"

    def submit(self, file: Path, name: str, parameters: Mapping[str, Any]) -> str:
        """Starts a run.

        Args:
          file: the compiled pipeline.
          name: what people see.
          parameters: of the pipeline.

        Returns:
          The id of the run.
        """
        with self._explained("submit a run"), _silent():
            return self._client.run_pipeline(
                experiment_id=self._experiment(),
                job_name=name,
                pipeline_package_path=str(file),
                params=dict(parameters),
            ).run_id

    def schedule(
        self,
        file: Path,
        name: str,
        parameters: Mapping[str, Any],
        cron: str,
        enabled: bool,
    ) -> str:
        """Starts a run again and again, one at a time, in place of an older schedule.

        Args:
          file: the compiled pipeline.
          name: of the schedule; one of that name is replaced.
          parameters: of the pipeline.
          cron: from ``kfp_cron``.
          enabled: whether it starts runs already.

        Returns:
          The id of the schedule.
        """
        with self._explained("schedule runs"), _silent():
            experiment = self._experiment()
            older = self._schedules(experiment, name)
            made = self._client.create_recurring_run(
                experiment_id=experiment,
                job_name=name,
                pipeline_package_path=str(file),
                params=dict(parameters),
                cron_expression=cron,
                max_concurrency=1,
                # After a pause, one run is enough.
                no_catchup=True,
                enabled=enabled,
            )
            for schedule in older:
                self._client.delete_recurring_run(schedule)
            return made.recurring_run_id

    def switch(self, name: str, enabled: bool) -> list[str]:
        """Enables or disables the schedule of a name.

        Returns:
          The ids of what was switched.

        Raises:
          UsageError: there is none of that name.
        """
        with self._explained("switch a schedule"), _silent():
            found = self._schedules(self._experiment(), name)
            for schedule in found:
                if enabled:
                    self._client.enable_recurring_run(schedule)
                else:
                    self._client.disable_recurring_run(schedule)
        if not found:
            raise UsageError(
                f"Expected a schedule {name!r} at {self._host}. Received: none of that "
                "name. Make one with --cron."
            )
        return found

    def runs(self, count: int) -> list[ClusterRun]:
        """Returns the latest runs, newest first."""
        with self._explained("list runs"), _silent():
            found = self._client.list_runs(
                page_size=count,
                sort_by="created_at desc",
                experiment_id=self._experiment(),
            ).runs
        return [_cluster_run(run) for run in found or []]

    def _experiment(self) -> str:
        return self._client.create_experiment(
            self._experiment_name, namespace=self._namespace
        ).experiment_id

    def _schedules(self, experiment: str, name: str) -> list[str]:
        wanted = {"operation": _EQUALS, "key": "display_name", "stringValue": name}
        found = self._client.list_recurring_runs(
            page_size=_PAGE_SIZE,
            experiment_id=experiment,
            filter=json.dumps({"predicates": [wanted]}),
        ).recurring_runs
        return [one.recurring_run_id for one in found or []]

    def _require_health(self, token: str | None) -> None:
        """Asks first, and briefly: the client itself would try for half a minute."""
        request = urllib.request.Request(self._host + _HEALTH)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        opener = urllib.request.build_opener(_KeepTokenHome)
        asked = self._host
        try:
            with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
                asked = answer.url
                json.load(answer)
        except urllib.error.HTTPError as error:
            self._require_same_place(error.url)
            body = error.read()
            raise self._refused("connect", error.code, error.reason, body) from None
        except ValueError:
            self._require_same_place(asked)
            raise self._error(
                "connect",
                f"an answer to {_HEALTH} that is not JSON, perhaps a page to log in",
                _ADVICE[HTTPStatus.UNAUTHORIZED],
            ) from None
        except OSError as error:
            raise self._error(
                "connect",
                f"no answer ({getattr(error, 'reason', error)})",
                "See that the cluster runs and the address is right; 'kubectl "
                "port-forward -n kubeflow svc/ml-pipeline 8888:8888' makes it "
                "http://localhost:8888.",
            ) from None

    def _require_same_place(self, url: str) -> None:
        """Says where a refusal came from, if from elsewhere, where no token went."""
        if _origin(url) != _origin(self._host):
            raise self._error(
                "connect",
                f"a redirect to {_origin(url)}, where no token is sent",
                "If that is Kubeflow Pipelines, name that address by --host.",
            )

    @contextlib.contextmanager
    def _explained(self, action: str) -> Iterator[None]:
        try:
            yield
        except kfp_server_api.ApiException as error:
            raise self._refused(
                action, error.status, error.reason, error.body
            ) from error
        except PipelineError:
            raise
        except Exception as error:
            text = str(error).splitlines() or ["no message"]
            raise self._error(
                action, f"{type(error).__name__}: {text[0]}", "Try again."
            ) from error

    def _refused(
        self, action: str, status: int, reason: str, body: bytes | str | None
    ) -> PipelineError:
        advice = _ADVICE.get(
            status, "See the log of the pod ml-pipeline, or try again."
        )
        said = _message(body)
        received = f"HTTP {status} {reason}" + (f": {said}" if said else "")
        return self._error(action, received, advice)

    def _error(self, action: str, received: str, advice: str) -> PipelineError:
        return PipelineError(
            f"Expected to {action} at the Kubeflow Pipelines API {self._host}. "
            f"Received: {received.rstrip('.')}. {advice}"
        )


class _KeepTokenHome(urllib.request.HTTPRedirectHandler):
    """Follows redirects; to another server without the token.

    The client of KFP, which uses urllib3, does likewise.
    """

    def redirect_request(
        self, req: urllib.request.Request, *args: Any, **kwargs: Any
    ) -> urllib.request.Request | None:
        """Returns the request that follows; see ``HTTPRedirectHandler``."""
        following = super().redirect_request(req, *args, **kwargs)
        if following and _origin(following.full_url) != _origin(req.full_url):
            following.remove_header("Authorization")
        return following


def _origin(url: str) -> str:
    """Returns scheme, host and port of an address."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def kfp_cron(cron: str) -> str:
    """Returns a cron expression as KFP reads it: seconds come first.

    Args:
      cron: five fields, from minute to day of week, as everywhere else; six with
        seconds; or a word like ``@daily``.

    Raises:
      UsageError: it is none of that.
    """
    fields = cron.split()
    if len(fields) == 1 and cron.startswith("@"):
        return cron
    # KFP would take five fields for seconds to month, and start a run each hour.
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise UsageError(
            "Expected --cron of five fields, minute to day of week, like '0 3 * * *'. "
            f"Received: {cron!r}."
        )
    return " ".join(fields)


def _message(body: bytes | str | None) -> str:
    """Returns what a server said of an error, in one line."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        found = json.loads(text)
        text = str(found.get("message") or found.get("error") or "")
    except (ValueError, AttributeError):
        pass
    lines = text.strip().splitlines()
    # Pages of proxies tell nothing that the status does not.
    return "" if not lines or lines[0].startswith("<") else lines[0]


def _cluster_run(run: kfp_server_api.V2beta1Run) -> ClusterRun:
    ended = run.finished_at
    # A run that goes on has the year 1970.
    if run.created_at is None or ended is None or ended < run.created_at:
        seconds = None
    else:
        seconds = (ended - run.created_at).total_seconds()
    return ClusterRun(
        run.run_id, run.display_name, run.state or "UNKNOWN", run.created_at, seconds
    )


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keeps the links and warnings of the client off the screen; we print our own."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
