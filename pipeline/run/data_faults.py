"""Says what is wrong with data that ExampleGen or StatisticsGen could not read.

``execution`` calls it when one of them failed; neither names a file or a record.
"""

from pathlib import Path

from components.checks import Check, DataRejectedError
from components.errors import DatasetError
from components.features import MAX_PIXEL, NUM_CLASSES, PIXELS, SPLITS
from components.litter import without_litter
from pipeline.datasets.records import decode_labels, first_fault
from pipeline.datasets.shards import read_batches

_BATCH = 1024
_LAYOUT = (
    f"{PIXELS} pixels in 0..{MAX_PIXEL} and one label in 0..{NUM_CLASSES - 1}, "
    "all int64"
)


def find_data_faults(data: Path) -> DataRejectedError | None:
    """Reads every record of every split.

    Args:
      data: the folder with ``train/``, ``val/`` and ``test/``.

    Returns:
      What to raise instead of Beam's traceback; None where the files can be read.
    """
    checks = [fault for split in SPLITS if (fault := _find_fault(data / split))]
    return DataRejectedError(checks) if checks else None


def _find_fault(split: Path) -> Check | None:
    files = without_litter(split.glob("*.tfrecord.gz"))
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
            malformed = _find_malformed(file)
        except DatasetError as error:
            return _fault(
                split.name,
                "unreadable file",
                str(error).rstrip("."),
                "whole TFRecords",
                "'mnist-pipeline data verify' checks all files.",
            )
        if malformed is not None:
            return _fault(
                split.name,
                "malformed record",
                f"{file}: {malformed}",
                _LAYOUT,
                "Correct the source and convert it again; "
                "'mnist-pipeline data verify' checks all files.",
            )
    return None


def _find_malformed(file: Path) -> str | None:
    """Names the first record that is not in the layout."""
    start = 0
    for records in read_batches(file, _BATCH):
        if decode_labels(records) is None:
            return first_fault(records, start)
        start += len(records)
    return None


def _fault(split: str, name: str, value: str, bound: str, advice: str) -> Check:
    return Check("data", name, split, value, bound, passed=False, advice=advice)
