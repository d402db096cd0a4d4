"""Signals that ask a run to stop, all taken as Ctrl-C is: it ends with its report.

``mnist-pipeline run`` and the programs of a container listen to them.
"""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

CTRL_C = "an interrupt, Ctrl-C"
_MEANINGS = {
    signal.SIGINT: CTRL_C,
    signal.SIGTERM: "a request to end, SIGTERM",
    signal.SIGHUP: "the end of its terminal, SIGHUP",
}
# What ends a process often asks twice; the second time must not break the tidying up.
_ONE_REQUEST_SECONDS = 5.0


@dataclass
class _Requests:
    """What this process was asked, and whether it still listens."""

    received: list[str] = field(default_factory=list)
    finishing: bool = False


_requests = _Requests()


class StopRequested(KeyboardInterrupt):
    """A signal asked this process to stop; its text says which."""


@contextlib.contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Within it, SIGINT, SIGTERM and SIGHUP raise ``StopRequested``.

    Those that the process was started to ignore, as ``nohup`` does, stay ignored.
    """
    _requests.received.clear()
    _requests.finishing = False
    last = float("-inf")

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal last
        if _requests.finishing or time.monotonic() - last < _ONE_REQUEST_SECONDS:
            return
        last = time.monotonic()
        _requests.received.append(_MEANINGS[signal.Signals(number)])
        raise StopRequested(stop_received())

    previous = {
        number: handler
        for number in _MEANINGS
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in previous:
        signal.signal(number, stop)
    try:
        yield
    finally:
        # One that finishes is not to be killed on its last steps either.
        if not _requests.finishing:
            for number, handler in previous.items():
                signal.signal(number, handler)


def stop_received() -> str | None:
    """Returns which signal asked to stop, though a library kept the exception."""
    return _requests.received[0] if _requests.received else None


def finish_undisturbed() -> None:
    """Ignores further requests: what is left to do is to say how the run ended."""
    _requests.finishing = True
