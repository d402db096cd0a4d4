"""``run_fn`` as TFX calls it: what it writes, and what it trains on."""

import itertools
import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from components.examples import read_examples
from components.hyperparameters import ModelHyperparameters, TrainHyperparameters
from components.image_spec import MNIST
from components.pictures.facts import read_facts
from components.serving.requests import read_reference
from components.serving.signatures import WEIGHTS
from components.training import temperature, trainer
from components.training.model import build_model
from components.training.trainer import load_data, recipe_digest, run_fn
from pipeline.config import Config

pytestmark = pytest.mark.slow

PARAMETERS = (784 * 8 + 4 * 8) + (8 * 10 + 10)
METRICS = {"loss", "accuracy", "val_loss", "val_accuracy"}
EPOCHS = 2


def fn_args(
    folder: Path, examples: Path, graph: Path, base_model: str | None = None, **train
) -> SimpleNamespace:
    return SimpleNamespace(
        train_files=[str(examples / "*")],
        eval_files=[str(min(examples.iterdir()))],
        transform_output=str(graph),
        schema_path=str(Config().schema),
        serving_model_dir=str(folder / "serving"),
        model_run_dir=str(folder / "run"),
        base_model=base_model,
        custom_config={
            "model": {"hidden_units": [8]},
            "train": {
                "epochs": EPOCHS,
                "batch_size": 5,
                "max_examples": 15,
                "precision": "float32",
                **train,
            },
            "pictures": {"fit": "ink"},
            "warm_start": base_model is not None,
            "code": "0" * 64,
            "checkpoints": str(folder / "checkpoints"),
        },
    )


@pytest.fixture(scope="module")
def trained(
    tiny_examples: Path,
    transform_graph: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[str]]:
    """The folder of a finished training and the messages it logged."""
    folder = tmp_path_factory.mktemp("trained")
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("components")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        run_fn(fn_args(folder, tiny_examples, transform_graph))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return folder, messages


def test_history_holds_a_number_an_epoch_and_the_size(trained) -> None:
    history = json.loads((trained[0] / "run" / "history.json").read_text())

    assert set(history) == {"epochs", "parameters", "precision", "temperature"}
    # Ten validation examples are too few to fit one.
    assert history["temperature"]["value"] == 1.0
    assert history["parameters"] == PARAMETERS
    assert history["precision"] == "float32"
    assert set(history["epochs"]) >= METRICS
    for values in history["epochs"].values():
        assert len(values) == EPOCHS
        assert np.isfinite(values).all()
    assert all(0 <= share <= 1 for share in history["epochs"]["val_accuracy"])


def test_tensorboard_gets_the_same_numbers(trained) -> None:
    run = trained[0] / "run"
    history = json.loads((run / "history.json").read_text())["epochs"]

    for part, prefix in (("train", ""), ("validation", "val_")):
        events = EventAccumulator(str(run / part))
        events.Reload()
        for metric in ("loss", "accuracy"):
            values = [
                tf.make_ndarray(event.tensor_proto).item()
                for event in events.Tensors(f"epoch_{metric}")
            ]
            assert values == pytest.approx(history[f"{prefix}{metric}"], rel=1e-5)


def test_the_exported_model_is_the_trained_one(trained, tiny_examples: Path) -> None:
    """Its accuracy on the validation file is the last one of the history."""
    folder, _ = trained
    history = json.loads((folder / "run" / "history.json").read_text())["epochs"]
    images, labels = read_examples(MNIST, [str(min(tiny_examples.iterdir()))])
    model = tf.saved_model.load(str(folder / "serving"))

    answer = model.signatures["predict_pixels"](
        pixels=tf.constant(images.reshape(-1, 28, 28))
    )

    chosen = np.log(answer["probabilities"].numpy())[np.arange(len(labels)), labels]
    accuracy = (answer["class_id"].numpy() == labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"][-1])
    # The loss of the history smooths the labels by 0.05, the default.
    smoothed = np.log(answer["probabilities"].numpy()).mean(axis=1)
    loss = -(0.95 * chosen + 0.05 * smoothed).mean()
    assert loss == pytest.approx(history["val_loss"][-1], rel=1e-3)


def test_the_reference_is_what_the_model_in_memory_answers(
    trained, tiny_examples: Path
) -> None:
    """To the first validation images; also warm-up requests are made of them."""
    folder, _ = trained
    images, _ = read_examples(MNIST, [str(min(tiny_examples.iterdir()))])
    export = folder / "serving"

    reference = read_reference(folder / "run")

    np.testing.assert_array_equal(reference.images.reshape(-1, 784), images)
    answer = tf.saved_model.load(str(export)).signatures["predict_pixels"](
        pixels=tf.constant(reference.images)
    )
    assert reference.probabilities.dtype == np.float32
    np.testing.assert_allclose(
        reference.probabilities, answer["probabilities"], atol=1e-6
    )
    warmup = export / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(warmup)).as_numpy_iterator()
    assert len(list(records)) == 6


