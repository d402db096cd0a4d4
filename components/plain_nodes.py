"""Transform and Evaluator in folders whose names hold brackets or stars.

Both hand paths of artifacts to Beam, which takes them for patterns, finds no file by
them, and while it looks walks through all that is beside them.
"""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

from tfx.components import Evaluator, Transform
from tfx.components.evaluator import executor as evaluator_executor
from tfx.components.transform import executor as transform_executor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import Artifact

from components.plain_paths import plain_path

ArtifactsByKey = dict[str, list[Artifact]]


@contextlib.contextmanager
def plain_uris(*tables: ArtifactsByKey) -> Iterator[None]:
    """Within it, no URI of these artifacts can be taken for a pattern."""
    with contextlib.ExitStack() as stack:
        lists = itertools.chain(*(table.values() for table in tables))
        for artifact in itertools.chain(*lists):
            # Put back when the link is gone.
            stack.callback(setattr, artifact, "uri", artifact.uri)
            artifact.uri = stack.enter_context(plain_path(artifact.uri))
        yield


class _PlainPaths:
    """Mixed into an executor: it works in whatever folder."""

    def Do(  # noqa: N802
        self,
        input_dict: ArtifactsByKey,
        output_dict: ArtifactsByKey,
        exec_properties: dict[str, Any],
    ) -> None:
        """Does what the executor does."""
        with plain_uris(input_dict, output_dict):
            super().Do(input_dict, output_dict, exec_properties)  # type: ignore[misc]


class TransformExecutor(_PlainPaths, transform_executor.Executor):
    """TFX's executor of Transform, in whatever folder."""


class EvaluatorExecutor(_PlainPaths, evaluator_executor.Executor):
    """TFX's executor of the Evaluator, in whatever folder."""


class PlainPathsTransform(Transform):
    """Transform with an executor for any folder."""

    EXECUTOR_SPEC = BeamExecutorSpec(TransformExecutor)


class PlainPathsEvaluator(Evaluator):
    """Evaluator with an executor for any folder."""

    EXECUTOR_SPEC = BeamExecutorSpec(EvaluatorExecutor)
