"""Images stand where they belong on a sheet, with room for what is written below."""

import numpy as np

from components.data.contact_sheet import contact_sheet


def test_each_image_is_enlarged_above_its_caption():
    images = np.zeros((21, 12, 12), np.uint8)
    images[:, 0, 0] = np.arange(21) + 200
    sheet = np.asarray(contact_sheet(images, ["3 -> 5"] * 21))
    height, width = sheet.shape
    across, down = width // 20, height // 2
    for index in (0, 19, 20):
        row, column = divmod(index, 20)
        cell = sheet[row * down : (row + 1) * down, column * across :][:, :across]
        assert (cell == 200 + index).sum() >= 25
        assert (cell == 0).sum() == 143 * 25
        # White letters below.
        assert (cell[50:] > 180).any()
    # No image beyond the last.
    assert (sheet[down:, across:] == sheet[-1, -1]).all()


def test_one_large_image_is_drawn_as_it_is():
    image = np.arange(96 * 64, dtype=np.uint16).reshape(1, 96, 64) % 256
    sheet = np.asarray(contact_sheet(image.astype(np.uint8), ["7"]))
    left = (sheet.shape[1] - 64) // 2
    np.testing.assert_array_equal(sheet[1:97, left : left + 64], image[0])


def test_long_captions_do_not_meet():
    images = np.zeros((2, 8, 8), np.uint8)
    short = contact_sheet(images, ["1 -> 2"] * 2)
    long = contact_sheet(images, ["123 -> 456 of a thousand"] * 2)
    assert long.width > 1.5 * short.width
