"""What a run is given, looked at before TensorFlow is loaded."""

from pathlib import Path

from components.classes import read_class_names
from components.errors import UsageError
from components.features import IMAGE, LABEL, SPLITS
from pipeline.config import Config
from pipeline.datasets.schema import read_schema

_RECORDS = "*.tfrecord.gz"


def check_inputs(config: Config) -> None:
    """Refuses, before TensorFlow is loaded, data or a schema that is not there.

    Raises:
      UsageError: the data is no folder, or the schema none.
      DatasetError: the class names beside the data will not do.
    """
    if not config.data.is_dir():
        raise UsageError(
            f"Expected --data to name a folder. Received: {config.data}, which is none."
        )
    read_class_names(config.data)
    if not config.schema.is_file():
        raise UsageError(
            f"Expected a schema file. Received: {config.schema}, which is no file. "
            f"Name another one with --schema."
        )
    _require_features(config.schema)


def require_records(data: Path) -> None:
    """Refuses a folder of something else; where one split is missing, DataGate says.

    Raises:
      UsageError: no split of it holds records.
    """
    if not any(file for split in SPLITS for file in (data / split).glob(_RECORDS)):
        raise UsageError(
            f"Expected --data to hold {', '.join(SPLITS)}, each with {_RECORDS} in it. "
            f"Received: {data}, which holds none. 'mnist-pipeline data convert' makes "
            "them."
        )


def _require_features(file: Path) -> None:
    names = [feature.name for feature in read_schema(file).feature]
    if not {IMAGE, LABEL} <= set(names):
        raise UsageError(
            f"Expected {file} to describe the features {IMAGE} and {LABEL}. Received: "
            f"{', '.join(names) or 'a schema of no feature'}. Name another one with "
            "--schema."
        )
