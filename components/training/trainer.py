"""The Trainer's ``run_fn``: load, build, fit, export."""

import dataclasses
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from PIL import Image
from tfx.components.trainer.fn_args_utils import FnArgs

from components.durable import files_below, sha256
from components.examples import load_split, matching_files, read_examples
from components.features import IMAGE, TRAIN, VAL
from components.hyperparameters import (
    ModelHyperparameters,
    PictureHyperparameters,
    TrainHyperparameters,
    from_dict,
)
from components.image_spec import ImageSpec, read_image_spec
from components.pictures.facts import PictureFacts
from components.pictures.preparation import READ, ground_of, prepare_images
from components.pictures.trust import (
    MOST_EXAMPLES,
    Distance,
    Trust,
    fit_distance,
    measure_bounds,
)
from components.plain_paths import plain_path
from components.serving.requests import (
    REFERENCE_COUNT,
    Reference,
    write_reference,
    write_warmup_requests,
)
from components.serving.signatures import Preprocess, export_model
from components.training.board import write_plot
from components.training.checkpoints import CheckpointStore, History, claim_checkpoints
from components.training.fit import TrainingData, fit
from components.training.model import build_model, networks_of
from components.training.plots import (
    AUGMENTED_FILE,
    augmentation_plot,
    one_of_each,
)
from components.training.precision import choose_precision
from components.training.temperature import Temperature, fit_temperature, scaled
from components.training.warm_start import warm_start

