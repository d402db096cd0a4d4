"""Pictures of nothing that a model knows, and the gate on its answers to them."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks.draw_letters import LETTERS as STROKES
from benchmarks.draw_letters import draw_sheet
from components.classes import DIGITS
from components.evaluation.answers import LoadedModel, PictureAnswers
from components.evaluation.audit_files import UNKNOWN_FILE
from components.evaluation.letters import SHEET, read_letters
from components.evaluation.unknown import (
    LETTERS,
    SHAPELESS,
    draw_unknown,
    known_checks,
    shapeless,
    unknown_checks,
    unknown_pictures,
)
from components.gate_settings import ModelGateSettings
from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.pictures.facts import AS_MNIST
from components.pictures.trust import Bounds, Trust, fit_distance
from components.serving.signatures import export_model
from components.training.model import build_model


def answers(kind_of: dict[str, float]) -> dict[str, PictureAnswers]:
    """Answers to twenty pictures a kind, a share of them with confidence."""
    return {
        kind: PictureAnswers(
            np.full((20, 6, 4), 9, np.uint8),
            np.arange(20) < 20 * share,
            np.arange(20) % 10,
            np.linspace(0.5, 1.0, 20, dtype=np.float32),
        )
        for kind, share in kind_of.items()
    }


def judged(**kind_of: float) -> dict[str, tuple[bool, bool]]:
    checks = unknown_checks(answers(kind_of), ModelGateSettings())
    assert {check.name for check in checks} == {"sure of the unknown"}
    return {check.slice: (check.passed, check.stops) for check in checks}


@pytest.mark.parametrize("size", [(28, 28), (8, 6), (32, 20), (96, 96), (2, 2)])
def test_shapeless_pictures_come_in_any_size_and_are_the_same_each_time(size) -> None:
    drawn = shapeless(size)

    assert drawn.shape == (41, *size)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, shapeless(size))
    if min(size) > 8:
        assert len(np.unique(drawn.reshape(len(drawn), -1), axis=0)) == len(drawn)
        assert (drawn == 0).all(axis=(1, 2)).sum() == 1
        assert (drawn == 255).all(axis=(1, 2)).sum() == 1


def test_letters_are_unknown_to_digits_alone() -> None:
    digits = unknown_pictures((28, 28), list(DIGITS))

    assert list(digits) == [SHAPELESS, LETTERS]
    assert list(unknown_pictures((28, 28), ["Shirt", "Coat"])) == [SHAPELESS]


@pytest.mark.parametrize("size", [(28, 28), (20, 32)])
def test_letters_are_drawn_as_digits_are(size) -> None:
    letters = read_letters(size)

    assert letters.shape == (2 * len(STROKES), *size)
    assert letters.dtype == np.uint8
    ink = letters.mean(axis=(1, 2)) / 255
    assert 0.03 < ink.min() <= ink.max() < 0.25
    assert not letters[:, [0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_the_sheet_is_what_the_strokes_draw() -> None:
    """But for what another version of Pillow may do at the edges."""
    with Image.open(SHEET) as sheet:
        shipped = np.asarray(sheet).astype(int)

    assert np.abs(shipped - draw_sheet()).mean() < 2


def test_the_sheet_is_part_of_the_package() -> None:
    setup = (Path(__file__).parents[3] / "setup.py").read_text()

    assert f'"evaluation/{SHEET.name}"' in setup


def test_a_model_that_is_sure_of_nearly_everything_is_stopped() -> None:
    """Of static it must hardly ever be; some letters may pass for digits."""
    assert judged(shapeless=0.05, letters=0.8) == {
        SHAPELESS: (True, False),
        LETTERS: (True, False),
    }
    assert judged(shapeless=0.2, letters=0.9) == dict.fromkeys(
        (SHAPELESS, LETTERS), (False, False)
    )
    assert judged(shapeless=0.25, letters=0.95) == dict.fromkeys(
        (SHAPELESS, LETTERS), (False, True)
    )


def test_the_advice_says_how_many_and_which_setting() -> None:
    [check] = unknown_checks(answers({SHAPELESS: 0.5}), ModelGateSettings())

    assert "shapeless: 10 of 20" in check.advice
    assert check.advice.endswith("raise evaluation.max_sure_shapeless.")


def test_the_policy_may_be_off() -> None:
    settings = ModelGateSettings(unknown="off")

    assert unknown_checks(answers({SHAPELESS: 1.0}), settings) == []


def test_the_most_confident_are_drawn(tmp_path: Path) -> None:
    found = draw_unknown(tmp_path, answers({SHAPELESS: 0.1, LETTERS: 1.0}), DIGITS)

    assert found == {
        SHAPELESS: {"pictures": 20, "sure": 2},
        LETTERS: {"pictures": 20, "sure": 20},
    }
    with Image.open(tmp_path / UNKNOWN_FILE) as sheet:
        assert sheet.width > 20 * 60


def test_nothing_is_drawn_where_it_was_sure_of_nothing(tmp_path: Path) -> None:
    draw_unknown(tmp_path, answers({SHAPELESS: 0.0}), DIGITS)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distance", "state"), [(np.inf, "sure"), (0.0, "unlike")], ids=["sure", "unlike"]
)
def test_an_export_that_is_sure_of_static_is_stopped(
    tmp_path: Path, distance: float, state: str
) -> None:
    """Through the signature that takes pictures: one that is blank gets no class."""
    network = build_model(MNIST, ModelHyperparameters(hidden_units=(4,)))
    images = np.random.default_rng(0).integers(0, 99, (200, 784)).astype(np.uint8)
    bounds = Bounds(0.0, distance, 200, 1.0, True)
    trust = Trust(bounds, fit_distance(images, np.arange(200) % 10, 10))
    export_model(network, scale, tmp_path / "model", AS_MNIST, trust)
    model = LoadedModel(tf.saved_model.load(str(tmp_path / "model")))

    optimizer = tf.config.optimizer.get_experimental_options()
    answer = model.ask_pictures(shapeless(MNIST.size))
    # Other nodes run in the same process.
    assert not tf.config.optimizer.get_experimental_options()["disable_meta_optimizer"]
    assert not optimizer.get("disable_meta_optimizer")

    even = (answer.pictures == answer.pictures[:, :1, :1]).all(axis=(1, 2))
    assert even.sum() == 5
    np.testing.assert_array_equal(answer.predicted == -1, even)
    np.testing.assert_array_equal(answer.sure, ~even & (state == "sure"))
    [check] = unknown_checks({SHAPELESS: answer}, ModelGateSettings())
    assert check.stops is (state == "sure")


def scale(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"image": tf.cast(features["image"], tf.float32) / 255}


@pytest.mark.parametrize(
    ("sure", "passed", "stops"),
    [(60, True, False), (4, False, False), (0, False, True)],
)
def test_a_model_that_is_hardly_ever_sure_is_stopped(sure, passed, stops) -> None:
    known = answers_of(np.arange(100) < sure)
    [check] = known_checks(known, ModelGateSettings())

    assert (check.name, check.slice) == ("sure of the known", "test")
    assert check.value == pytest.approx(sure / 100)
    assert (check.passed, check.stops) == (passed, stops)
    if not passed:
        assert f"no more than {sure} sure" in check.advice


def test_a_model_that_cannot_tell_is_not_asked() -> None:
    never = np.zeros(100, bool)

    assert known_checks(answers_of(never, judged=False), ModelGateSettings()) == []
    assert known_checks(answers_of(never), ModelGateSettings(unknown="off")) == []


def answers_of(sure: np.ndarray, judged: bool = True) -> PictureAnswers:
    count = len(sure)
    pictures = np.zeros((count, *MNIST.size), np.uint8)
    zeros = np.zeros(count, np.int64)
    return PictureAnswers(pictures, sure, zeros, zeros.astype(np.float32), judged)
