"""A published version taken in again as an artifact of the pipeline."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.artifact_files import has_files
from components.errors import PipelineError
from components.publishing.manifest import digests
from components.publishing.served_model import import_served
from components.publishing.serving import Serving, find_serving
from components.publishing.store import ModelStore

FACTS = {"pipeline": "mnist", "run_id": "run-1", "digests": {}, "metrics": None}
FACTS |= {"baseline": None, "checks": [], "versions": {}}


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    export = tmp_path / "export"
    (export / "variables").mkdir(parents=True)
    (export / "saved_model.pb").write_bytes(b"graph")
    (export / "variables" / "variables.index").write_bytes(b"weights")
    store = ModelStore(tmp_path / "serving" / "mnist")
    store.publish(export, FACTS)
    return find_serving(store)


def test_it_has_the_layout_of_the_trainers(serving, tmp_path):
    model = import_served(serving, tmp_path / "artifacts")
    assert model.uri == str(
        tmp_path / "artifacts" / "ServedModel" / "model" / str(serving.version)
    )
    assert digests(Path(model.uri) / "Format-Serving") == serving.manifest.files
    assert has_files(model.uri)


def test_one_that_is_not_whole_is_replaced(serving, tmp_path):
    model = import_served(serving, tmp_path)
    (Path(model.uri) / "Format-Serving" / "saved_model.pb").write_bytes(b"other graph")
    assert not has_files(model.uri)
    import_served(serving, tmp_path)
    assert digests(Path(model.uri) / "Format-Serving") == serving.manifest.files
    assert has_files(model.uri)


def test_many_at_once_leave_one_that_is_whole(serving, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        uris = {m.uri for m in pool.map(import_served, [serving] * 8, [tmp_path] * 8)}
    [uri] = uris
    assert digests(Path(uri) / "Format-Serving") == serving.manifest.files
    assert [path.name for path in Path(uri).parent.iterdir()] == [str(serving.version)]


def test_a_version_that_changed_meanwhile_is_refused(serving, tmp_path):
    (serving.path / "saved_model.pb").write_bytes(b"other graph")
    with pytest.raises(PipelineError, match=r"'saved_model\.pb' changed\. Run again"):
        import_served(serving, tmp_path / "artifacts")
    assert not list((tmp_path / "artifacts").rglob("saved_model.pb"))
