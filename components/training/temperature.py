"""One temperature for a trained network's logits, so that it is as often right as sure.

The Trainer fits it on the validation split and exports the network with it: C. Guo et
al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.
"""

import logging

import attrs
import keras
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

LEAST, MOST = 0.1, 10.0
# Fewer examples say next to nothing of how sure to be.
LEAST_EXAMPLES = 50
_log = logging.getLogger(__name__)


@attrs.frozen
class Temperature:
    """What logits are divided by before the softmax.

    Attributes:
      value: in ``LEAST``..``MOST``; above 1 makes predictions less sure.
      examples: of the validation split that it was fitted to.
      loss_before: their mean cross-entropy at 1, in nats; None where it was not fitted.
      loss: the same at ``value``.
      held_out: whether the network was not trained on them.
      note: why it was not fitted, or ended at a bound; else empty.
    """

    value: float
    examples: int
    loss_before: float | None
    loss: float | None
    held_out: bool
    note: str = ""


def fit_temperature(
    logits: np.ndarray, labels: np.ndarray, held_out: bool = True
) -> Temperature:
    """Finds the temperature of the least cross-entropy.

    The labels are smoothed as if one more example were wrong, as in Platt 1999,
    "Probabilistic outputs for support vector machines", section 2.2: where all of a
    small split are right, the best temperature would otherwise be 0.

    Args:
      logits: float32 [n, classes].
      labels: int64 [n].
      held_out: whether the network was not trained on these.

    Returns:
      The temperature; 1 where there are too few examples or logits are not finite.
    """
    count = len(labels)
    if count < LEAST_EXAMPLES or not np.isfinite(logits).all():
        why = (
            f"{count} validation examples are fewer than {LEAST_EXAMPLES}"
            if count < LEAST_EXAMPLES
            else "the network's logits are not finite"
        )
        _log.warning("temperature 1, not fitted: %s", why)
        return Temperature(1.0, count, None, None, held_out, f"not fitted: {why}")
    targets = _smoothed(labels, logits.shape[1])
    # In its logarithm, of which halving and doubling are equally far.
    found = minimize_scalar(
        lambda power: _cross_entropy(logits / np.exp(power), targets),
        bounds=(np.log(LEAST), np.log(MOST)),
        method="bounded",
    )
    value = float(np.exp(found.x))
    at_bound = min(value / LEAST, MOST / value) < 1.001
    note = f"at a bound of {LEAST:g} to {MOST:g}" if at_bound else ""
    exact = np.eye(logits.shape[1])[labels]
    before, after = (
        float(_cross_entropy(logits / scale, exact)) for scale in (1.0, value)
    )
    _log.info(
        "temperature %.3f, fitted to %d validation examples: loss %.4f, before %.4f%s",
        value,
        count,
        after,
        before,
        note and f", {note}",
    )
    return Temperature(value, count, before, after, held_out, note)


def _smoothed(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns targets [n, classes] that share one wrong example among all."""
    wrong = 1 / (len(labels) + 2)
    others = 1 - np.eye(classes)[labels]
    return (1 - wrong) * (1 - others) + others * wrong / (classes - 1)


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    return (logsumexp(logits, axis=1) - (logits * targets).sum(axis=1)).mean()


def scaled(model: keras.Model, temperature: float) -> keras.Model:
    """Returns the network with its logits divided; its weights are the same ones."""
    logits = model.output / temperature
    return keras.Model(model.input, logits, name=f"{model.name}_scaled")
