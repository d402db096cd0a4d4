"""Files of records, decoded and checked, for what looks at single records."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from components.errors import DatasetError
from components.image_spec import ImageSpec
from pipeline.datasets.records import decode_examples, first_fault
from pipeline.datasets.shards import read_batches

_BATCH = 1024


def read_examples(
    path: Path, spec: ImageSpec
) -> Iterator[tuple[int, list[bytes], np.ndarray, np.ndarray]]:
    """Reads a file, some records at a time.

    Args:
      path: TFRecords, gzip where the name ends in .gz.
      spec: what each record holds.

    Yields:
      The number of the first of them in the file, from 0; the records themselves;
      their images, uint8 [n, pixels], and labels, int64 [n].

    Raises:
      DatasetError: the file is damaged, or a record not in the layout.
    """
    start = 0
    for records in read_batches(path, _BATCH):
        examples = decode_examples(records, spec)
        if examples is None:
            raise DatasetError(
                f"{path}: {first_fault(records, start, spec)}. Correct the source "
                "and convert it again; 'mnist-pipeline data verify' checks all files."
            )
        yield start, records, *examples
        start += len(records)
