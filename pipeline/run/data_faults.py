"""Says what is wrong with data that ExampleGen or StatisticsGen could not read.

``pipeline_run`` calls it when one of them failed; neither names a file or a record.
"""

from pathlib import Path

from components.checks import Check, GateError
from components.errors import DatasetError
from components.features import SPLITS
from components.gates import DATA
from components.image_spec import ImageSpec
from components.litter import without_litter
from pipeline.datasets.records import decode_labels, first_fault
from pipeline.datasets.shards import read_batches

_BATCH = 1024


def find_data_faults(data: Path, spec: ImageSpec) -> GateError | None:
    """Reads every record of every split.

    Args:
      data: the folder with ``train/``, ``val/`` and ``test/``.
      spec: what each record must hold.

    Returns:
      What to raise instead of Beam's traceback; None where the files can be read.
    """
    faults = (_find_fault(data / split, spec) for split in SPLITS)
    checks = [fault for fault in faults if fault]
    return GateError(checks) if checks else None


def _find_fault(split: Path, spec: ImageSpec) -> Check | None:
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
            malformed = _find_malformed(file, spec)
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
                spec.layout,
                "Correct the source and convert it again; "
                "'mnist-pipeline data verify' checks all files.",
            )
    return None


def _find_malformed(file: Path, spec: ImageSpec) -> str | None:
    """Names the first record that is not in the layout."""
    start = 0
    for records in read_batches(file, _BATCH):
        if decode_labels(records, spec) is None:
            return first_fault(records, start, spec)
        start += len(records)
    return None


def _fault(split: str, name: str, value: str, bound: str, advice: str) -> Check:
    return Check(DATA.id, name, split, value, bound, passed=False, advice=advice)
