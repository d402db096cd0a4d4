"""Pictures of a training: where each image and each count is."""

import numpy as np

from components.hyperparameters import AugmentHyperparameters
from components.image_spec import MNIST
from components.training.plots import (
    augmentation_plot,
    confusion_plot,
    one_of_each,
)

TILE, GAP, CELL = 84, 8, 40


def test_originals_stand_beside_augmented_copies() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 784)).astype(np.uint8)
    still = AugmentHyperparameters(
        rotation=0.0, log_scale=0.0, shear=0.0, shift=0.0, elastic=0.0
    )

    plot = augmentation_plot(MNIST, images, still, seed=0, columns=3)

    assert plot.shape == (2 * TILE, TILE + GAP + 3 * TILE)
    for row, image in enumerate(images.reshape(2, 28, 28)):
        line = plot[row * TILE : (row + 1) * TILE]
        assert (line[:, TILE : TILE + GAP] == 255).all()
        np.testing.assert_array_equal(line[1:TILE:3, 1:TILE:3], image)
        for column in range(3):
            left = TILE + GAP + column * TILE
            tile = line[1::3, left + 1 : left + TILE : 3]
            np.testing.assert_allclose(tile.astype(int), image, atol=1)


def test_augmented_copies_differ() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 6:22, 12:16] = 255

    plot = augmentation_plot(
        MNIST, image.reshape(1, 784), AugmentHyperparameters(), seed=0, columns=2
    )

    tiles = [plot[:, :TILE], plot[:, -2 * TILE : -TILE], plot[:, -TILE:]]
    for index in range(3):
        assert np.abs(tiles[index].astype(int) - tiles[index - 1]).max() > 50


def test_one_of_each_finds_the_first_of_each_class() -> None:
    assert one_of_each(np.array([3, 1, 3, 1, 0])).tolist() == [4, 1, 0]


def test_mistakes_are_red_and_the_worst_is_reddest() -> None:
    counts = np.diag([50] * 10)
    counts[3, 5], counts[4, 9] = 8, 4
    plot = confusion_plot(counts)

    def colour(row: int, column: int) -> list[int]:
        return plot[(row + 1) * CELL + 3, (column + 1) * CELL + 3].tolist()

    assert plot.shape == (11 * CELL, 11 * CELL, 3)
    assert colour(3, 5) == [255, 100, 100]
    assert colour(4, 9) == [255, 178, 178]
    assert colour(5, 3) == colour(3, 3) == [255, 255, 255]
