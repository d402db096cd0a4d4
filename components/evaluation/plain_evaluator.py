"""The Evaluator in whatever folder; ``pipeline.definition`` wires it.

TFX's own: hands the URIs of artifacts to Beam, which takes brackets and stars in them
for patterns, and finds no example by them.
Ours: TFX's executor, with links of plain names in the place of such folders. What it
measures is in ``extractors`` and ``metrics``.
Gains: a workspace may have any name.
Go back when every workspace has a plain name, or TFX matches no pattern against whole
paths: ``nodes.stock=["Evaluator"]``, which goes back to TFMA's own extractors and
metrics as well.
"""

from tfx.components import Evaluator
from tfx.components.evaluator import executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from components.plain_paths import PlainPathsExecutor


class EvaluatorExecutor(PlainPathsExecutor, executor.Executor):
    """TFX's executor of the Evaluator, in whatever folder."""


class PlainPathsEvaluator(Evaluator):
    """Evaluator with an executor for any folder."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)