@pytest.mark.parametrize("members", [1, 2])
def test_the_export_divides_logits_by_the_temperature_that_the_history_tells(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path, monkeypatch, members
) -> None:
    """So do the reference and the bounds of trust, and the weights are as trained."""
    monkeypatch.setattr(temperature, "LEAST_EXAMPLES", 10)
    args = fn_args(tmp_path, tiny_examples, transform_graph, epochs=40)
    args.custom_config["model"]["members"] = members
    run_fn(args)

    history = json.loads((tmp_path / "run" / "history.json").read_text())
    fitted = history["temperature"]
    assert fitted["examples"] == 10
    assert abs(np.log(fitted["value"])) > 0.05
    exported = tf.saved_model.load(str(tmp_path / "serving"))
    hyperparameters = ModelHyperparameters(hidden_units=(8,), members=members)
    network = build_model(MNIST, hyperparameters)
    network.set_weights([weight.numpy() for weight in getattr(exported, WEIGHTS)])
    reference = read_reference(tmp_path / "run")
    logits = network(reference.images.reshape(-1, 784).astype(np.float32) / 255)
    expected = tf.nn.softmax(logits / fitted["value"])
    np.testing.assert_allclose(reference.probabilities, expected, atol=1e-5)
    pixels = tf.constant(reference.images)
    served = exported.signatures["predict_pixels"](pixels=pixels)["probabilities"]
    np.testing.assert_allclose(reference.probabilities, served, atol=1e-5)
    _, bounds = read_facts(tmp_path / "serving")
    assert bounds.confidence in (None, *map(pytest.approx, served.numpy().max(axis=1)))


def test_progress_names_counts_and_epochs(trained) -> None:
    messages = trained[1]

    assert messages[:2] == [
        "read 15 train examples into memory",
        "read 10 val examples into memory",
    ]
    assert [m[:9] for m in messages[2:-2]] == ["epoch 1/2", "epoch 2/2"]
    assert messages[-2].startswith("temperature 1, not fitted: 10 validation examples")
    assert messages[-1] == f"exported a model of {PARAMETERS} parameters"


