"""``make accuracy``: what is measured, what is not measured again, what is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import accuracy
from benchmarks.accuracy import main
from benchmarks.accuracy_seed import SeedRun, measure
from benchmarks.figures import percent, percent_spread
from benchmarks.pages import accuracy_page
from components.features import SPLITS
from pipeline.config import load_config
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_items) -> Path:
    """``tiny_items`` in each split."""
    folder = tmp_path_factory.mktemp("tiny_mnist")
    records = [serialize_example(*item) for item in zip(*tiny_items, strict=True)]
    for split in SPLITS:
        (folder / split).mkdir()
        write_shard(folder / split / "0.tfrecord.gz", records)
    return folder


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Puts results into a folder of the test; returns the seeds that are trained."""
    seeds = []

    def run_seed(config, read_test: bool) -> dict:
        seeds.append(config.train.seed)
        return {
            "parameters": 1234,
            "precision": "float32",
            "epochs": 6,
            "seconds": 10.0 + config.train.seed,
            "cpu_seconds": 15.0 + config.train.seed,
            "examples_per_second": 2000,
            "val": 0.98,
            "test": (0.97 + config.train.seed / 100) if read_test else None,
        }

    monkeypatch.setattr(accuracy, "run_seed", run_seed)
    monkeypatch.setattr(accuracy, "RESULTS", tmp_path / "accuracy.json")
    monkeypatch.setattr(accuracy, "write_pages", lambda: None)
    return seeds


@pytest.fixture
def call(data: Path) -> Callable[..., str]:
    def call(*args: str) -> str:
        arguments = ["--preset", "quick", "--data", str(data), *args]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def test_a_seed_is_trained_and_measured_for_real(data: Path, tmp_path: Path) -> None:
    train = {
        "epochs": 60,
        "batch_size": 5,
        "memory_limit": 10,
        "learning_rate": 0.01,
        "augment": {"enabled": False},
    }
    run = SeedRun(str(data), {"hidden_units": [8]}, train, read_test=True)

    result = measure(run, tmp_path)

    assert result.parameters == (784 * 8 + 4 * 8) + (8 * 10 + 10)
    assert (result.epochs, result.val) == (60, result.test)
    # Twenty examples are learned by heart.
    assert result.test > 0.9
    expected = 60 * 20 / result.seconds
    # Both are rounded, which counts where a busy machine is slow.
    assert result.examples_per_second == pytest.approx(expected, rel=0.02, abs=0.5)


def test_each_seed_is_measured_once(trained, call) -> None:
    call("--seeds", "2")
    assert trained == [0, 1]

    output = call("--seeds", "3")

    assert trained == [0, 1, 2]
    assert "seed 1: measured on " in output
    assert "seed 2: val 98.00 %, test 99.00 %, 12 s" in output
    entries = json.loads(accuracy.RESULTS.read_text())
    assert [entry["seed"] for entry in entries] == [0, 1, 2]


def test_other_code_is_measured_again_in_the_place_of_the_old(
    trained, call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("--seeds", "1")
    monkeypatch.setattr(accuracy, "source_digest", lambda *modules: "other")
    call("--seeds", "1")

    assert trained == [0, 0]
    assert len(json.loads(accuracy.RESULTS.read_text())) == 1


def test_a_file_of_settings_makes_a_recipe_of_its_own(
    trained, call, tmp_path: Path
) -> None:
    file = tmp_path / "fashion.toml"
    file.write_text("[train.augment]\nflip = 0.5\n")
    call("--seeds", "1")
    call("--seeds", "1", "--config", str(file))

    entries = json.loads(accuracy.RESULTS.read_text())
    assert [entry["config"] for entry in entries] == [None, "fashion.toml"]
    flips = [e["settings"]["train"]["augment"]["flip"] for e in entries]
    assert flips == [0.0, 0.5]
    assert "quick with fashion.toml" in accuracy_page(entries)


def test_choosing_leaves_the_test_split_alone_and_records_nothing(
    trained, call
) -> None:
    output = call("--seeds", "1", "--val-only", "--set", "train.epochs=3")

    assert "val 98.00 %, test –, 10 s" in output
    assert not accuracy.RESULTS.exists()


def test_settings_on_the_command_line_are_not_recorded(trained, data: Path) -> None:
    result = CliRunner().invoke(main, ["--set", "train.epochs=3"])

    assert result.exit_code == 2
    assert "Expected --set to come with --val-only" in result.output
    assert trained == []


def test_the_page_has_medians_ranges_and_each_seed(trained, call) -> None:
    call("--seeds", "3")
    page = accuracy_page(json.loads(accuracy.RESULTS.read_text()))

    [line] = [row for row in page.splitlines() if row.startswith("| tiny_mnist")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0].startswith("tiny_mnist")
    assert cells[1:2] + cells[3:] == [
        "quick",
        "3",
        "1,234",
        "6",
        "float32",
        "11",
        "16",
        "2,000",
        "98.00 % (98.00–98.00)",
        "98.00 % (97.00–99.00)",
    ]
    assert [row[:22] for row in page.splitlines() if row.startswith("| 2 |")] == [
        "| 2 | 98.00 % | 99.00 "
    ]
    assert '"epochs": 6' in page


def test_training_on_validation_examples_is_said(trained, call) -> None:
    call("--seeds", "1")
    [entry] = json.loads(accuracy.RESULTS.read_text())
    assert "no validation accuracy" not in accuracy_page([entry])
    entry["settings"]["train"]["use_val"] = True

    assert "no validation accuracy" in accuracy_page([entry])


def test_figures() -> None:
    assert percent(0.98765) == "98.77 %"
    assert percent(None) == "–"
    assert percent_spread([0.9, None, 0.95, 0.97]) == "95.00 % (90.00–97.00)"
    assert percent_spread([None]) == "–"


def test_fashion_settings_fit_every_preset() -> None:
    file = accuracy.PROJECT_ROOT / "configs" / "fashion.toml"
    for preset in ("default", "accurate"):
        config = load_config(preset, file)
        assert config.pipeline == "fashion"
        assert (config.train.augment.flip, config.train.augment.rotation) == (0.5, 0.0)
