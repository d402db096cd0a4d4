"""Records that are turned or blank, pages that are fitted whole."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.image_spec import MNIST
from components.pictures.preparation import (
    AUTO,
    BLANK,
    BRIGHT,
    DARK,
    READ,
    SMALL,
    fit_page,
    ground_of,
    looks_dark,
    prepare,
    prepare_images,
    turn,
)
from pipeline.datasets.pictures import fit, looks_inverted
from tests.pages import first_digits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first 200 test digits, uint8 [200, 28, 28]."""
    return first_digits(200)[0]


def test_digits_are_told_from_their_negatives(digits) -> None:
    assert not looks_dark(digits).numpy().any()
    assert looks_dark(255 - digits).numpy().all()
    for images in (digits, 255 - digits):
        converted = [looks_inverted(image) for image in images]
        assert looks_dark(images).numpy().tolist() == converted
    assert ground_of(digits) == "black"
    assert ground_of(255 - digits) == "white"
    assert ground_of(np.concatenate([digits, 255 - digits[:20]])) == "mixed"


def test_a_negative_is_turned_exactly(digits) -> None:
    full = digits[digits.max(axis=(1, 2)) == 255]
    assert len(full) > 100
    np.testing.assert_array_equal(turn(255 - full), full)


def test_grey_paper_becomes_black_and_grey_ink_white() -> None:
    photo = np.full((28, 28), 180, np.uint8)
    photo[:, 20:] = 190
    photo[10:18, 10:18] = 60
    photo[13, 13] = 120
    turned = turn(photo[None])[0].numpy()

    assert (turned[0] == 0).all()
    assert turned[10, 10] == 255
    assert turned[13, 13] == round(255 * (180 - 120) / (180 - 60))


def test_a_record_without_ink_is_not_stretched() -> None:
    record = np.full((28, 28), 200, np.uint8)
    record[14, 14] = 190
    turned = turn(record[None])[0].numpy()

    assert (turned[14, 14], turned[0, 0]) == (65, 55)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_record_of_one_grey_is_blank(grey: int) -> None:
    record = np.full((28, 28), grey, np.uint8)
    record[3, 3] ^= 7
    _, state, turned = prepare_images(record[None])
    assert (state.numpy().tolist(), turned.numpy().tolist()) == ([BLANK], [False])


def test_records_are_turned_as_asked_and_only_where_data_lies_on_black(digits) -> None:
    negatives = 255 - digits[:5]
    for ground, dark, expected in (
        ("black", AUTO, True),
        ("white", AUTO, False),
        ("mixed", AUTO, False),
        ("black", BRIGHT, False),
        ("mixed", DARK, True),
    ):
        _, state, turned = prepare_images(negatives, ground, dark)
        assert (turned.numpy() == expected).all(), (ground, dark)
        assert (state.numpy() == READ).all()


@pytest.mark.parametrize("shape", [(28, 28), (300, 300), (90, 200), (2000, 7), (9, 31)])
def test_a_page_is_fitted_as_a_record_is_converted(shape) -> None:
    """But for rounding: pictures that are asked about are like those trained on."""
    draws = np.random.default_rng(1).integers(0, 256, (7, 5), np.uint8)
    page = np.asarray(Image.fromarray(draws).resize(shape[::-1]))
    mine = fit_page(page, MNIST.size).numpy().astype(int)
    assert np.abs(mine - fit(page)).max() <= 1


def test_data_on_white_gets_its_ink_dark() -> None:
    page = np.full((100, 120), 250, np.uint8)
    page[30:70, 50:58] = 20
    on_black = prepare(page, MNIST.size, "ink").pixels.numpy()
    on_white = prepare(page, MNIST.size, "ink", "white").pixels.numpy()

    assert (on_black[14, 14], on_black[0, 0]) == (255, 0)
    np.testing.assert_array_equal(on_white, 255 - on_black)


@pytest.mark.parametrize("fitting", ["ink", "page"])
@pytest.mark.parametrize("shape", [(5, 5), (1, 1), (7, 3)])
def test_a_picture_of_few_pixels_shows_no_digit(shape, fitting: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ready = prepare(tf.constant(picture), MNIST.size, fitting)
    assert (int(ready.state), int(tf.reduce_max(ready.pixels))) == (SMALL, 0)
