"""Requests that clients send by mistake, and pictures in formats of their own."""

import numpy as np
import pytest
import tensorflow as tf

from components.gate_settings import ServingCheckSettings
from components.serving.observations import Observations
from components.serving.odd_requests import odd_request_checks
from components.serving.requests import (
    Reference,
    format_requests,
    incomplete_request,
    mixed_request,
)

PICTURES = "predict_image"
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 6)).astype(np.uint8)
REFERENCE = Reference(IMAGES, np.eye(5, dtype=np.float32)[[2, 0, 4, 1]])
MIXED = {"rows": [-1, 0, -1, 1, -1, 2, -1, 3], "answers": [-1, 2, -1, 0, -1, 4, -1, 1]}


def judged(step: str, line: dict, signature: str = PICTURES) -> list:
    seen = Observations({(signature, step): line})
    return list(odd_request_checks(seen, signature, REFERENCE, ServingCheckSettings()))


def mixed(answers: list[int]) -> dict:
    return {"seen": {**MIXED, "answers": answers}}


def test_an_example_without_its_image_lacks_it() -> None:
    [encoded] = incomplete_request()["examples"].numpy()

    assert not tf.train.Example.FromString(encoded).features.feature


def test_pictures_that_cannot_be_read_stand_between_those_that_can() -> None:
    request, rows = mixed_request(IMAGES)

    assert rows.tolist() == [-1, 0, -1, 1, -1, 2, -1, 3]
    for row, encoded in zip(rows, request["images"].numpy(), strict=True):
        if row < 0:
            with pytest.raises(tf.errors.InvalidArgumentError):
                tf.io.decode_image(encoded)
        else:
            pixels = tf.io.decode_png(encoded)[:, :, 0].numpy()
            np.testing.assert_array_equal(pixels, IMAGES[row])


def test_pictures_in_other_formats_are_the_same_ones_larger_and_in_colour() -> None:
    requests = format_requests(IMAGES)

    assert list(requests) == ["PNG", "JPEG"]
    for kind, side in (("PNG", 560), ("JPEG", 280)):
        encoded = requests[kind]["images"].numpy()
        pixels = np.stack([tf.io.decode_image(one).numpy() for one in encoded])
        times = side // 8
        assert pixels.shape == (4, side, 6 * times, 3)
        middle = pixels[:, times // 2 :: times, times // 2 :: times, 1].astype(int)
        assert np.abs(middle - IMAGES).max() <= (0 if kind == "PNG" else 8)


@pytest.mark.parametrize(
    ("line", "passed"), [({"error": "it lacks the image"}, True), ({"seen": {}}, False)]
)
def test_a_request_without_an_image_must_fail(line: dict, passed: bool) -> None:
    [check] = judged("an example without its image", line, "serving_default")

    assert check.name == "refuses an example without its image"
    assert (check.value, check.passed, check.stops) == (
        "an error" if passed else "an answer",
        passed,
        not passed,
    )


@pytest.mark.parametrize(
    ("answers", "wrong"),
    [
        (MIXED["answers"], 0),
        # As where the readable ones are moved to the front.
        ([2, 0, 4, 1, -1, -1, -1, -1], 6),
        # As where what cannot be read counts as a class.
        ([1, 2, 1, 0, 1, 4, 1, 1], 4),
    ],
)
def test_a_bad_picture_must_fail_alone(answers: list[int], wrong: int) -> None:
    [check] = judged("unreadable pictures", mixed(answers))

    assert (check.value, check.bound) == (wrong, 0)
    assert check.stops is (wrong > 0)


@pytest.mark.parametrize(
    ("answers", "policy", "passed"),
    [([2, 0, 4, 1], "error", True), ([2, 0, 4, 0], "warn", False)],
)
def test_large_pictures_keep_their_classes(answers, policy, passed) -> None:
    seen = {"PNG": answers, "JPEG": [0, 0, 0, 0]}
    png, jpeg = judged("pictures in other formats", {"seen": seen})

    assert png.name == "other answers to a large PNG"
    assert (png.passed, png.policy, png.stops) == (passed, policy, False)
    assert (jpeg.value, jpeg.stops) == (0.75, True)
    assert "serving_check.max_other_answers" in jpeg.advice


@pytest.mark.parametrize("step", ["unreadable pictures", "pictures in other formats"])
def test_a_call_that_fails_is_a_failed_check(step: str) -> None:
    [check] = judged(step, {"error": "InvalidArgumentError: no picture"})

    assert check.stops
    assert check.value == "InvalidArgumentError: no picture"


def test_what_a_trainer_that_failed_expects_is_not_compared_with() -> None:
    nan = Reference(IMAGES, np.full((4, 5), np.nan, np.float32))
    seen = Observations({(PICTURES, "unreadable pictures"): mixed(MIXED["answers"])})

    assert not list(odd_request_checks(seen, PICTURES, nan, ServingCheckSettings()))
