"""What serves is told, and is the baseline, where the metadata is in PostgreSQL."""

import shutil
from pathlib import Path

import pytest

from tests.published_runs import Workshop

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("order", ["DESC", "random()"])
def test_what_serves_does_not_hang_on_the_order_of_rows(server, tmp_path, order):
    name = f"serving_{order[:4].lower()}"
    workshop = Workshop(tmp_path / "w", server.make_database(name))

    def run(text: str):
        ended = workshop.run(text)
        server.rearrange(name, order)
        return ended

    assert [run(text).baseline for text in "ABAC"] == [None, "A", "B", "A"]
    assert run("C").ran == set()

    first: Path = workshop.store.path(workshop.store.versions()[0])
    workshop.store.rollback(int(first.name))
    kept = run("C")
    assert (kept.ran, kept.publication.state) == (set(), "rolled_back")
    assert run("D").baseline == "A"

    shutil.rmtree(workshop.store.base)
    again = run("D")
    assert (again.ran, again.publication.state) == ({"Pusher"}, "published")
    shutil.rmtree(workshop.store.base)
    assert run("E").baseline == "D"
