"""What a run is given, looked at before TensorFlow is loaded."""

from pathlib import Path

from components.classes import read_class_names
from components.errors import UsageError
from components.features import SPLITS
from components.image_spec import ImageSpec, read_image_spec
from pipeline.config import Config

_RECORDS = "*.tfrecord.gz"


def check_inputs(config: Config) -> ImageSpec:
    """Refuses, before TensorFlow is loaded, data or a schema that is not there.

    Returns:
      The size of the images and the number of classes.

    Raises:
      UsageError: the data is no folder, or the schema none that will do.
      DatasetError: the class names beside the data will not do.
    """
    if not config.data.is_dir():
        raise UsageError(
            f"Expected --data to name a folder. Received: {config.data}, which is none."
        )
    if not config.schema.is_file():
        raise UsageError(
            f"Expected a schema file. Received: {config.schema}, which is no file. "
            f"Name another one with --schema."
        )
    spec = read_image_spec(config.schema)
    read_class_names(config.data, spec.classes)
    return spec


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