HISTORY_FILE = "history.json"
# Enough to find an image of each class in.
_PLOTTED = 1000
# Examples that the network predicts at once.
_PREDICTED = 1000
_MEMBER_SEEDS = 1_000_003
_log = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains on the raw examples through the transform graph and exports.

    Args:
      fn_args: from TFX. ``train_files`` and ``eval_files`` are patterns of gzip
        TFRecords, ``transform_output`` is the transform graph, ``base_model`` a
        SavedModel or None. ``custom_config`` holds ``model`` and ``train``
        (dictionaries of the hyperparameters), ``pictures`` (how pictures are
        prepared), ``warm_start`` (whether to start from
        ``base_model``), ``code`` (a digest of it) and ``checkpoints`` (a folder for
        them). The SavedModel goes to ``serving_model_dir``; TensorBoard logs,
        ``history.json``, ``augmented.png`` and ``reference.npz`` go to
        ``model_run_dir``.
    """
    custom = fn_args.custom_config
    settings = from_dict(TrainHyperparameters, custom["train"])
    recipe = Recipe(
        from_dict(ModelHyperparameters, custom["model"]),
        settings,
        choose_precision(settings.precision),
        warm_start=custom["warm_start"],
        base_model=fn_args.base_model,
    )
    spec = read_image_spec(fn_args.schema_path)
    run_dir, export = Path(fn_args.model_run_dir), Path(fn_args.serving_model_dir)
    # Each leaves a core idle.
    with ThreadPoolExecutor(1) as beside:
        shown = beside.submit(
            show_augmentation, spec, fn_args.train_files, settings, run_dir
        )
        data = load_data(spec, fn_args, settings)
        shown.result()

    digest = recipe_digest(fn_args, recipe.precision)
    with claim_checkpoints(Path(custom["checkpoints"]), digest) as store:
        model, history = train(recipe, data, run_dir, store)
        val = read_examples(spec, fn_args.eval_files, limit=MOST_EXAMPLES)
        logits = predict_logits(model, val[0], data.preprocess)
        temperature = fit_temperature(logits, val[1], held_out=not settings.use_val)
        model = scaled(model, temperature.value)
        write_history(history, model, recipe.precision, temperature, run_dir)

        pictures = picture_facts(spec, val[0], custom["pictures"])
        reference = predict_reference(
            spec, model, reference_images(val[0], pictures), data.preprocess
        )
        write_reference(run_dir, reference)
        examples = read_examples(spec, fn_args.train_files, limit=MOST_EXAMPLES)
        distance = fit_distance(*examples, spec.classes)
        probabilities = keras.ops.softmax(logits / temperature.value).numpy()
        trust = measure_trust(probabilities, val, distance, settings.use_val)
        export_model(model, data.preprocess, export, pictures, trust)
        write_warmup_requests(export, reference.images)
        store.remove()
    _log.info("exported a model of %d parameters", model.count_params())


@attrs.frozen
class Recipe:
    """What is trained and how.

    Attributes:
      architecture: the network.
      settings: how it is fitted.
      precision: name of the Keras dtype policy to train with.
      warm_start: start from the weights of ``base_model`` where they fit.
      base_model: folder of a SavedModel; None where there is none.
    """

    architecture: ModelHyperparameters
    settings: TrainHyperparameters
    precision: str
    warm_start: bool = False
    base_model: str | None = None


def train(
    recipe: Recipe, data: TrainingData, run_dir: Path, store: CheckpointStore
) -> tuple[keras.Model, History]:
    """Builds and fits a network, or the members of an ensemble one after the other.

    Args:
      recipe: of the network.
      data: what to fit it to.
      run_dir: receives the TensorBoard logs.
      store: receives a checkpoint after each epoch, and keeps the last one.

    Returns:
      The network, float32 whatever it was trained in, since clients may have another
      processor; and the metrics of each epoch, one member after the other.
    """
    if recipe.settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.settings.seed)
    model = build_model(data.spec, recipe.architecture, recipe.precision)
    if recipe.warm_start:
        warm_start(model, recipe.base_model)
    networks = networks_of(model)
    if len(networks) == 1:
        history = fit(networks[0], data, recipe.settings, run_dir, store)
    else:
        history = _fit_members(networks, recipe, data, run_dir, store)
    served = build_model(data.spec, recipe.architecture)
    served.set_weights(model.get_weights())
    return served, history


def _fit_members(
    networks: Sequence[keras.Model],
    recipe: Recipe,
    data: TrainingData,
    run_dir: Path,
    store: CheckpointStore,
) -> History:
    """Fits each member on its own: what one gets wrong, others may know."""
    together: History = defaultdict(list)
    for member, network in enumerate(networks):
        _log.info("member %d of %d", member + 1, len(networks))
        # Other orders and augmentation; far from the seeds that people choose.
        seed = (recipe.settings.seed + _MEMBER_SEEDS * member) % 2**31
        settings = dataclasses.replace(recipe.settings, seed=seed)
        logs = run_dir / f"member-{member + 1}"
        history = fit(network, data, settings, logs, store.of_member(member))
        for name, values in history.items():
            together[name] += values
    return dict(together)


def load_data(
    spec: ImageSpec, fn_args: FnArgs, settings: TrainHyperparameters
) -> TrainingData:
    """Reads both splits and the transform graph; ``use_val`` makes one of them."""
    preprocess = _load_preprocessing(fn_args.transform_output)
    limits = settings.max_examples, settings.memory_limit
    if settings.use_val:
        both = [*fn_args.train_files, *fn_args.eval_files]
        together = load_split(spec, f"{TRAIN} and {VAL}", both, *limits)
        return TrainingData(spec, together, None, preprocess)
    train = load_split(spec, TRAIN, fn_args.train_files, *limits)
    val = load_split(spec, VAL, fn_args.eval_files, 0, settings.memory_limit)
    return TrainingData(spec, train, val, preprocess)


def _load_preprocessing(transform_graph: str) -> Preprocess:
    """Returns the transform graph, loaded from its folder, for rows of pixels."""
    with plain_path(transform_graph) as folder:
        output = tft.TFTransformOutput(folder)
        layer = output.transform_features_layer()
        shape = output.raw_feature_spec()[IMAGE].shape

    def preprocess(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # As the schema has it: one dimension or several.
        image = tf.reshape(features[IMAGE], [-1, *shape])
        return layer({**features, IMAGE: image})

    return preprocess


def recipe_digest(fn_args: FnArgs, precision: str) -> str:
    """Returns the SHA-256 of all that the weights of an epoch depend on."""
    recipe = {
        "config": {
            name: value
            for name, value in fn_args.custom_config.items()
            if name != "checkpoints"
        },
        "precision": precision,
        # By its content: a workspace may be moved between two attempts.
        "base_model": fn_args.base_model and _folder_digests(Path(fn_args.base_model)),
        "versions": [keras.__version__, tf.__version__],
        "examples": [
            sha256(Path(file))
            for patterns in (fn_args.train_files, fn_args.eval_files)
            for file in matching_files(patterns)
        ],
        "transform": _folder_digests(Path(fn_args.transform_output)),
    }
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _folder_digests(folder: Path) -> Mapping[str, str]:
    return {path: sha256(folder / path) for path, _ in files_below(folder)}


def show_augmentation(
    spec: ImageSpec,
    patterns: Sequence[str],
    settings: TrainHyperparameters,
    run_dir: Path,
) -> None:
    """Plots one image of each class and some augmented copies of it."""
    if not settings.augment.enabled:
        return
    images, labels = read_examples(spec, patterns, limit=_PLOTTED)
    plot = augmentation_plot(
        spec, images[one_of_each(labels)], settings.augment, settings.seed
    )
    run_dir.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plot).save(run_dir / AUGMENTED_FILE)
    write_plot(run_dir / "train", "augmented", plot, epoch=0)


def write_history(
    history: History,
    model: keras.Model,
    precision: str,
    temperature: Temperature,
    directory: Path,
) -> None:
    """Writes the metrics of each epoch and facts of the model as JSON."""
    directory.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {
        "epochs": history,
        "parameters": model.count_params(),
        "precision": precision,
        "temperature": attrs.asdict(temperature),
    }
    (directory / HISTORY_FILE).write_text(
        json.dumps(content, indent=2), encoding="utf-8"
    )


def predict_reference(
    spec: ImageSpec, model: keras.Model, images: np.ndarray, preprocess: Preprocess
) -> Reference:
    """Predicts with the model in memory, for ServingCheck to compare the export with.

    Args:
      spec: size of the images.
      model: from float32 [n, pixels] to logits [n, classes].
      images: uint8 [n, pixels].
      preprocess: the transform graph.
    """
    logits = predict_logits(model, images, preprocess)
    probabilities = keras.ops.softmax(logits).numpy()
    return Reference(images.reshape(-1, *spec.size), probabilities)


def picture_facts(
    spec: ImageSpec, images: np.ndarray, settings: Mapping[str, Any]
) -> PictureFacts:
    """Says how the model will take pictures.

    Args:
      spec: size of the images, and number of the classes.
      images: uint8 [n, pixels] of the validation split.
      settings: fields of ``PictureHyperparameters``.
    """
    fit_to = from_dict(PictureHyperparameters, settings).fit
    ground = ground_of(images.reshape(-1, *spec.size))
    return PictureFacts(fit_to, ground, spec)


def reference_images(images: np.ndarray, pictures: PictureFacts) -> np.ndarray:
    """Takes the first images, uint8 [n, pixels], that all signatures leave unchanged.

    One that looks dark on bright, or blank, ``predict_image`` would take for another.
    """
    whole = images.reshape(-1, *pictures.spec.size)
    _, state, turned = prepare_images(whole, pictures.ground)
    usual = (state.numpy() == READ) & ~turned.numpy()
    return images[usual if usual.any() else slice(None)][:REFERENCE_COUNT]


def measure_trust(
    probabilities: np.ndarray,
    val: tuple[np.ndarray, np.ndarray],
    distance: Distance,
    use_val: bool,
) -> Trust:
    """Measures the bounds from which on a prediction is trusted.

    Args:
      probabilities: float32 [n, classes], of the exported model.
      val: images uint8 [n, pixels] and labels int64 [n] of the validation split.
      distance: from the training split.
      use_val: whether the model was trained on the validation split as well.
    """
    images, labels = val
    distances = [distance.of(part).numpy() for part in _parts(images)]
    bounds = measure_bounds(
        probabilities, labels, np.concatenate(distances), held_out=not use_val
    )
    return Trust(bounds, distance)


def predict_logits(
    model: keras.Model, images: np.ndarray, preprocess: Preprocess
) -> np.ndarray:
    """Returns float32 [n, classes] of images uint8 [n, pixels], some at a time."""
    parts = [
        model(preprocess({IMAGE: tf.constant(part, tf.int64)})[IMAGE], training=False)
        for part in _parts(images)
    ]
    return np.concatenate([part.numpy() for part in parts])


def _parts(images: np.ndarray) -> list[np.ndarray]:
    starts = range(0, len(images), _PREDICTED)
    return [images[start : start + _PREDICTED] for start in starts]
