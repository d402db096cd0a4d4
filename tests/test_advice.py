"""Advice names the way that helps: a least bound is lowered, a largest one raised."""

import ast
import re
from pathlib import Path

import pytest

from components.checks import Check
from components.evaluation.gate import model_checks
from components.evaluation.results import ACCURACY, BASELINE, CANDIDATE, LOSS
from components.gate_settings import DataGateSettings, ModelGateSettings
from components.serving.named_checks import at_most
from pipeline.config import load_config

ROOT = Path(__file__).resolve().parents[1]
# A setting may be named whole or put together: data_gate.min_{split}.
ADVICE = re.compile(
    r"\b(lower|raise)\s+(data_gate|evaluation|serving_check)\.(\w+)", re.I
)
WAYS = {"min": "lower", "max": "raise", "timeout": "raise"}


def strings(file: Path) -> list[str]:
    """Returns the texts of a module, what is formatted into them left out."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (getattr(part, "value", "X") for part in node.values)
            found.append("".join(p if isinstance(p, str) else "X" for p in parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return found


def test_every_text_of_ours_advises_the_way_that_helps() -> None:
    said = [
        (way.lower(), setting)
        for package in ("components", "pipeline")
        for file in sorted((ROOT / package).rglob("*.py"))
        for text in strings(file)
        for way, _, setting in ADVICE.findall(text)
        if setting != "X"
    ]

    assert len(said) >= 5
    for way, setting in said:
        assert way == WAYS[setting.split("_")[0]], setting


class Measured:
    """What the Evaluator measured, the same for each slice."""

    def __init__(self, accuracy: float, loss: float, change: float) -> None:
        self._values = {ACCURACY: accuracy, LOSS: loss}
        self._change = change

    def scalar(self, model: str, digit: int | None, name: str) -> float:
        return self._values[name]

    def as_dict(self, model: str = CANDIDATE) -> dict | None:
        return {} if model in (CANDIDATE, BASELINE) else None

    def change(self, digit: int | None, name: str) -> float:
        return self._change

    def refusals(self) -> list[str]:
        return []


def model_gate(settings: ModelGateSettings) -> list[Check]:
    return model_checks(Measured(0.5, 2.0, -0.25), settings)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("min_accuracy", 0.4), ("min_digit_accuracy", 0.4), ("max_loss", 3.0)],
)
def test_the_model_gate_lets_through_what_its_advice_asks_for(setting, value) -> None:
    before = getattr(ModelGateSettings(), setting)
    refused = [c for c in model_gate(ModelGateSettings()) if setting in c.advice]
    way = "Lower" if value < before else "Raise"

    assert refused
    for check in refused:
        assert not check.passed
        assert f"{way} evaluation.{setting} only if" in check.advice
    config = load_config(overrides=[f"evaluation.{setting}={value}"])
    for check in model_gate(config.evaluation):
        if setting in check.advice:
            assert check.passed


def test_each_numeric_bound_tells_its_direction_as_the_check_compares() -> None:
    model = {c.name: c for c in model_gate(ModelGateSettings())}
    assert (
        model["accuracy"].allowed == "≥ 0.98" or model["accuracy"].allowed == "≥ 0.95"
    )
    assert model["loss"].allowed == "≤ 0.2"
    assert model["accuracy drop"].allowed == "≤ 0.02"
    assert at_most("latency in ms", "predict_pixels", 309.6, 100.0).allowed == "≤ 100"


def test_a_check_of_an_older_release_tells_no_direction() -> None:
    check = Check("data", "size", "val", 5, 10, False)

    assert check.allowed == "10"
    assert str(check) == "data gate: size, val: 5, bound 10"


def test_a_bound_that_is_no_number_is_shown_as_it_is() -> None:
    check = Check("data", "mean pixel", "val", 0.5, "0.08 to 0.2", False)

    assert check.allowed == "0.08 to 0.2"
    assert DataGateSettings().min_mean == 0.08
