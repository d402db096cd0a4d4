"""Estimates which labels are wrong, from the records alone.

Confident learning (C. Northcutt, L. Jiang and I. Chuang, "Confident Learning:
Estimating Uncertainty in Dataset Labels", JAIR 70, 2021) on predictions that a quick
classifier made of records it was not fitted on: ridge regression on random Fourier
features (A. Rahimi and B. Recht, 2007) of the main directions of the pixels.
"""

import numpy as np

from components.features import MAX_PIXEL

_DIRECTIONS = 40
_FEATURES = 768
_FOLDS = 3
_RIDGE = 1e-3
# The kernel's squared width, as a share of the median squared distance.
_WIDTH = 0.35
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
    features = _random_features(images, rng)
    width = features.shape[1]
    targets = np.eye(classes, dtype=np.float32)[labels] - 1 / classes
    fold = rng.permutation(len(labels)) % _FOLDS
    grams = [features[fold == k].T @ features[fold == k] for k in range(_FOLDS)]
    products = [features[fold == k].T @ targets[fold == k] for k in range(_FOLDS)]
    scores = np.empty((len(labels), classes), np.float32)
    for k in range(_FOLDS):
        ridge = _RIDGE * (fold != k).sum() / width * np.eye(width, dtype=np.float32)
        gram, product = sum(grams) - grams[k], sum(products) - products[k]
        scores[fold == k] = features[fold == k] @ np.linalg.solve(gram + ridge, product)
    return _probabilities(scores, labels)


def _random_features(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    flat = images.reshape(len(images), -1).astype(np.float32) / MAX_PIXEL
    centred = flat - flat.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    places = centred @ vectors[:, ::-1][:, :_DIRECTIONS]
    one, other = places[rng.integers(0, len(places), (2, 4000))]
    width = _WIDTH * np.median(np.square(one - other).sum(axis=1))
    # Fewer features than a third of the records: ridge regression is at its worst
    # where there are as many of both.
    count = max(min(_FEATURES, len(images) // (2 * _FOLDS)), 8)
    shape = places.shape[1], count
    directions = rng.normal(size=shape).astype(np.float32) / np.sqrt(max(width, 1e-6))
    phases = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
    return np.cos(places @ directions + phases) * np.float32(np.sqrt(2 / count))


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


def single_pixel_accuracy(
    images: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[float, int]:
    """How well one single pixel tells the label, the best of all.

    Args:
      images: uint8 [n, h, w].
      labels: int64 [n].
      classes: how many there are.

    Returns:
      The share of labels told right beyond those of the largest class, of all the
      rest, in 0..1, and the index of the pixel in row-major order.
    """
    flat = images.reshape(len(images), -1)
    levels = 16
    place = np.arange(flat.shape[1]) * levels * classes
    cell = (
        (flat // (256 // levels)).astype(np.int64) * classes + labels[:, None] + place
    )
    counts = np.bincount(cell.ravel(), minlength=flat.shape[1] * levels * classes)
    right = counts.reshape(flat.shape[1], levels, classes).max(axis=2).sum(axis=1)
    share = right / len(labels)
    largest = np.bincount(labels).max() / len(labels)
    best = int(share.argmax())
    return float((share[best] - largest) / max(1 - largest, 1e-9)), best
