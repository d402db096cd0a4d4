"""The checks of ServingCheck, made from a name, and what to do when one fails."""

import math
from collections.abc import Mapping
from typing import Any

from components.checks import Check, Direction, Policy
from components.features import CLASS_ID, PROBABILITIES, STATE
from components.gates import SERVING

_SIGNATURES = "components/serving/signatures.py"
_ADVICE = {
    "answers in time": "Value and bound are seconds. Call that signature by hand to "
    "see why it does not return, or raise serving_check.timeout if this machine is "
    "slow or was busy: with the same timeout this answer is cached.",
    "does not crash": "The node's log holds all that the process wrote. A killed "
    "process often means too little memory.",
    "operations that servers lack": "A server has neither Python nor operations that "
    "TensorFlow does not bring along. Write that part with TensorFlow's own, in place "
    "of tf.py_function, tf.numpy_function and custom ones.",
    "reads from outside": "A server has the export alone. Keep the file in it with "
    "tf.saved_model.Asset, as an attribute of the exported tf.Module, or its content "
    "in a tf.constant.",
    "writes files": "Servers load models from folders that they may not write to, "
    "several at once. Remove what writes when the model is called.",
    "kept for later requests": "Answers would depend on the requests before. Take the "
    "variable, table or queue that a signature changes out of the export; else set "
    "serving_check.stateful to warn.",
    "time or chance": "Answers would change by themselves. Take what draws or reads "
    "the clock out of the export; call the network with training=False; else set "
    "serving_check.stateful to warn.",
    "wrong rows of unreadable pictures": "One bad picture must fail alone: it gets the "
    "class -1, and the others keep their answers and places. See predict_image of "
    f"{_SIGNATURES}.",
    "other answers to": "The same pictures, larger and in colour, got other classes. "
    "See how components/pictures prepares them, and what the export does instead; else "
    "raise serving_check.max_other_answers.",
    "refuses": "A request that lacks the image must fail, not be answered. Parse "
    f"examples with FixedLenFeature without a default, in {_SIGNATURES}.",
    "loads": "Load the export with tf.saved_model.load to see the whole error. "
    f"{_SIGNATURES} writes it.",
    "has the signature": "Clients call it by this name. Name it in export_model of "
    f"{_SIGNATURES}.",
    "takes the input": "Clients send this name, dtype and shape. Give the signature "
    f"that input_signature in {_SIGNATURES}.",
    "answers": "Clients read these outputs. Make the signature return them in "
    f"{_SIGNATURES}, for any number of images.",
    "values not finite": "Weights or inputs hold NaN or infinity. See the "
    "Trainer's loss in TensorBoard and lower train.learning_rate.",
    "values not finite on": "Nothing may be divided by what an image "
    "without contrast has none of. Look at where the export normalizes its input, "
    "in the transform graph and the network.",
    "values outside [0, 1]": f"Return softmax, not logits, in {_SIGNATURES}.",
    "distance of sums from 1": f"Return softmax over the classes in {_SIGNATURES}.",
    "class_id not the arg max": "Take class_id from the same probabilities that "
    f"the signature returns, in {_SIGNATURES}.",
    "difference from the Trainer": "The export does not compute what was trained. "
    f"Compare the preprocessing of {_SIGNATURES} with that of "
    "components/training/trainer.py, and the order of the classes.",
    "difference between calls": "The same image got other probabilities when it was "
    "sent again. Call the network with training=False, and keep random numbers and "
    "variables that calls change out of the export; else raise "
    "serving_check.max_variation.",
    "difference between processes": "Two processes that loaded the same export gave "
    "the same images other probabilities. Look for what is drawn or counted when it "
    "is loaded; else raise serving_check.max_variation.",
    "difference between batches": "The probabilities of an image depend on the images "
    "that it is sent with. Call the network with training=False, which normalizes "
    "with stored statistics; else raise serving_check.max_variation.",
    "memory growth in MB": "Value and bound are of 1,000 calls: a server would run out "
    "of memory. Look for tables, lists and variables that calls add to; else raise "
    "serving_check.max_memory_growth.",
    "first call in s": "The first client of a new server would wait so long. Compute "
    "what never changes before the export, or raise serving_check.max_first_call.",
    "latency in ms": "Profile the signature, train a smaller model, or raise "
    "serving_check.max_latency.",
    "size in MB": "Train a smaller model (model.hidden_units), look for what else "
    "the export holds, or raise serving_check.max_size.",
}


