"""``predict_image`` of the export: what it decodes, and that it answers as predict."""

import io
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.pictures.decoding import decode_grey
from components.pictures.facts import PictureFacts, read_facts
from components.pictures.preparation import fit_page
from components.pictures.trust import Bounds, Trust, fit_distance
from components.serving.signatures import export_model
from components.training.model import build_model
from pipeline.datasets.pictures import read_picture
from pipeline.prediction.preparation import Preparation
from tests.pages import first_digits, grey_page, put, to_bytes

pytestmark = pytest.mark.slow

ORIENTATION = 0x0112
BOUNDS = Bounds(confidence=0.0, distance=1e9, examples=9, sure=1.0, held_out=True)


def encode(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def pages() -> list[np.ndarray]:
    return [grey_page(digit) for digit in first_digits(4)[0]]


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Exports a network of random weights and loads what was written."""
    keras.utils.set_random_seed(1)
    network = build_model(MNIST, ModelHyperparameters(hidden_units=(16,)))
    trust = Trust(
        BOUNDS, fit_distance(*map(np.squeeze, training_data()), MNIST.classes)
    )

    def export(fit: str) -> tuple[tf.Module, Path]:
        folder = tmp_path_factory.mktemp("served") / "model"
        facts = PictureFacts(fit, "black")
        export_model(network, scale, folder, facts, trust)
        return tf.saved_model.load(str(folder)), folder

    return export


def training_data() -> tuple[np.ndarray, np.ndarray]:
    images, labels = first_digits(300)
    return images.reshape(-1, MNIST.pixels), labels


def scale(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"image": tf.cast(features["image"], tf.float32) / 255}


@pytest.fixture(scope="module")
def model(load) -> tf.Module:
    return load("ink")[0]


def ask(model: tf.Module, *images: bytes) -> dict[str, np.ndarray]:
    answer = model.signatures["predict_image"](images=tf.constant(images, tf.string))
    return {name: values.numpy() for name, values in answer.items()}


def as_predict(model: tf.Module, encoded: bytes, fit: str = "ink") -> np.ndarray:
    """The probabilities that ``mnist-pipeline predict`` gives."""
    grey = read_picture(io.BytesIO(encoded), 1024).values
    seen = Preparation(MNIST.size, fit, "black", 0).of_picture(grey)
    predict = model.signatures["predict_pixels"]
    return predict(pixels=tf.constant(seen.pixels[None]))["probabilities"][0].numpy()


def odd_pictures(page: np.ndarray) -> dict[str, bytes]:
    """A page in the kinds that people have."""
    image = Image.fromarray(page)
    colours = image.convert("RGB")
    seen = colours.copy()
    seen.putalpha(Image.new("L", image.size, 200))
    large = Image.fromarray(np.kron(page, np.ones((3, 3), np.uint8)))
    deep = Image.fromarray(page.astype(np.uint16) * 257)
    return {
        "grey PNG": encode(image),
        "16 bits": encode(deep),
        "1 bit": encode(image.convert("1")),
        "palette": encode(colours.quantize(32)),
        "alpha": encode(seen),
        "JPEG": encode(colours, "JPEG"),
        "progressive JPEG": encode(colours, "JPEG", progressive=True),
        "large JPEG": encode(large, "JPEG"),
        "CMYK JPEG": encode(image.convert("CMYK"), "JPEG"),
        "GIF": encode(image, "GIF"),
        "BMP": encode(image, "BMP"),
    }


def test_the_same_file_gets_the_answer_that_predict_gives(model, pages) -> None:
    pictures = odd_pictures(pages[0])
    answer = ask(model, *pictures.values())

    assert answer["state"].tolist() == [b"sure"] * len(pictures)
    for name, encoded, probabilities in zip(
        pictures, pictures.values(), answer["probabilities"], strict=True
    ):
        np.testing.assert_allclose(
            probabilities, as_predict(model, encoded), atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_is_turned_as_its_exif_says(pages, turn: int) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[ORIENTATION] = "a camera", turn
    encoded = encode(Image.fromarray(pages[0]), "JPEG", exif=exif)
    grey = read_picture(io.BytesIO(encoded), 1024).values
    np.testing.assert_array_equal(decode_grey(tf.constant(encoded)), grey)


def test_a_bad_picture_is_answered_alone(model, pages) -> None:
    """Cut short, changed, of another kind, empty: the others get their answers."""
    good = [encode(page) for page in pages]
    jpeg = encode(pages[0], "JPEG")
    changed = bytearray(good[0])
    changed[200:206] = b"xxxxxx"
    bad = [
        *(b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", good[0][:2000]),
        *(bytes(changed), jpeg[: len(jpeg) // 2], encode(pages[0], "TIFF")),
    ]
    mixed = ask(model, good[0], *bad, *good[1:])
    alone = ask(model, *good)

    assert (mixed["state"][1 : 1 + len(bad)] == b"unreadable").all()
    assert (mixed["class_id"][1 : 1 + len(bad)] == -1).all()
    np.testing.assert_allclose(mixed["probabilities"][1 : 1 + len(bad)], 0.1)
    kept = [0, *range(1 + len(bad), len(good) + len(bad))]
    np.testing.assert_allclose(
        mixed["probabilities"][kept], alone["probabilities"], atol=1e-6
    )
    assert mixed["class_id"][kept].tolist() == alone["class_id"].tolist()


def test_pictures_without_ink_have_no_class(model) -> None:
    pictures = [
        encode(np.full((300, 200), 255, np.uint8)),
        encode(np.zeros((28, 28), np.uint8)),
        encode(np.arange(25, dtype=np.uint8).reshape(5, 5) * 9),
    ]
    answer = ask(model, *pictures)
    assert answer["state"].tolist() == [b"blank", b"blank", b"too small"]
    assert answer["class_id"].tolist() == [-1, -1, -1]
    np.testing.assert_allclose(answer["probabilities"], 0.1)


def test_no_picture_gets_no_answer(model) -> None:
    answer = ask(model)
    assert answer["probabilities"].shape == (0, 10)
    assert answer["state"].shape == answer["class_id"].shape == (0,)


def test_a_model_of_whole_pages_keeps_their_proportions(load) -> None:
    model, folder = load("page")
    page = to_bytes(put(first_digits(1)[0][0], (100, 400), 90, (5, 40), 250, 10))
    encoded = encode(page)
    expected = model.signatures["predict_pixels"](
        pixels=fit_page(page, MNIST.size)[None]
    )

    answer = ask(model, encoded)

    np.testing.assert_allclose(
        answer["probabilities"], expected["probabilities"], atol=1e-6
    )
    np.testing.assert_allclose(
        answer["probabilities"][0], as_predict(model, encoded, "page"), atol=1e-6
    )
    assert read_facts(folder) == (PictureFacts("page", "black"), BOUNDS)
