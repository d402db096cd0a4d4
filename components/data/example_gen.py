"""ExampleGen that takes over whole files of records; ``pipeline.definition`` wires it.

TFX's own: passes every record through Beam, to shuffle them and to write files anew.
Ours: copies the files, which are in the wanted form already, and reads each copy once,
so that a damaged one is found here; the Trainer shuffles. What is wrong in the records
is for StatisticsGen to count and for DataGate to judge.
Gains: most of the time and memory of the node; folders with brackets in their names;
errors that name the file and the record.
Go back when the input is no gzip TFRecord of Examples, is to be split or shuffled here,
or lies where only Beam can read it: ``nodes.stock=["ExampleGen"]``.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import (
    EXAMPLES_KEY,
    INPUT_BASE_KEY,
    INPUT_CONFIG_KEY,
)
from tfx.utils import proto_utils

from components.errors import DatasetError
from components.examples import without_autotuning
from components.litter import without_litter

# As TFX names the files of a split.
_FILE_NAME = "data_tfrecord-{index:05d}-of-{count:05d}.gz"
_READ_BATCH = 1024


class CopyingExecutor(BaseExecutor):
    """Copies the gzip TFRecord files of each input split, in the order of their names.

    It keeps to what TFX's executor promises: splits, file names, payload and file
    format. Spans, versions and the fingerprint of the input are the driver's part.
    """

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the files and reads each copy once from start to end.

        Raises:
          DatasetError: a split has no file.
          tf.errors.DataLossError: a file is damaged; see ``pipeline.run.data_faults``,
            which names it.
        """
        config = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[INPUT_CONFIG_KEY], config)
        [examples] = output_dict[EXAMPLES_KEY]
        names = [split.name for split in config.splits]
        examples.split_names = artifact_utils.encode_split_names(names)
        copies: list[str] = []
        for split in config.splits:
            copies += _copy_split(
                Path(exec_properties[INPUT_BASE_KEY]),
                split.pattern,
                Path(artifact_utils.get_split_uri([examples], split.name)),
            )
        _read_through(copies)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, "tfrecords_gzip")


class CopyingExampleGen(FileBasedExampleGen):
    """ExampleGen with an executor that copies files, and needs no Beam."""

    def __init__(self, input_base: str, input_config: example_gen_pb2.Input) -> None:
        """Constructs the node.

        Args:
          input_base: holds the files.
          input_config: names the splits and the files of each.
        """
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            custom_executor_spec=ExecutorClassSpec(CopyingExecutor),
        )


def _copy_split(base: Path, pattern: str, target: Path) -> list[str]:
    files = without_litter(base.glob(pattern))
    if not files:
        raise DatasetError(
            f"Expected at least one file {base / pattern}. Received: none. "
            "'mnist-pipeline data convert' makes them."
        )
    target.mkdir(parents=True, exist_ok=True)
    copies = []
    for index, file in enumerate(files):
        copy = target / _FILE_NAME.format(index=index, count=len(files))
        shutil.copyfile(file, copy)
        copies.append(str(copy))
    return copies


def _read_through(files: Sequence[str]) -> None:
    """Reads every record, and so compares each with its checksum.

    Two files at a time, in batches: single records would take several times as long.
    """
    batches = tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, "GZIP").batch(_READ_BATCH),
        cycle_length=2,
        num_parallel_calls=2,
        deterministic=False,
    )
    for _ in without_autotuning(batches):
        pass
