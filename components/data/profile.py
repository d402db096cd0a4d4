"""What data looks like record by record, kept so that later data can be compared.

A profile says which records of other data are unlike any of its own: by a property
that people can name, by ink where there never was any, or by what is left of the
image outside the main directions of the pixels. ``audit`` fits and applies it.
"""

from pathlib import Path

import attrs
import numpy as np
from scipy.ndimage import binary_dilation

from components.data.directions import main_directions
from components.data.properties import PROPERTIES, properties
from components.features import MAX_PIXEL

PROFILE_FILE = "profile.npz"
NEW_PLACES = "ink where there was none"
UNEXPLAINED = "strokes unlike any"
TRAITS = (*PROPERTIES, NEW_PLACES, UNEXPLAINED)

# The range of a trait is that of all but so many of its records, on either side.
_TAIL = 0.001
# It is widened by this share of itself.
_MARGIN = 0.1
_INK = 64
# A place that so few records have ink at counts as one without.
_RARE = 2e-4
_DIRECTIONS = 32
# Fewer records of a class say nothing of its means.
LEAST_OF_CLASS = 30
# Enough for the tails of the traits.
_MOST_IMAGES = 20_000
_BATCH = 512


@attrs.frozen(eq=False)
class Profile:
    """The ranges of the traits of some records.

    Attributes:
      count: records that it was fitted on.
      mean: float32 [h * w], the mean image in 0..1.
      directions: float32 [h * w, k], the main directions around it, orthonormal.
      unused: bool [h * w], places without ink.
      least: float32 [len(TRAITS)].
      most: float32 [len(TRAITS)].
      centre: float32 [len(TRAITS)], the means.
      spread: float32 [len(TRAITS)], the standard deviations.
      class_centre: float32 [classes, len(TRAITS)], the means of each class; not a
        number where it has too few records.
      class_spread: float32 [classes, len(TRAITS)], their standard deviations.
      base: share of other records of the same kind that are outside all the same.
    """

    count: int
    mean: np.ndarray
    directions: np.ndarray
    unused: np.ndarray
    least: np.ndarray
    most: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    class_centre: np.ndarray
    class_spread: np.ndarray
    base: float = 0.0

    def traits(self, images: np.ndarray) -> np.ndarray:
        """Measures images uint8 [n, h, w]: float32 [n, len(TRAITS)]."""
        parts = [
            self._deviations(images[start : start + _BATCH].reshape(-1, len(self.mean)))
            for start in range(0, len(images), _BATCH)
        ]
        deviations = np.concatenate([np.empty((0, 2), np.float32), *parts])
        return np.concatenate([properties(images), deviations], axis=1)

    def _deviations(self, flat: np.ndarray) -> np.ndarray:
        """Ink at unused places and squares left over, of uint8 [n, h * w]."""
        new = (flat[:, self.unused] > _INK).sum(axis=1)
        centred = flat.astype(np.float32) / MAX_PIXEL - self.mean
        along = centred @ self.directions
        left = np.square(centred).sum(axis=1) - np.square(along).sum(axis=1)
        return np.stack([new, left], axis=1).astype(np.float32)

    def outside(self, traits: np.ndarray) -> np.ndarray:
        """How far each trait is outside its range, in widths of it; 0 inside.

        Args:
          traits: float32 [n, len(TRAITS)].

        Returns:
          float32 [n, len(TRAITS)].
        """
        width = np.maximum(self.most - self.least, 1e-6)
        beyond = np.maximum(traits - self.most, self.least - traits)
        return np.maximum(beyond / width, 0).astype(np.float32)

    def shift(self, traits: np.ndarray) -> np.ndarray:
        """How far the means of properties moved, in standard deviations.

        Args:
          traits: float32 [n, len(TRAITS)].

        Returns:
          float32 [len(PROPERTIES)].
        """
        return _moved(traits.mean(axis=0), self.centre, self.spread)

    def class_shift(self, traits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """How far the means of properties moved within each class.

        Args:
          traits: float32 [n, len(TRAITS)].
          labels: int64 [n].

        Returns:
          float32 [classes, len(PROPERTIES)], in standard deviations of the class; 0
          where there are too few records.
        """
        centre, _ = _by_class(traits, labels, len(self.class_centre))
        moved = _moved(centre, self.class_centre, self.class_spread)
        return np.nan_to_num(moved)


def _moved(mean: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    moved = np.abs(mean - centre) / np.maximum(spread, 1e-6)
    return moved[..., : len(PROPERTIES)].astype(np.float32)


def _by_class(
    traits: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations float32 [classes, len(TRAITS)]."""
    centre = np.full((classes, traits.shape[1]), np.nan, np.float32)
    spread = centre.copy()
    for label in range(classes):
        own = traits[labels == label]
        if len(own) >= LEAST_OF_CLASS:
            centre[label], spread[label] = own.mean(axis=0), own.std(axis=0)
    return centre, spread


def fit_profile(
    images: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0
) -> Profile:
    """Fits a profile to images, or to a sample of them.

    How many records of the same kind are outside is measured on one half with the
    ranges of the other, so that a small sample does not promise too much.

    Args:
      images: uint8 [n, h, w], n at least 2.
      labels: int64 [n].
      classes: how many there are.
      seed: of the sample.
    """
    order = np.random.default_rng(seed).permutation(len(images))[:_MOST_IMAGES]
    first, second = np.array_split(order, 2)
    other = _fit(images[first], labels[first], classes)
    outside = other.outside(other.traits(images[second])).any(axis=1)
    found = _fit(images[order], labels[order], classes)
    return attrs.evolve(found, base=float(outside.mean()))


def _fit(images: np.ndarray, labels: np.ndarray, classes: int) -> Profile:
    flat = images.reshape(len(images), -1)
    mean = flat.mean(axis=0, dtype=np.float32) / MAX_PIXEL
    zeros = np.zeros(len(TRAITS), np.float32)
    used = (images > _INK).mean(axis=0) > _RARE
    # A stroke may well end a pixel further out than any before.
    unused = ~binary_dilation(used, np.ones((3, 3), bool)).ravel()
    directions = main_directions(flat, _DIRECTIONS)
    bare = Profile(len(flat), mean, directions, unused, *(zeros,) * 6)
    traits = bare.traits(images)
    least, most = np.quantile(traits, [_TAIL, 1 - _TAIL], axis=0).astype(np.float32)
    margin = _MARGIN * (most - least)
    centre, spread = _by_class(traits, labels, classes)
    return attrs.evolve(
        bare,
        least=least - margin,
        most=most + margin,
        centre=traits.mean(axis=0),
        spread=traits.std(axis=0),
        class_centre=centre,
        class_spread=spread,
    )


def write_profile(directory: str | Path, profile: Profile) -> None:
    """Writes ``profile.npz`` into a folder that exists."""
    np.savez_compressed(
        Path(directory) / PROFILE_FILE, **attrs.asdict(profile, recurse=False)
    )


def read_profile(directory: str | Path) -> Profile:
    """Reads ``profile.npz``.

    Raises:
      OSError: it is gone.
      ValueError: it is none.
    """
    with np.load(Path(directory) / PROFILE_FILE, allow_pickle=False) as arrays:
        found = dict(arrays)
    return Profile(
        **{**found, "count": int(found["count"]), "base": float(found["base"])}
    )
