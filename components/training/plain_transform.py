"""Transform in whatever folder; ``pipeline.definition`` wires it.

TFX's own: hands the URIs of artifacts to Beam, which takes brackets and stars in them
for patterns, finds no file, and walks through all that lies beside them meanwhile.
Ours: TFX's executor, with links of plain names in the place of such folders.
Gains: a workspace may have any name.
Go back when every workspace has a plain name, or TFX matches no pattern against whole
paths: ``nodes.stock=["Transform"]``. The results are the same.
"""

from tfx.components import Transform
from tfx.components.transform import executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from components.plain_paths import PlainPathsExecutor


class TransformExecutor(PlainPathsExecutor, executor.Executor):
    """TFX's executor of Transform, in whatever folder."""


class PlainPathsTransform(Transform):
    """Transform with an executor for any folder."""

    EXECUTOR_SPEC = BeamExecutorSpec(TransformExecutor)
