"""Whether a model is as often right as it is sure."""

import attrs
import numpy as np

BINS = 15


@attrs.frozen(eq=False)
class Calibration:
    """Predictions by confidence, in equal bins of [0, 1].

    Attributes:
      counts: predictions in each bin, int64 [bins].
      confidence: their mean confidence, float64 [bins]; NaN where there is none.
      accuracy: the share of them that is right, float64 [bins]; NaN likewise.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, in [0, 1].

        Mean distance of accuracy from confidence, each bin weighted by its
        predictions: C. Guo et al., "On Calibration of Modern Neural Networks",
        ICML 2017, equation 3.
        """
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(gaps @ self.counts / self.counts.sum())

    @property
    def bias(self) -> float:
        """Mean confidence minus accuracy: above 0 the model is overconfident."""
        gaps = np.nan_to_num(self.confidence - self.accuracy)
        return float(gaps @ self.counts / self.counts.sum())


def calibrate(
    confidence: np.ndarray, correct: np.ndarray, bins: int = BINS
) -> Calibration:
    """Sorts predictions into bins ((m-1)/bins, m/bins], as the paper does.

    Args:
      confidence: probability of the predicted class, float [n], n ≥ 1.
      correct: whether it is the right one, bool [n].
      bins: how many.
    """
    confidence = confidence.astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Calibration(
            counts,
            np.bincount(index, confidence, minlength=bins) / counts,
            np.bincount(index, correct, minlength=bins) / counts,
        )
