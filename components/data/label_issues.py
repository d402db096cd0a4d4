"""Estimates which labels are wrong, from the records alone.

Confident learning (C. Northcutt, L. Jiang and I. Chuang, "Confident Learning:
Estimating Uncertainty in Dataset Labels", JAIR 70, 2021) on predictions that a quick
classifier made of records it was not fitted on: ridge regression on random Fourier
features (A. Rahimi and B. Recht, 2007) of the main directions of the pixels.
"""

import numpy as np

from components.data.directions import main_directions

_DIRECTIONS = 40
_FEATURES = 768
_FOLDS = 3
_RIDGE = 1e-3
# The kernel's squared width, as a share of the median squared distance.
_WIDTH = 0.35
_BATCH = 1024
_TEMPERATURES = (2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 25.0)


def out_of_fold(
    images: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0
) -> np.ndarray:
    """Predicts each record by what was fitted on the other folds.

    Args:
      images: uint8 [n, h, w].
      labels: int64 [n] in 0..classes - 1.
      classes: how many there are.
      seed: of the folds and the random features.

    Returns:
      Probabilities float32 [n, classes].
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    folds = [order[k::_FOLDS] for k in range(_FOLDS)]
    places = _places(images.reshape(len(images), -1))
    directions, phases = _random_waves(places, rng)
    features = [_features(places[fold], directions, phases) for fold in folds]
    targets = np.eye(classes, dtype=np.float32)[labels] - 1 / classes
    grams = [part.T @ part for part in features]
    products = [
        part.T @ targets[fold] for part, fold in zip(features, folds, strict=True)
    ]
    scores = np.empty((len(labels), classes), np.float32)
    for k, fold in enumerate(folds):
        share = _RIDGE * (len(labels) - len(fold)) / len(phases)
        gram = sum(grams) - grams[k] + share * np.eye(len(phases), dtype=np.float32)
        scores[fold] = features[k] @ np.linalg.solve(gram, sum(products) - products[k])
    return _probabilities(scores, labels)


def _places(flat: np.ndarray) -> np.ndarray:
    """Places of uint8 [n, pixels] along their main directions, float32 [n, k]."""
    directions = main_directions(flat, _DIRECTIONS)
    return np.concatenate(
        [
            flat[start : start + _BATCH].astype(np.float32) @ directions
            for start in range(0, len(flat), _BATCH)
        ]
    )


def _random_waves(
    places: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the directions [k, features] and phases [features] of cosines."""
    one, other = places[rng.integers(0, len(places), (2, 4000))]
    width = _WIDTH * np.median(np.square(one - other).sum(axis=1))
    # Fewer features than a third of the records: ridge regression is at its worst
    # where there are as many of both.
    count = max(min(_FEATURES, len(places) // (2 * _FOLDS)), 8)
    shape = places.shape[1], count
    directions = rng.normal(size=shape).astype(np.float32) / np.sqrt(max(width, 1e-6))
    return directions, rng.uniform(0, 2 * np.pi, count).astype(np.float32)


def _features(
    places: np.ndarray, directions: np.ndarray, phases: np.ndarray
) -> np.ndarray:
    """In one array: fresh memory takes longer than the cosines."""
    waves = places @ directions
    waves += phases
    np.cos(waves, out=waves)
    waves *= np.float32(np.sqrt(2 / len(phases)))
    return waves


def _probabilities(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Turns scores into probabilities by the temperature that fits the labels best."""
    found = []
    for temperature in _TEMPERATURES:
        powers = np.exp((scores - scores.max(axis=1, keepdims=True)) * temperature)
        shares = powers / powers.sum(axis=1, keepdims=True)
        own = shares[np.arange(len(labels)), labels]
        found.append((-np.log(own + 1e-9).mean(), shares))
    return min(found, key=lambda pair: pair[0])[1].astype(np.float32)


def suspicion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How sure a record is to be of another class than its label says.

    Args:
      probabilities: float32 [n, classes], of a model that did not learn these records.
      labels: int64 [n].

    Returns:
      float32 [n]: the largest probability of another class that is at least the mean
      probability of records labelled so; 0 where there is none, so that the share of
      positive values is the estimated share of wrong labels.
    """
    rows = np.arange(len(labels))
    classes = probabilities.shape[1]
    usual = np.full(classes, np.inf, np.float32)
    for label in np.unique(labels):
        usual[label] = probabilities[labels == label, label].mean()
    confident = np.where(probabilities >= usual, probabilities, 0)
    best = confident.argmax(axis=1)
    return np.where(best != labels, confident[rows, best], 0).astype(np.float32)