def at_most(name: str, part: str, value: float | None, bound: float) -> Check:
    """Makes a check of a number, which fails where it is none or not finite.

    Args:
      name: of the check.
      part: of the export, a signature mostly.
      value: what was seen.
      bound: the largest value allowed.
    """
    if value is None or not math.isfinite(value):
        return make(name, part, None, bound, False, "at most")
    return make(name, part, value, bound, value <= bound, "at most")


def graded(
    name: str, part: str, value: float | None, warn: float, most: float
) -> Check:
    """Makes a check as ``at_most`` does, which shows smaller values but lets them pass.

    Args:
      name: of the check.
      part: of the export, a signature mostly.
      value: what was seen.
      warn: the value above which is warned.
      most: the largest value allowed.
    """
    strict = at_most(name, part, value, most)
    if not strict.passed or value is None or value <= warn:
        return strict
    return make(name, part, value, warn, False, "at most", policy="warn")


def equal(name: str, part: str, value: str, bound: str) -> Check:
    """Makes a check of words that must be those of the bound."""
    return make(name, part, value, bound, value == bound)


def make(
    name: str,
    part: str,
    value: float | str | None,
    bound: float | str,
    passed: bool,
    direction: Direction = "",
    cause: str = "",
    policy: Policy = "error",
) -> Check:
    """Makes a check of the serving gate, with its advice where it failed.

    Args:
      name: of the check; its advice is that of the longest name that it begins with.
      part: of the export, a signature mostly.
      value: what was seen.
      bound: what is allowed.
      passed: whether the value keeps to the bound.
      direction: see ``Check``.
      cause: said before the advice.
      policy: see ``Check``.
    """
    kind = max((known for known in _ADVICE if name.startswith(known)), key=len)
    advice = "" if passed else f"{cause} {_ADVICE[kind]}".lstrip()
    return Check(
        SERVING.id,
        name,
        part,
        value,
        bound,
        passed,
        policy=policy,
        advice=advice,
        direction=direction,
    )


def describe_outputs(tensors: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns ``name dtype [shape]`` of each, in the order of their names."""
    return (
        ", ".join(
            f"{name} {tensor['dtype']} {_shape(tensor['shape'])}"
            for name, tensor in sorted(tensors.items())
        )
        or "nothing"
    )


def _shape(shape: list[int | None] | None) -> str:
    if shape is None:
        return "of any rank"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def answer_check(
    name: str,
    part: str,
    outputs: Mapping[str, Any] | None,
    error: str,
    count: int,
    classes: int,
) -> Check:
    """Makes the check that a signature returned what clients read.

    Args:
      name: of the check.
      part: the signature.
      outputs: dtype and shape by name; None where the call failed.
      error: that it failed with.
      count: of images that were sent.
      classes: that the model tells apart.
    """
    wanted = {
        CLASS_ID: {"dtype": "int64", "shape": [count]},
        PROBABILITIES: {"dtype": "float32", "shape": [count, classes]},
    }
    if part == "predict_image":
        wanted[STATE] = {"dtype": "string", "shape": [count]}
    seen = outputs or {}
    passed = all(
        key in seen and describe_outputs({key: seen[key]}) == describe_outputs({key: o})
        for key, o in wanted.items()
    )
    value = error if outputs is None else describe_outputs(outputs)
    return make(name, part, value, describe_outputs(wanted), passed)
