"""Limits of control groups of both versions, as containers and services have them."""

from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from pipeline.environment.resources import free_memory, processors

GB = 1_000_000_000


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine of 64 GB and 16 processors; returns what a process in it may use."""
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(64 * GB))
    monkeypatch.setattr(psutil, "cpu_count", lambda: 16)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(16)), raising=False)

    def ask(own: str, files: dict[str, str]) -> tuple[float, float]:
        for name, content in files.items():
            file = tmp_path / "cgroup" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{content}\n")
        listed = tmp_path / "own"
        listed.write_text(own)
        places = tmp_path / "cgroup", listed
        return free_memory(*places) / GB, processors(*places)

    return ask


V1 = "9:name=systemd:/\n4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n0::/\n"


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("", {}, (64, 16)),
        ("0::/\n", {"memory.max": "max", "cpu.max": "max 100000"}, (64, 16)),
        # docker run --memory 4g --cpus 1.5, in a namespace of its own
        (
            "0::/\n",
            {
                "memory.max": "4000000000",
                "memory.current": "3000000000",
                "memory.stat": "anon 1\ninactive_file 500000000",
                "cpu.max": "150000 100000",
            },
            (1.5, 1.5),
        ),
        # a slice that holds the service has less than the service
        (
            "0::/user.slice/run [1].scope\n",
            {
                "user.slice/memory.max": "3000000000",
                "user.slice/memory.current": "2000000000",
                "user.slice/run [1].scope/memory.max": "8000000000",
                "user.slice/run [1].scope/memory.current": "1000000000",
                "user.slice/run [1].scope/cpu.max": "max 100000",
                "user.slice/cpu.max": "200000 100000",
            },
            (1, 2),
        ),
        # version 1 of a container that sees its machine's path
        (
            V1,
            {
                "memory/memory.limit_in_bytes": "5000000000",
                "memory/memory.usage_in_bytes": "1000000000",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 0",
                "cpu,cpuacct/cpu.cfs_quota_us": "50000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            (4, 0.5),
        ),
        # version 1 without limits
        (
            V1,
            {
                "memory/docker/abc/memory.limit_in_bytes": "9223372036854771712",
                "memory/docker/abc/memory.usage_in_bytes": "1000000000",
                "cpu/docker/abc/cpu.cfs_quota_us": "-1",
                "cpu/docker/abc/cpu.cfs_period_us": "100000",
            },
            (64, 16),
        ),
        # over its limit
        ("0::/\n", {"memory.max": "1", "memory.current": "2000000000"}, (0, 16)),
    ],
)
def test_what_may_be_used(groups, own, files, expected):
    assert groups(own, files) == expected


def test_a_process_bound_to_some_processors(groups, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3}, raising=False)
    assert groups("", {})[1] == 2


def test_this_machine_answers():
    assert 0 < free_memory() <= psutil.virtual_memory().total
    assert 0 < processors() <= psutil.cpu_count()


def test_machine_without_control_groups(tmp_path):
    assert free_memory(tmp_path, Path("/nowhere")) > 0
