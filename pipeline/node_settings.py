"""Which nodes run as TFX has them; part of the configuration."""

from typing import Literal

from pydantic.dataclasses import dataclass

from components.hyperparameters import STRICT

StockNode = Literal["ExampleGen", "StatisticsGen", "Transform", "Evaluator"]


@dataclass(frozen=True, config=STRICT)
class NodeSettings:
    """How nodes of TFX are run for which this project has executors of its own.

    Attributes:
      stock: nodes that run with TFX's own executor, metrics and extractors
    """

    stock: tuple[StockNode, ...] = ()
