"""One record: a tf.train.Example of ``image`` int64[pixels] and ``label`` int64[1]."""

from collections.abc import Iterable

import numpy as np

from components.features import IMAGE, LABEL, MAX_PIXEL
from components.image_spec import ImageSpec


def _layout(spec: ImageSpec) -> dict[str, tuple[int, int]]:
    """Number of values and highest value of each feature."""
    return {IMAGE: (spec.pixels, MAX_PIXEL), LABEL: (1, spec.classes - 1)}


def serialize_example(pixels: np.ndarray, label: int) -> bytes:
    """Packs one record.

    Args:
        pixels: uint8[pixels], row-major.
        label: the class, from 0.
    """
    import tensorflow as tf

    example = tf.train.Example()
    feature = example.features.feature
    feature[IMAGE].int64_list.value.extend(pixels.tolist())
    feature[LABEL].int64_list.value.append(label)
    # Map entries have no order of their own; deterministic sorts them by key.
    return example.SerializeToString(deterministic=True)


def decode_labels(records: list[bytes], spec: ImageSpec) -> np.ndarray | None:
    """The labels int64[n] of n records, or None if any of them breaks the layout.

    Decodes the batch as a whole, as TFX does; :func:`first_fault` says what is wrong.
    """
    import pyarrow as pa
    from tfx_bsl.coders import example_coder

    try:
        batch = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(records)
    except RuntimeError:
        return None
    layout = _layout(spec)
    if set(batch.schema.names) != set(layout):
        return None
    for name, (length, highest) in layout.items():
        column = batch.column(name)
        if column.type != pa.large_list(pa.int64()) or column.null_count:
            return None
        values = column.flatten().to_numpy()
        if (np.diff(column.offsets.to_numpy()) != length).any():
            return None
        if values.min() < 0 or values.max() > highest:
            return None
    return batch.column(LABEL).flatten().to_numpy()


def decode_examples(
    records: list[bytes], spec: ImageSpec
) -> tuple[np.ndarray, np.ndarray] | None:
    """Images uint8[n, pixels] and labels int64[n], or None if any breaks the layout.

    Needs TensorFlow alone; a feature more than the layout has is passed over.
    """
    import tensorflow as tf

    layout = _layout(spec)
    parsed = {
        name: tf.io.FixedLenFeature([length], tf.int64)
        for name, (length, _) in layout.items()
    }
    try:
        features = tf.io.parse_example(records, parsed)
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
        # TensorFlow quotes the record in its message, as UTF-8 if it is or not.
        return None
    values = {name: feature.numpy() for name, feature in features.items()}
    for name, (_, highest) in layout.items():
        if values[name].min() < 0 or values[name].max() > highest:
            return None
    return values[IMAGE].astype(np.uint8), values[LABEL][:, 0]


def first_fault(records: Iterable[bytes], start: int, spec: ImageSpec) -> str | None:
    """Names the first record that breaks the layout, and what in it, or None.

    Args:
        records: in their order.
        start: the number of the first of them, in its file.
        spec: what each must hold.
    """
    for number, record in enumerate(records, start):
        if fault := find_fault(record, spec):
            return f"record {number:,} (from 0): {fault}"
    return None


def find_fault(record: bytes, spec: ImageSpec) -> str | None:
    """What in one record breaks the layout ("expected ..., received ..."), or None."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        return "expected a tf.train.Example, received bytes that are none"
    layout = _layout(spec)
    if set(feature) != set(layout):
        received = ", ".join(sorted(feature)) or "none"
        return f"expected the features {', '.join(layout)}, received {received}"
    for name, (length, highest) in layout.items():
        kind = feature[name].WhichOneof("kind")
        if kind != "int64_list":
            return f"expected {name} as int64_list, received {kind or 'no value'}"
        values = feature[name].int64_list.value
        if len(values) != length:
            return f"expected {length} values in {name}, received {len(values)}"
        for position, value in enumerate(values):
            if not 0 <= value <= highest:
                return (
                    f"expected {name} values in 0..{highest}, "
                    f"received {value} at position {position}"
                )
    return None
