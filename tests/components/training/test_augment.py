"""Augmentation against exact pixel moves, and the statistics of their draws."""

import numpy as np
import pytest
import tensorflow as tf

from components.hyperparameters import AugmentHyperparameters
from components.image_spec import MNIST
from components.training import augment as module
from components.training.augment import augment, strength_at

SEED = tf.constant([3, 14], tf.int64)
# Positions are clipped this little before the border that makes the outside black.
BORDER = 1e-3
NOTHING = {"rotation": 0.0, "log_scale": 0.0, "shear": 0.0, "shift": 0.0, "elastic": 0}


def only(**limits: float) -> AugmentHyperparameters:
    """Settings with everything off but ``limits``."""
    return AugmentHyperparameters(**{**NOTHING, **limits})


def warp(
    images: np.ndarray, settings: AugmentHyperparameters, seed=SEED, strength=1.0
) -> np.ndarray:
    """Augments images [n, 28, 28]."""
    flat = tf.constant(images.reshape(-1, 784), tf.float32)
    warped = augment(MNIST, flat, settings, seed, strength)
    assert warped.dtype == tf.float32
    return warped.numpy().reshape(-1, 28, 28)


def random_images(count: int) -> np.ndarray:
    return np.random.default_rng(0).random((count, 28, 28), np.float32)


def blobs(count: int) -> np.ndarray:
    """The same smooth blob of ink in the middle of each image."""
    axis = np.arange(28) - 13.5
    blob = np.exp(-(axis[:, None] ** 2 / 18 + axis[None, :] ** 2 / 8))
    return np.tile(blob.astype(np.float32), (count, 1, 1))


def centres(images: np.ndarray) -> np.ndarray:
    """Where the ink is: [n, 2] of row and column."""
    mass = images.sum(axis=(1, 2))
    rows = images.sum(axis=2) @ np.arange(28) / mass
    columns = images.sum(axis=1) @ np.arange(28) / mass
    return np.stack([rows, columns], axis=1)


def spreads(images: np.ndarray) -> np.ndarray:
    """How wide the ink is about the middle: deviations [n, 2] along each axis."""
    mass = images.sum(axis=(1, 2))
    distance = (np.arange(28) - 13.5) ** 2
    rows = images.sum(axis=2) @ distance / mass
    columns = images.sum(axis=1) @ distance / mass
    return np.sqrt(np.stack([rows, columns], axis=1))


