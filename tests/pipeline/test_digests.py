"""A digest follows imports: it changes with all the code of a node, and only so."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.errors import DatasetError
from pipeline import digests as module
from pipeline.config import load_config
from pipeline.digests import data_digest, read_digests, source_digest

TRANSFORM, TRAINER = "components.training.transform", "components.training.trainer"

Write = Callable[..., None]


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a file of this project read as if it had one more line."""
    original = Path.read_bytes

    def edit(file: str) -> None:
        target = PROJECT_ROOT / file
        assert target.is_file()

        def read_bytes(path: Path) -> bytes:
            return original(path) + (b"\n# more" if path == target else b"")

        monkeypatch.setattr(Path, "read_bytes", read_bytes)

    return edit


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("components/training/transform.py", {TRANSFORM}),
        ("components/training/trainer.py", {TRAINER}),
        ("components/serving/signatures.py", {TRAINER}),
        ("components/training/model.py", {TRAINER}),
        ("components/hyperparameters.py", {TRAINER}),
        ("components/training/progress.py", {TRAINER}),
        # Two imports away: trainer → examples → augment.
        ("components/training/augment.py", {TRAINER}),
        ("components/features.py", {TRANSFORM, TRAINER}),
        ("components/publishing/baseline.py", set()),
        ("pipeline/config.py", set()),
        ("pipeline/digests.py", set()),
    ],
)
def test_an_edit_is_seen_by_the_nodes_that_use_the_file(edited, file, expected) -> None:
    before = {name: source_digest(name) for name in (TRANSFORM, TRAINER)}
    edited(file)
    after = {name: source_digest(name) for name in (TRANSFORM, TRAINER)}

    assert {name for name in before if before[name] != after[name]} == expected


def test_a_picture_is_seen_by_the_node_whose_module_reads_it(edited) -> None:
    audit = "components.evaluation.audit"
    before = {name: source_digest(name) for name in (audit, TRAINER)}
    edited("components/evaluation/letters.png")

    assert source_digest(audit) != before[audit]
    assert source_digest(TRAINER) == before[TRAINER]


def test_two_modules_have_two_digests_of_64_digits() -> None:
    assert source_digest(TRANSFORM) != source_digest(TRAINER)
    assert len(source_digest(TRANSFORM)) == 64


def test_a_module_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(
        ModuleNotFoundError, match=r"Received: components\.no_such_module"
    ):
        source_digest("components.no_such_module")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes modules of a package of its own, ``sample``."""
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "__init__.py").touch()
    monkeypatch.setattr(module, "PACKAGE", "sample")
    monkeypatch.setattr(module, "PROJECT_ROOT", tmp_path)

    def write(**sources: str) -> None:
        for name, source in sources.items():
            (tmp_path / "sample" / f"{name}.py").write_text(source)

    return write


@pytest.mark.parametrize(
    "statement",
    [
        "from sample.used import x",
        "from sample import used",
        "import sample.used",
        "import sample.used as u",
        "def late():\n    from sample.used import x",
        "import sample.between",
    ],
)
def test_every_form_of_import_is_followed(write: Write, statement: str) -> None:
    write(main=statement, between="from sample import used", used="x = 1")
    before = source_digest("sample.main")
    write(used="x = 2")

    assert source_digest("sample.main") != before


def test_a_name_inside_a_module_is_no_module(write: Write) -> None:
    write(main="from sample.used import x\nfrom sample.used.x import y", used="x = 1")

    assert source_digest("sample.main") == source_digest("sample.main", "sample.used")


def test_what_is_imported_from_a_package_counts(write: Write, tmp_path: Path) -> None:
    inner = tmp_path / "sample" / "inner"
    inner.mkdir()
    (inner / "__init__.py").touch()
    (inner / "deep.py").write_text("x = 1")
    write(main="from sample.inner.deep import x")
    before = source_digest("sample.main")
    (inner / "deep.py").write_text("x = 2")

    assert source_digest("sample.main") != before


def test_a_digest_imports_nothing_of_what_it_reads() -> None:
    code = (
        "import sys\n"
        "from pipeline.digests import source_digest\n"
        "source_digest('components.training.transform')\n"
        "source_digest('components.training.trainer')\n"
        "source_digest('components.serving.check')\n"
        "ours = ('components.training', 'components.serving')\n"
        "heavy = (*ours, 'tensorflow', 'tfx', 'keras', 'numpy')\n"
        "print(sorted(n for n in sys.modules if n.startswith(heavy)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "statement",
    ["import json", "# from sample import used", "text = 'import sample.used'", ""],
)
def test_what_is_not_imported_does_not_count(write: Write, statement: str) -> None:
    write(main=statement, used="x = 1")
    before = source_digest("sample.main")
    write(used="x = 2")

    assert source_digest("sample.main") == before


def test_the_same_code_has_the_same_digest_again(write: Write) -> None:
    write(main="from sample.used import x", used="x = 1")
    before = source_digest("sample.main")
    write(used="x = 2")
    write(used="x = 1")

    assert source_digest("sample.main") == before


def test_imports_in_a_circle_come_to_an_end(write: Write) -> None:
    write(one="import sample.two", two="import sample.one")

    assert source_digest("sample.one") == source_digest("sample.two")


def test_moving_a_line_to_the_next_module_changes_the_digest(write: Write) -> None:
    write(main="import sample.a\nimport sample.b\n", a="x = 1\n", b="y = 1\n")
    before = source_digest("sample.main")
    write(a="x = 1\ny = 1\n", b="")

    assert source_digest("sample.main") != before


def test_class_names_that_will_not_do_are_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('["cat", "dog"]')

    with pytest.raises(DatasetError, match="expected a JSON list of 10 class names"):
        read_digests(load_config(data=tmp_path), {})


def test_what_is_no_split_is_no_data(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.tfrecord.gz").write_bytes(folder.encode())
    found = data_digest(tmp_path)
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / "a.tfrecord.gz").write_bytes(b"aside")

    assert data_digest(tmp_path) == found
    (tmp_path / "val" / "a.tfrecord.gz").write_bytes(b"other")
    assert data_digest(tmp_path) != found


def test_a_file_is_read_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train").mkdir()
    content = b"x" * 5_000_000
    (tmp_path / "train" / "a.tfrecord.gz").write_bytes(content)
    monkeypatch.setattr(Path, "read_bytes", None)
    tracemalloc.start()
    found = data_digest(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    told = f"train/a.tfrecord.gz\0{hashlib.sha256(content).hexdigest()}\0"
    assert found == hashlib.sha256(told.encode()).hexdigest()
    assert peak < len(content)
