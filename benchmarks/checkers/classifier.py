"""The quick classifier whose answers the other checkers are given."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

_DIRECTIONS = 32
_FOLDS = 5


def features(images: np.ndarray) -> np.ndarray:
    """Returns the places of images uint8 [n, h, w] along their main directions."""
    return PCA(_DIRECTIONS, random_state=0).fit_transform(_flat(images))


def out_of_fold(places: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Predicts each record by what was fitted on the other folds.

    Args:
      places: float32 [n, k].
      labels: int64 [n].

    Returns:
      Probabilities float64 [n, classes that occur].
    """
    return cross_val_predict(
        _neighbours(), places, labels, method="predict_proba", cv=_FOLDS
    )


def fit(images: np.ndarray, labels: np.ndarray) -> Pipeline:
    """Fits on images uint8 [n, h, w] with labels int64 [n]."""
    model = make_pipeline(PCA(_DIRECTIONS, random_state=0), _neighbours())
    return model.fit(_flat(images), labels)


def predict(model: Pipeline, images: np.ndarray) -> np.ndarray:
    """Returns probabilities float64 [n, classes] of images uint8 [n, h, w]."""
    return model.predict_proba(_flat(images))


def _neighbours() -> KNeighborsClassifier:
    return KNeighborsClassifier(20, weights="distance")


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255
