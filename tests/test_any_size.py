"""Nothing is bound to MNIST's size: one training of 8×6 pixels and 4 classes."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from components.image_spec import ImageSpec
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

ROOT = Path(__file__).resolve().parents[1]
SPEC = ImageSpec(height=8, width=6, channels=1, classes=4)
COUNT = 48
SCHEMA = """
feature {{ name: "image" type: INT int_domain {{ min: 0 max: 255 }}
  presence {{ min_fraction: 1 min_count: 1 }} shape {{ {dims} }} }}
feature {{ name: "label" type: INT int_domain {{ min: 0 max: 3 }}
  presence {{ min_fraction: 1 min_count: 1 }} shape {{ dim {{ size: 1 }} }} }}
"""

# Literals that are 28, 784 or 10 and no size of an image or number of classes.
ALLOWED = {
    ("components/data/label_issues.py", 10): "a temperature",
    ("components/evaluation/letters.py", 28): "letters for models of digits",
    ("components/gate_settings.py", 10): "megabytes",
    ("components/image_spec.py", 28): "MNIST, to which data sets are converted",
    ("components/image_spec.py", 10): "its classes",
    ("components/hyperparameters.py", 10): "epochs",
    ("components/pictures/decoding.py", 10): "bytes of a file's head",
    ("components/pictures/ground.py", 10): "a tenth of a line",
    ("components/pictures/ink.py", 10): "a power of ten",
    ("components/serving/process.py", 10): "seconds",
    ("components/training/plots.py", 10): "deformations in a row",
    ("components/training/temperature.py", 10): "a temperature",
    ("pipeline/cluster/client.py", 10): "seconds",
    ("pipeline/commands/convert.py", 10): "a share of a split",
    ("pipeline/datasets/pictures.py", 10): "millions",
    ("pipeline/kubeflow_settings.py", 10): "files kept",
    ("pipeline/metadata/store.py", 10): "seconds",
    ("pipeline/metadata/tls_tunnel.py", 10): "seconds, and a code of PostgreSQL",
    ("pipeline/reporting/data.py", 10): "images of a class that are shown",
    ("pipeline/reporting/plots.py", 10): "powers of ten of an axis",
}


def literals() -> Iterator[tuple[str, float, int]]:
    """Yields file, number and line of each numeric literal of ours."""
    for folder in ("components", "pipeline"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                number = node.value if isinstance(node, ast.Constant) else None
                if isinstance(number, int | float):
                    yield str(path.relative_to(ROOT)), number, node.lineno


def test_no_size_and_no_number_of_classes_is_written_down() -> None:
    sizes = [found for found in literals() if found[1] in (28, 784, 10)]

    assert [found for found in sizes if found[:2] not in ALLOWED] == []
    assert ALLOWED.keys() - {found[:2] for found in sizes} == set()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A file of bars, the row says the class; and the images."""
    images = np.random.default_rng(0).integers(0, 60, (COUNT, *SPEC.size), np.uint8)
    labels = np.arange(COUNT) % SPEC.classes
    images[np.arange(COUNT), 2 * labels] = 250
    rows = images.reshape(COUNT, -1)
    file = tmp_path_factory.mktemp("bars") / "bars.tfrecord.gz"
    write_shard(
        file, [serialize_example(*row) for row in zip(rows, labels, strict=True)]
    )
    return file, images


def write_graph(folder: Path, shape: list[int], images: np.ndarray) -> Path:
    """The transform graph of a schema whose ``image`` has that shape."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata

    from components.training.transform import preprocessing_fn
    from pipeline.beam_args import BEAM_ARGS

    wanted = {
        "image": tf.io.FixedLenFeature(shape, tf.int64),
        "label": tf.io.FixedLenFeature([1], tf.int64),
    }
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(wanted)
    rows = [{"image": images[0].reshape(shape).tolist(), "label": [1]}]
    config = {"classes": SPEC.classes}
    with (
        beam.Pipeline(argv=BEAM_ARGS) as pipeline,
        tft_beam.Context(temp_dir=str(folder / "temp")),
    ):
        data = (pipeline | beam.Create(rows)), metadata
        transform = data | tft_beam.AnalyzeDataset(
            lambda inputs: preprocessing_fn(inputs, config)
        )
        _ = transform | tft_beam.WriteTransformFn(str(folder / "graph"))
        _ = metadata | tft_beam.WriteMetadata(str(folder / "graph/metadata"), pipeline)
    return folder / "graph"


@pytest.mark.parametrize("shape", [[8, 6], [8, 6, 1]], ids=str)
def test_a_small_image_is_trained_exported_and_served(records, shape, tmp_path) -> None:
    import tensorflow as tf

    from components.gate_settings import ServingCheckSettings
    from components.hyperparameters import AugmentHyperparameters
    from components.pictures.facts import read_facts
    from components.serving.check import check_export
    from components.training.trainer import run_fn

    file, images = records
    dims = " ".join(f"dim {{ size: {side} }}" for side in shape)
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(SCHEMA.format(dims=dims))
    augment = AugmentHyperparameters(rotation=5.0, shift=0.5, elastic=0.3, flip=0.1)
    export, run = tmp_path / "serving", tmp_path / "run"
    run_fn(
        SimpleNamespace(
            train_files=[str(file)],
            eval_files=[str(file)],
            transform_output=str(write_graph(tmp_path, shape, images)),
            schema_path=str(schema),
            serving_model_dir=str(export),
            model_run_dir=str(run),
            base_model=None,
            custom_config={
                "model": {
                    "hidden_units": [16],
                    "first_weights": "local",
                    "members": 2,
                    "shifts": 1,
                },
                "train": {
                    "epochs": 1,
                    "batch_size": 16,
                    "precision": "float32",
                    "augment": dataclasses.asdict(augment),
                },
                "pictures": {"fit": "page"},
                "warm_start": False,
                "code": "0",
                "checkpoints": str(tmp_path / "checkpoints"),
            },
        )
    )

    assert read_facts(export)[0].spec == SPEC
    checks = check_export(export, run, ServingCheckSettings(max_latency=1000.0))
    assert [str(check) for check in checks if not check.passed] == []
    takes = {check.slice: check.value for check in checks if "input" in check.name}
    assert takes["predict_pixels"] == "pixels uint8 [?, 8, 6]"
    model = tf.saved_model.load(str(export))
    answer = model.signatures["predict_pixels"](pixels=tf.constant(images))
    assert answer["probabilities"].shape == (COUNT, SPEC.classes)
    photo = np.repeat(np.repeat(images[0], 20, axis=0), 20, axis=1)[:, :, None]
    read = model.signatures["predict_image"](images=[tf.io.encode_png(photo).numpy()])
    assert read["probabilities"].shape == (1, SPEC.classes)
    assert read["state"][0] in (b"sure", b"unsure", b"unlike")
