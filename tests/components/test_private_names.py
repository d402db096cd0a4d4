"""Names that TFX, TFDV and TFMA do not promise and we use: none may be gone."""

import ast

import pyarrow as pa
import pytest
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.generators.basic_stats_generator import (
    BasicStatsGenerator,
)
from tensorflow_data_validation.statistics.stats_impl import get_generators
from tensorflow_model_analysis.utils.model_util import DoFnWithModels
from tfx.components.pusher.executor import Executor

from components.checkout import PROJECT_ROOT
from components.data.statistics_gen import BatchingExecutor
from components.publishing.driver import Driver


def generator() -> BasicStatsGenerator:
    """What ``components.data.statistics_gen`` hands another sketch to."""
    [found] = [
        one
        for one in get_generators(tfdv.StatsOptions(), in_memory=True)
        if isinstance(one, BasicStatsGenerator)
    ]
    return found


# Name → who has it.
PRIVATE = {
    "_make_quantiles_sketch_fn": generator,
    "_make_beam_pipeline": BatchingExecutor,
    "_log_startup": Executor,
    "_context": Executor,
    "_mlmd_connection": lambda: Driver(None),
    "_MarkPushed": Executor,
    "_MarkNotPushed": Executor,
    "_loaded_models": lambda: DoFnWithModels({}),
}
# Python's own, of named tuples.
PUBLIC = {"_asdict", "_replace", "_fields"}


def foreign_names() -> set[str]:
    """Returns the private names in our components that none of them defines."""
    used, own = set(), set()
    for file in PROJECT_ROOT.joinpath("components").rglob("*.py"):
        defined = set()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                is_own = isinstance(node.ctx, ast.Store) and _is_self(node.value)
                (defined if is_own else used).add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined.add(node.id)
            elif isinstance(node, ast.ImportFrom):
                used |= {alias.name for alias in node.names}
        own |= defined
    private = {name for name in used if name[0] == "_" and name[:2] != "__"}
    return private - own - PUBLIC


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def test_each_private_name_of_others_is_known_here() -> None:
    assert foreign_names() == set(PRIVATE)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_name_is_still_there(name: str) -> None:
    assert hasattr(PRIVATE[name](), name)


def test_the_sketch_of_the_generator_is_the_one_that_it_counts_with() -> None:
    def refuse() -> None:
        raise LookupError("asked for a sketch")

    one, batch = generator(), pa.RecordBatch.from_pydict({"label": [[1], [2]]})
    one._make_quantiles_sketch_fn = refuse
    with pytest.raises(LookupError, match="asked for a sketch"):
        one.add_input(one.create_accumulator(), batch)
