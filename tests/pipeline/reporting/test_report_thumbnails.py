"""Thumbnails of the page, decoded again."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from components.image_spec import MNIST
from pipeline.reporting.thumbnails import one, strip, weights


def decode(uri: str) -> Image.Image:
    kind, _, content = uri.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.mark.parametrize("size", [(28, 28), (8, 6)])
def test_an_image_keeps_every_pixel(size: tuple[int, int]) -> None:
    pixels = np.arange(np.prod(size)).astype(np.uint8).reshape(size)

    np.testing.assert_array_equal(decode(one(pixels)), pixels)


def test_a_strip_has_its_images_side_by_side() -> None:
    images = np.stack([np.full(MNIST.size, value, np.uint8) for value in (7, 90, 200)])
    found = np.asarray(decode(strip(images)))

    assert found.shape == (28, 84)
    assert found[0, ::28].tolist() == [7, 90, 200]


def test_weights_are_orange_or_blue_and_as_opaque_as_they_are_strong() -> None:
    kernel = np.zeros((1, *MNIST.size), np.float32)
    kernel[0, 0, :4] = [2.0, -2.0, 1.0, 0.0]
    red, green, blue, alpha = (
        decode(weights(kernel, 1)).convert("RGBA").getpixel((0, 0))
    )

    assert red > green > blue
    assert alpha >= 250
    row = np.asarray(decode(weights(kernel, 1)).convert("RGBA"))[0]
    assert row[1, 2] > row[1, 0]
    assert row[1, 3] >= 250
    assert 110 <= row[2, 3] <= 140
    assert row[3, 3] == 0


def test_tiles_are_laid_out_row_by_row_with_gaps() -> None:
    kernels = np.ones((3, *MNIST.size)) * np.array([1.0, -1.0, 1.0])[:, None, None]
    tiles = np.asarray(decode(weights(kernels, 2)).convert("RGBA"))

    # Two tiles of 28 pixels and a gap of 2, either way.
    assert tiles.shape == (58, 58, 4)
    assert tiles[0, 0, 0] > tiles[0, 0, 2]
    assert tiles[0, 30, 2] > tiles[0, 30, 0]
    assert tiles[30, 0, 0] > tiles[30, 0, 2]
    assert tiles[30, 30, 3] == 0
    assert tiles[0, 28, 3] == 0


def test_a_unit_without_weights_is_transparent() -> None:
    assert (
        np.asarray(decode(weights(np.zeros((1, *MNIST.size)), 1)).convert("RGBA"))[
            ..., 3
        ].max()
        == 0
    )
