"""The data on the page: balance, pixels, samples, anomalies, drift."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from markupsafe import Markup
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.classes import describe_class
from components.data.audit_files import Measured, read_audit
from components.data.counts import (
    DataStatistics,
    SplitStatistics,
    read_statistics,
)
from components.examples import read_examples
from components.features import MAX_PIXEL, SPLITS, TRAIN
from components.gates import DATA
from pipeline.reporting import plots, thumbnails
from pipeline.reporting.sources import Sources, UnavailableError

SAMPLES = 10
_PIXEL_BINS = 16
# Enough to meet each class, unless the records are sorted.
_FIRST_RECORDS = 2000
# As ExampleValidator names it.
_ANOMALIES_FILE = "SchemaDiff.pb"


@attrs.frozen(eq=False)
class Distributions:
    """How labels and pixels are distributed.

    Attributes:
      splits: with examples, in order.
      rows: of each class its name and, for each split, count and share.
      balance: plot of the classes' shares.
      pixels: plot of the pixels' values.
    """

    splits: list[str]
    rows: list[tuple[str, list[tuple[int, float]]]]
    balance: Markup
    pixels: Markup


@attrs.frozen
class Sample:
    """A few images of one class.

    Attributes:
      name: of the class.
      count: how many images.
      strip: data URI; empty where there are none.
    """

    name: str
    count: int
    strip: str


@attrs.frozen
class Suspects:
    """Records that a failed check speaks of, the worst of them.

    Attributes:
      check: position in the summary's ``checks``.
      count: how many there are.
      sheet: data URI of an image of the worst.
    """

    check: int
    count: int
    sheet: str


@attrs.frozen
class Anomaly:
    """A deviation from the schema.

    Attributes:
      split: where.
      feature: of what.
      severity: ``error``, ``warning`` or ``unknown``.
      description: what is wrong.
    """

    split: str
    feature: str
    severity: str
    description: str


def distributions(sources: Sources) -> Distributions:
    """Returns the distributions of labels and pixels, with their plots."""
    found = _statistics(sources)
    splits = {name: found.split(name) for name in SPLITS if found.split(name).examples}
    if not splits:
        raise UnavailableError("Nothing to show: no split holds an example.")
    names = ", ".join(splits)
    return Distributions(
        splits=list(splits),
        rows=[
            (
                describe_class(label, sources.classes),
                [
                    (split.labels[label], float(split.label_shares[label]))
                    for split in splits.values()
                ],
            )
            for label in range(len(sources.classes))
        ],
        balance=plots.class_balance(
            {name: split.label_shares for name, split in splits.items()},
            sources.classes,
            f"Share of each class in {names}; the table has the numbers",
        ),
        pixels=plots.pixel_histogram(
            {name: binned_pixels(split) for name, split in splits.items()},
            np.linspace(0, MAX_PIXEL + 1, _PIXEL_BINS + 1),
            f"Share of pixels by value, in steps of {(MAX_PIXEL + 1) // _PIXEL_BINS}, "
            f"in {names}",
        ),
    )


def binned_pixels(split: SplitStatistics) -> np.ndarray:
    """Returns the share of pixels in each of 16 equal bins of values, float64 [16]."""
    return split.pixel_shares.reshape(_PIXEL_BINS, -1).sum(axis=1)


def _statistics(sources: Sources) -> DataStatistics:
    """What DataGate judged, or was given where it refused and so kept nothing."""
    if sources.lineage.output(DATA.node, DATA.output):
        return read_statistics(sources.folder(DATA.node, DATA.output))
    _require_layout(sources)
    try:
        return read_statistics(sources.folder("StatisticsGen", "statistics"))
    except FileNotFoundError:
        raise UnavailableError(
            "Nothing to show: StatisticsGen counted nothing for DataGate in this run."
        ) from None


def _require_layout(sources: Sources) -> None:
    """Raises UnavailableError unless each example is an image and a label."""
    if not sources.summary["data"]:
        raise UnavailableError("Nothing to show: the records could not be counted.")
    for check in sources.summary["checks"]:
        deviates = check["name"].startswith(("anomaly", "malformed"))
        if deviates and not check["passed"]:
            raise UnavailableError(
                f"Not shown: records of {check['slice']} deviate from the schema."
            )


def samples(sources: Sources) -> list[Sample]:
    """Returns the first training images of each class."""
    _require_layout(sources)
    examples, spec = sources.folder("ExampleGen", "examples"), sources.spec
    for limit in (_FIRST_RECORDS, 0):
        pattern = f"{examples}/Split-{TRAIN}/*"
        images, labels = read_examples(spec, [pattern], limit=limit)
        if len(np.unique(labels)) == spec.classes:
            break
    images = images.reshape(-1, *spec.size)
    found = [images[labels == label][:SAMPLES] for label in range(spec.classes)]
    return [
        Sample(
            describe_class(label, sources.classes),
            len(some),
            thumbnails.strip(some) if len(some) else "",
        )
        for label, some in enumerate(found)
    ]


def anomalies(sources: Sources) -> list[Anomaly]:
    """Returns what ExampleValidator found, of every severity."""
    folder = sources.folder("ExampleValidator", "anomalies")
    return [
        found
        for split in SPLITS
        if (file := folder / f"Split-{split}" / _ANOMALIES_FILE).is_file()
        for found in read_anomalies(split, file.read_bytes())
    ]


def read_anomalies(split: str, content: bytes) -> list[Anomaly]:
    """Reads a serialized ``Anomalies`` message of a split."""
    message = anomalies_pb2.Anomalies.FromString(content)
    infos = sorted(message.anomaly_info.items())
    if message.HasField("dataset_anomaly_info"):
        infos.append(("all features", message.dataset_anomaly_info))
    severity = anomalies_pb2.AnomalyInfo.Severity
    return [
        Anomaly(split, name, severity.Name(info.severity).lower(), info.description)
        for name, info in infos
    ]


def suspects(sources: Sources) -> list[Suspects]:
    """Returns the records behind the checks of DataAudit's findings that failed."""
    folder = sources.folder("DataAudit", "audit")
    measured = {(one.name, one.where): one for one in read_audit(folder)}
    return [
        Suspects(index, found.suspects, thumbnails.embed(file.read_bytes()))
        for index, check in enumerate(sources.summary["checks"])
        if check["gate"] == DATA.id and not check["passed"]
        if (found := measured.get((check["name"], check["slice"])))
        if (file := _sheet(folder, found))
    ]


def _sheet(folder: Path, found: Measured) -> Path | None:
    file = folder / Path(found.sheet).name
    return file if found.sheet and file.is_file() else None


def drift_checks(summary: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """Returns DataGate's checks of drift, each with its place in the summary."""
    return [
        (index, check)
        for index, check in enumerate(summary["checks"])
        if check["gate"] == DATA.id and "drift" in check["name"]
    ]