@pytest.fixture(params=[1.0, -1.0], ids=["upper limit", "lower limit"])
def extreme(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Makes every uniform draw one of its limits; returns its sign."""

    def draw(shape, seed, minval, maxval) -> tf.Tensor:
        return tf.fill(shape, maxval if request.param > 0 else minval)

    monkeypatch.setattr(tf.random, "stateless_uniform", draw)
    return request.param


def test_nothing_to_augment_is_the_identity() -> None:
    images = random_images(5)

    np.testing.assert_allclose(warp(images, only()), images, atol=1e-5)


def test_a_shift_of_one_pixel_moves_every_pixel_by_one(extreme: float) -> None:
    images = random_images(2)
    expected = np.zeros_like(images)
    if extreme > 0:
        expected[:, :-1, :-1] = images[:, 1:, 1:]
    else:
        expected[:, 1:, 1:] = images[:, :-1, :-1]

    np.testing.assert_allclose(warp(images, only(shift=1.0)), expected, atol=BORDER)


def test_half_a_pixel_mixes_neighbours_evenly(extreme: float) -> None:
    image = np.zeros((1, 28, 28), np.float32)
    image[0, 10, 20] = 1.0
    step = int(extreme)
    expected = np.zeros_like(image)
    for row in (10, 10 - step):
        for column in (20, 20 - step):
            expected[0, row, column] = 0.25

    np.testing.assert_allclose(warp(image, only(shift=0.5)), expected, atol=1e-5)


def test_a_shift_out_of_the_image_leaves_black(extreme: float) -> None:
    assert warp(random_images(2), only(shift=40.0)).max() <= BORDER


def test_a_quarter_turn_rotates_exactly(extreme: float) -> None:
    images = random_images(2)
    expected = np.rot90(images, int(extreme), axes=(1, 2))

    np.testing.assert_allclose(warp(images, only(rotation=90.0)), expected, atol=BORDER)


def sheared(images: np.ndarray, sign: float) -> np.ndarray:
    """Each row slid by twice its distance from the middle, a whole number."""
    result = np.zeros_like(images)
    for row in range(28):
        slide = int(sign) * (2 * row - 27)
        kept = [c for c in range(28) if 0 <= c + slide < 28]
        result[:, row, kept] = images[:, row, [c + slide for c in kept]]
    return result


def test_every_image_is_mirrored_or_none() -> None:
    images = random_images(3)

    np.testing.assert_allclose(
        warp(images, only(flip=1.0)), images[:, :, ::-1], atol=BORDER
    )
    np.testing.assert_allclose(warp(images, only(flip=0.0)), images, atol=1e-5)


def test_a_share_of_the_images_is_mirrored() -> None:
    images = np.tile(random_images(1), (2000, 1, 1))
    mirrored = np.abs(warp(images, only(flip=0.25)) - images).max(axis=(1, 2)) > 0.1

    assert 0.21 < mirrored.mean() < 0.29


def test_shear_slides_rows_by_their_distance_from_the_middle(extreme: float) -> None:
    images = random_images(2)

    np.testing.assert_allclose(
        warp(images, only(shear=2.0)), sheared(images, extreme), atol=BORDER
    )


def test_a_turn_and_shear_is_the_shear_of_the_turned_image(extreme: float) -> None:
    images = random_images(2)
    expected = sheared(np.rot90(images, int(extreme), axes=(1, 2)), extreme)

    np.testing.assert_allclose(
        warp(images, only(rotation=90.0, shear=2.0)), expected, atol=BORDER
    )


def test_scale_stretches_both_axes_about_the_middle(extreme: float) -> None:
    before = blobs(1)
    after = warp(before, only(log_scale=np.log(1.5)))

    np.testing.assert_allclose(centres(after), centres(before), atol=BORDER)
    # Reading 1.5 times as far out makes the ink that much smaller.
    np.testing.assert_allclose(
        spreads(after) / spreads(before), 1.5 ** (-extreme), rtol=0.1
    )


GREYS = np.linspace(0.0, 1.0, 784, dtype=np.float32).reshape(1, 28, 28)


def test_contrast_doubles_the_distance_from_the_middle_grey(extreme: float) -> None:
    """Or leaves it: it never gets less."""
    gain = 2.0 if extreme > 0 else 1.0

    warped = warp(GREYS, only(contrast=np.log(2.0)))

    expected = np.clip(0.5 + gain * (GREYS - 0.5), 0.0, 1.0)
    np.testing.assert_allclose(warped, expected, atol=BORDER * 2)


def test_thickness_brightens_or_darkens_ink_and_nothing_else(extreme: float) -> None:
    warped = warp(GREYS, only(thickness=0.25))

    moved = np.clip(GREYS + 0.25 * extreme, 0.0, 1.0)
    ink = GREYS > 0.03
    np.testing.assert_allclose(warped[ink], moved[ink], atol=BORDER * 2)
    assert warped[GREYS < 0.01].max() < 0.02


def test_contrast_leaves_the_other_transforms_as_they_are() -> None:
    plain = warp(blobs(4), only(shift=1.0, elastic=1.0))
    redrawn = warp(blobs(4), only(shift=1.0, elastic=1.0, contrast=1e-6))

    np.testing.assert_allclose(redrawn, plain, atol=1e-5)


def test_shifts_stay_within_their_limit_and_fill_it() -> None:
    moved = centres(warp(blobs(300), only(shift=2.0))) - 13.5

    assert np.abs(moved).max() < 2.05
    for axis in moved.T:
        assert axis.min() < -1.8
        assert axis.max() > 1.8
        assert axis.mean() == pytest.approx(0, abs=0.25)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 0.2


def test_rotation_keeps_the_ink() -> None:
    images = blobs(50)
    rotated = warp(images, only(rotation=45.0))

    np.testing.assert_allclose(
        rotated.sum(axis=(1, 2)), images.sum(axis=(1, 2)), rtol=0.01
    )
    assert np.abs(rotated - images).max() > 0.1


@pytest.mark.parametrize(
    "settings",
    [
        AugmentHyperparameters(),
        AugmentHyperparameters(
            rotation=90.0,
            log_scale=1.0,
            shear=1.0,
            shift=20.0,
            elastic=10.0,
            contrast=2.0,
            thickness=1.0,
        ),
    ],
    ids=["default", "wild"],
)
def test_values_stay_in_the_range_of_pixels(settings) -> None:
    warped = warp(random_images(64), settings)

    assert np.isfinite(warped).all()
    assert warped.min() >= 0.0
    assert warped.max() <= 1.0 + 1e-6


def test_in_a_graph_it_does_the_same() -> None:
    """Trainings run it there, where lengths and values are symbols."""
    settings = only(shift=1.0, elastic=1.0, flip=0.5, contrast=0.7, thickness=0.15)
    images = tf.constant(blobs(8).reshape(-1, 784))

    @tf.function(autograph=False)
    def graph(seed: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
        return augment(MNIST, images, settings, seed, strength)

    plain = augment(MNIST, images, settings, SEED, tf.constant(0.5))
    np.testing.assert_allclose(graph(SEED, tf.constant(0.5)), plain, atol=1e-4)


def test_the_same_seed_gives_the_same_augmentation() -> None:
    images = blobs(4)
    settings = AugmentHyperparameters()

    np.testing.assert_array_equal(warp(images, settings), warp(images, settings))


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize(
    "settings",
    [only(shift=1.0), only(elastic=1.0), only(rotation=10.0)],
    ids=["shift", "elastic", "rotation"],
)
def test_either_part_of_the_seed_changes_the_augmentation(settings, part) -> None:
    images = blobs(4)
    other = tf.tensor_scatter_nd_add(SEED, [[part]], [1])

    difference = warp(images, settings) - warp(images, settings, other)

    assert np.abs(difference).max() > 0.01


@pytest.mark.parametrize(
    "settings",
    [
        only(shift=1.0),
        only(elastic=1.0),
        only(log_scale=0.2),
        only(shear=0.2),
        only(contrast=1.0),
        only(thickness=0.4),
    ],
    ids=["shift", "elastic", "scale", "shear", "contrast", "thickness"],
)
def test_each_image_is_augmented_in_its_own_way(settings) -> None:
    warped = warp(blobs(8), settings)

    for index in range(1, 8):
        assert np.abs(warped[index] - warped[0]).max() > 0.005


def test_the_elastic_kernel_gives_unit_variance_to_every_pixel() -> None:
    kernel = module._elastic_kernel(MNIST)

    assert (kernel.shape, kernel.dtype) == ((49, 784), np.float32)
    np.testing.assert_allclose((kernel**2).sum(axis=0), 1.0, rtol=1e-5)


def test_elastic_displacements_have_the_given_deviation_and_are_smooth() -> None:
    dx, dy = (
        field.numpy().reshape(-1, 28, 28)
        for field in module._elastic_field(MNIST, 2000, 2.0, SEED)
    )

    for field in (dx, dy):
        assert field.shape == (2000, 28, 28)
        np.testing.assert_allclose(field.std(axis=0), 2.0, rtol=0.1)
        np.testing.assert_allclose(field.mean(axis=0), 0.0, atol=0.25)
        for axis in (1, 2):
            assert np.abs(np.diff(field, axis=axis)).mean() < 0.5
    assert abs(np.corrcoef(dx.ravel(), dy.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("rotation", 20.0),
        ("log_scale", 0.4),
        ("shear", 0.4),
        ("shift", 2.0),
        ("elastic", 2.0),
        ("contrast", 1.0),
        ("thickness", 0.4),
    ],
)
def test_half_the_strength_is_half_of_every_limit(name: str, limit: float) -> None:
    images = blobs(4)
    whole, half = only(**{name: limit}), only(**{name: limit / 2})

    np.testing.assert_allclose(
        warp(images, whole, strength=0.5), warp(images, half), atol=1e-5
    )
    assert np.abs(warp(images, whole) - warp(images, half)).max() > 0.01


def test_no_strength_augments_nothing_but_still_mirrors() -> None:
    images = random_images(3)
    settings = AugmentHyperparameters(flip=1.0)

    np.testing.assert_allclose(
        warp(images, settings, strength=0.0), images[:, :, ::-1], atol=BORDER
    )


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, 1.0), (50, 1.0), (75, 0.6), (100, 0.2)],
)
def test_augmentation_fades_evenly_to_the_end(step: int, expected: float) -> None:
    settings = AugmentHyperparameters(fade_from=0.5, fade_to=0.2)

    found = strength_at(settings, tf.constant(step, tf.int64), 100)

    assert found.dtype == tf.float32
    assert float(found) == pytest.approx(expected)


def test_augmentation_does_not_fade_unless_told_to() -> None:
    for step in (0, 99, 100):
        found = strength_at(AugmentHyperparameters(), tf.constant(step, tf.int64), 100)
        assert float(found) == 1.0
