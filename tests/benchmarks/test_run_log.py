"""Epochs, read off the log of a run."""

import io
import logging

import pytest

from benchmarks.run_log import read_epochs
from components.training.progress import EpochProgress
from pipeline.cluster import container
from pipeline.run import screen

LINE = (
    "2026-11-24 23:{} I components.training.progress: epoch {}/3  loss 0.1  "
    "{} examples/s  1"
)
LOG = "\n".join(
    [
        "2026-11-24 22:59:00,000 I components.examples: read 9 train examples",
        LINE.format("00:10,000", 1, "1,250"),
        LINE.format("00:12,500", 2, "5,000"),
        "2026-11-24 23:00:13,000 W tensorflow: something else",
        LINE.format("00:14,250", 3, "5,500"),
    ]
)


def test_epochs_after_the_first_are_told_from_their_ends() -> None:
    assert read_epochs(LOG).later == [2.5, 1.75]


def test_the_total_starts_with_the_first_epoch() -> None:
    # 10,000 examples at 1,250 a second, then 4.25 s.
    assert read_epochs(LOG).total(10_000) == 12.25


def test_a_log_without_epochs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected a log with the end of an epoch"):
        read_epochs("2026-11-24 23:00:13,000 W tensorflow: something else\n")


@pytest.mark.parametrize("form", [screen._FORMAT, container._FORMAT])
def test_what_training_logs_is_understood(form: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(form))
    log = logging.getLogger("components.training.progress")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        progress = EpochProgress(2, 10_000)
        for epoch in range(2):
            progress.on_epoch_begin(epoch)
            progress.on_epoch_end(epoch, {"loss": 0.5})
    finally:
        log.removeHandler(handler)
        log.setLevel(level)

    assert len(read_epochs(stream.getvalue()).later) == 1
