"""Paths of where a workspace lay become those of where it lies."""

from pathlib import Path

import pytest

from pipeline.workspace.relocation import Relocation, stored_places


@pytest.mark.parametrize(
    ("places", "path", "expected"),
    [
        ({"/old"}, "/old/artifacts/Trainer/model/8", "/here/artifacts/Trainer/model/8"),
        ({"/old"}, "/old/serving/mnist/17", "/here/serving/mnist/17"),
        ({"/old"}, "/old/data/mnist", "/old/data/mnist"),
        ({"/old"}, "/older/artifacts/A/b/1", "/older/artifacts/A/b/1"),
        ({"/old"}, "/else/old/artifacts/A/b/1", "/else/old/artifacts/A/b/1"),
        ({"/here"}, "/here/artifacts/A/b/1", "/here/artifacts/A/b/1"),
        # Moved into a folder of itself, and out of one.
        ({"/", "/here/sub"}, "/here/sub/artifacts/A/b/1", "/here/artifacts/A/b/1"),
        ({"/up", "/up/here"}, "/up/here/artifacts/A/b/1", "/here/artifacts/A/b/1"),
        ({"/x #%[1]é"}, "/x #%[1]é/artifacts/A/b/1", "/here/artifacts/A/b/1"),
        ({"/old"}, "gs://bucket/artifacts/A/b/1", "gs://bucket/artifacts/A/b/1"),
        (set(), "/old/artifacts/A/b/1", "/old/artifacts/A/b/1"),
    ],
)
def test_a_path_in_the_workspace_follows_it(places, path, expected) -> None:
    relocation = Relocation(frozenset(places), "/here")
    assert relocation.resolve(path) == expected


def test_without_metadata_there_are_no_places(tmp_path: Path) -> None:
    found = stored_places(tmp_path / "metadata.sqlite", tmp_path)
    assert found == Relocation(frozenset(), str(tmp_path))
    assert list(tmp_path.iterdir()) == []
