"""How the Evaluator gets from records to what its metrics count.

TFMA's own extractors: take a batch apart into examples, decode features that no metric
looks at, and call the model in a way that TensorFlow first refuses.
Ours: call the model once a batch; an element is all examples of one class in it, so
that what is sliced by the label stays together.
Gains: most of the time of the node that is not the model's.
Go back when another feature than the label is sliced by, or when metrics of TFMA or
Keras are added, which take single examples: ``nodes.stock=["Evaluator"]``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import types
from tensorflow_model_analysis.extractors.extractor import Extractor
from tensorflow_model_analysis.extractors.slice_key_extractor import SliceKeyExtractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util
from tensorflow_model_analysis.utils.model_util import DoFnWithModels

from components.features import LABEL


def custom_extractors(
    eval_shared_model: types.MaybeMultipleEvalSharedModels,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: Any,
) -> list[Extractor]:
    """Returns the extractors; the Evaluator looks for a function of this name.

    Args:
      eval_shared_model: the candidate, or it and the baseline.
      eval_config: names their signatures, and what to slice by.
      tensor_adapter_config: not needed, since no feature is decoded but the label.
    """
    del tensor_adapter_config
    models = model_util.verify_and_update_eval_shared_models(eval_shared_model)
    return [
        Extractor(
            "PredictionsByLabel", beam.ParDo(PredictionsByLabel(models, eval_config))
        ),
        SliceKeyExtractor(eval_config=eval_config, materialize=False),
    ]


class PredictionsByLabel(DoFnWithModels):
    """A batch of records → what each model predicts, for each class of the batch.

    An element has the class among its features, int64 [1], for TFMA to slice by;
    labels, int64 [n]; and predictions, float32 [n, classes] by the name of the model.
    """

    def __init__(
        self,
        models: Sequence[types.EvalSharedModel],
        eval_config: config_pb2.EvalConfig,
    ) -> None:
        """Initializes the transform.

        Args:
          models: with distinct names; the name of a single one is empty.
          eval_config: names their signatures and the outputs to compare.
        """
        super().__init__({model.model_name: model.model_loader for model in models})
        specs = list(eval_config.model_specs)
        self._specs = {spec.name if len(specs) > 1 else "": spec for spec in specs}

    def process(self, element: types.Extracts) -> Iterator[types.Extracts]:
        """Calls the models, once each.

        Raises:
          KeyError: no record has a label, or a model no such output.
          ValueError: a record has not exactly one label, or a model no such signature.
        """
        batch = element[tfma.ARROW_RECORD_BATCH_KEY]
        labels = _single_values(batch, LABEL).astype(np.int64)
        records = tf.constant(_single_values(batch, tfma.constants.ARROW_INPUT_COLUMN))
        answers = {
            name: _call(self._loaded_models[name], spec, records)
            for name, spec in self._specs.items()
        }
        for label in np.unique(labels):
            rows = labels == label
            yield {
                tfma.FEATURES_KEY: {LABEL: label[None]},
                tfma.LABELS_KEY: labels[rows],
                tfma.PREDICTIONS_KEY: {
                    name: answer[rows] for name, answer in answers.items()
                },
            }


def _single_values(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """Returns the values [n] of a feature of which each of n records has one.

    Raises:
      KeyError: no record has it.
      ValueError: some records have none or several.
    """
    column = batch.column(name)
    single = pc.fill_null(pc.equal(pc.list_value_length(column), 1), False)
    if not pc.all(single, min_count=0).as_py():
        raise ValueError(f"Expected one {name} in each record. Received: {column}")
    return np.asarray(column.flatten())


def _call(model: Any, spec: config_pb2.ModelSpec, records: tf.Tensor) -> np.ndarray:
    """Returns the probabilities float32 [n, classes] of n serialized Examples."""
    signature = model_util.get_callable(model, spec.signature_name)
    # By its name: by position TensorFlow first refuses, with the whole batch printed.
    [name] = signature.structured_input_signature[1]
    return signature(**{name: records})[spec.prediction_key].numpy()