def test_a_warm_start_goes_on_from_the_weights_of_an_export(
    trained, tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    """At a rate next to nothing it ends where the other training did."""
    base = str(trained[0] / "serving")
    args = fn_args(
        tmp_path,
        tiny_examples,
        transform_graph,
        base_model=base,
        learning_rate=1e-12,
    )
    run_fn(args)

    images, _ = read_examples(MNIST, [str(min(tiny_examples.iterdir()))])
    pixels = tf.constant(images.reshape(-1, 28, 28))
    before, after = (
        tf.saved_model.load(folder).signatures["predict_pixels"](pixels=pixels)
        for folder in (base, str(tmp_path / "serving"))
    )
    # Batch normalization moves its means a little in six steps.
    np.testing.assert_allclose(
        before["probabilities"], after["probabilities"], atol=0.1
    )


def test_fewer_examples_than_a_batch_are_trained_on_all_the_same(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    args = fn_args(
        tmp_path, tiny_examples, transform_graph, batch_size=21, max_examples=0
    )

    run_fn(args)

    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(history["epochs"]["loss"]) == EPOCHS
    assert (tmp_path / "serving").is_dir()


@pytest.mark.parametrize(
    "settings",
    [
        {"average_weights": 0.9, "use_val": True},
        {"patience": 1, "learning_rate": 0.5, "schedule": "constant"},
    ],
    ids=["averaged", "stopped"],
)
def test_a_training_killed_before_it_was_exported_ends_as_an_unbroken_one(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path, settings
) -> None:
    """Killed between its two members, and once more when it was about to export."""

    def run(folder: Path) -> None:
        args = fn_args(folder, tiny_examples, transform_graph, epochs=3, **settings)
        args.custom_config["model"].update(members=2, dropout=0.2)
        run_fn(args)

    def killed(folder: Path, name: str, call: int) -> None:
        original, calls = getattr(trainer, name), itertools.count(1)

        def die(*args, **kwargs):
            if next(calls) == call:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer, name, die)
            with pytest.raises(KeyboardInterrupt):
                run(folder)

    def result(folder: Path) -> tuple[dict, list[np.ndarray]]:
        run(folder)
        history = json.loads((folder / "run" / "history.json").read_text())
        model = tf.saved_model.load(str(folder / "serving"))
        return history["epochs"], [w.numpy() for w in getattr(model, WEIGHTS)]

    history, weights = result(tmp_path / "whole")
    killed(tmp_path / "broken", "fit", call=2)
    killed(tmp_path / "broken", "export_model", call=1)
    same_history, same_weights = result(tmp_path / "broken")

    assert set(same_history) == set(history)
    for name, values in history.items():
        assert same_history[name] == pytest.approx(values, rel=1e-4)
    for weight, same in zip(weights, same_weights, strict=True):
        np.testing.assert_allclose(weight, same, rtol=1e-4, atol=1e-5)


def test_a_wrong_hyperparameter_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").touch()
    args = fn_args(tmp_path, tmp_path, tmp_path, epoch=3)

    with pytest.raises(ValidationError, match=r"epoch\n.*[Uu]nexpected keyword"):
        run_fn(args)


def test_a_finished_training_leaves_no_checkpoint(trained) -> None:
    assert list((trained[0] / "checkpoints").iterdir()) == []


def test_the_augmentation_plot_shows_a_digit_of_each_class(trained) -> None:
    """Originals leftmost; the plot is in TensorBoard as well."""
    run = trained[0] / "run"
    plot = np.asarray(Image.open(run / "augmented.png"))
    rows = 10

    assert plot.shape == (rows * 84, 84 + 8 + 10 * 84)
    events = EventAccumulator(str(run / "train"))
    events.Reload()
    [event] = events.Tensors("augmented")
    width, height, encoded = tf.make_ndarray(event.tensor_proto)
    assert (int(width), int(height)) == (plot.shape[1], plot.shape[0])
    shown = tf.io.decode_png(encoded).numpy()[:, :, 0]
    np.testing.assert_array_equal(shown, plot)


def test_training_on_validation_examples_as_well_leaves_no_validation(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    args = fn_args(
        tmp_path, tiny_examples, transform_graph, use_val=True, max_examples=0
    )
    data = load_data(MNIST, args, TrainHyperparameters(use_val=True))

    # The validation file is one of the two training files here.
    assert (data.train.count, data.val) == (30, None)
    run_fn(args)
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert set(history["epochs"]) == {"loss", "accuracy"}


def test_the_members_of_an_ensemble_are_trained_one_after_the_other(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path, caplog
) -> None:
    args = fn_args(tmp_path, tiny_examples, transform_graph)
    args.custom_config["model"]["members"] = 2
    caplog.set_level(logging.INFO, "components")

    run_fn(args)

    said = [record.getMessage() for record in caplog.records]
    epochs = [line for line in said if line.startswith(("member", "epoch"))]
    starts = ["member 1 of 2", "epoch 1/2", "epoch 2/2"]
    starts += ["member 2 of 2", "epoch 1/2", "epoch 2/2"]
    assert [line[: len(start)] for line, start in zip(epochs, starts, strict=True)] == (
        starts
    )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert history["parameters"] == 2 * PARAMETERS
    losses = history["epochs"]["loss"]
    assert len(losses) == 2 * EPOCHS
    # Each begins anew, with weights, an order and augmentation of its own.
    assert losses[0] != losses[EPOCHS]
    for member in (1, 2):
        assert list((tmp_path / "run" / f"member-{member}" / "train").iterdir())
    reference = read_reference(tmp_path / "run")
    model = tf.saved_model.load(str(tmp_path / "serving"))
    served = model.signatures["predict_pixels"](pixels=tf.constant(reference.images))
    np.testing.assert_allclose(
        served["probabilities"], reference.probabilities, atol=1e-6
    )
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_shifts_change_the_answer_and_not_the_training(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    histories, answers = [], []
    for shifts in (0, 1):
        folder = tmp_path / str(shifts)
        args = fn_args(folder, tiny_examples, transform_graph)
        args.custom_config["model"]["shifts"] = shifts
        run_fn(args)
        history = json.loads((folder / "run" / "history.json").read_text())
        histories.append(history["epochs"]["loss"])
        reference = read_reference(folder / "run")
        model = tf.saved_model.load(str(folder / "serving"))
        served = model.signatures["predict_pixels"](
            pixels=tf.constant(reference.images)
        )
        answers.append(served["probabilities"].numpy())
        np.testing.assert_allclose(answers[-1], reference.probabilities, atol=1e-6)

    np.testing.assert_allclose(*histories, rtol=1e-4)
    assert np.abs(answers[0] - answers[1]).max() > 1e-3


def test_what_is_served_computes_in_float32(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    run_fn(
        fn_args(tmp_path, tiny_examples, transform_graph, precision="mixed_bfloat16")
    )
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    model = tf.saved_model.load(str(tmp_path / "serving"))
    graph = model.signatures["predict_pixels"].graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]

    assert history["precision"] == "mixed_bfloat16"
    types = {n.attr["T"].type for n in nodes if n.op == "MatMul"}
    assert types == {tf.float32.as_datatype_enum}


def test_the_digest_of_a_recipe_follows_all_that_weights_depend_on(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    def digest(folder=tmp_path, examples=tiny_examples, precision="float32", **train):
        args = fn_args(folder, examples, transform_graph, **train)
        return recipe_digest(args, precision)

    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(min(tiny_examples.iterdir()), other)
    for name in ("base", "moved base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    base, moved = str(tmp_path / "base"), str(tmp_path / "moved base")

    assert digest() == digest(folder=tmp_path / "elsewhere")
    assert digest(base_model=base) == digest(base_model=moved)
    changed = {
        digest(),
        digest(epochs=9),
        digest(precision="mixed_bfloat16"),
        digest(examples=other),
        digest(base_model=base),
        digest(base_model=str(other)),
    }
    assert len(changed) == 6
