"""Says what is wrong with data files that ExampleGen could not read."""

from pathlib import Path

from components.checks import Check, DataRejectedError
from components.errors import DatasetError
from components.features import SPLITS
from pipeline.datasets.shards import read_batches

_BATCH = 1024


def find_data_faults(data: Path) -> DataRejectedError | None:
    """Reads every record of every split, as plain bytes.

    Args:
      data: the folder with ``train/``, ``val/`` and ``test/``.

    Returns:
      What to raise instead of Beam's traceback; None where the files can be read.
    """
    checks = [fault for split in SPLITS if (fault := _find_fault(data / split))]
    return DataRejectedError(checks) if checks else None


def _find_fault(split: Path) -> Check | None:
    files = sorted(split.glob("*.tfrecord.gz"))
    if not files:
        return _fault(
            split.name,
            "missing split",
            f"no file in {split}",
            "at least one *.tfrecord.gz",
            "Add the split, or name another folder with --data; "
            "'mnist-pipeline data convert' makes all three.",
        )
    for file in files:
        try:
            for _ in read_batches(file, _BATCH):
                pass
        except DatasetError as error:
            return _fault(
                split.name,
                "unreadable file",
                str(error),
                "whole TFRecords",
                "'mnist-pipeline data verify' checks all files.",
            )
    return None


def _fault(split: str, name: str, value: str, bound: str, advice: str) -> Check:
    return Check("data", name, split, value, bound, passed=False, advice=advice)
