"""The size of images and the number of classes, as a schema says them."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.errors import UsageError
from components.image_spec import MNIST, ImageSpec, read_image_spec, spec_of
from pipeline.config import Config


def schema(*dims: int, label: str = "int_domain { min: 0 max: 3 }") -> str:
    shape = " ".join(f"dim {{ size: {size} }}" for size in dims)
    return (
        f'feature {{ name: "image" type: INT shape {{ {shape} }} }}'
        f'feature {{ name: "label" type: INT {label} }}'
    )


def parse(text: str) -> schema_pb2.Schema:
    return text_format.Parse(text, schema_pb2.Schema())


def test_the_curated_schema_is_of_mnist() -> None:
    spec = read_image_spec(Config().schema)

    assert spec == MNIST
    assert (spec.size, spec.pixels, spec.classes) == ((28, 28), 784, 10)
    assert spec.layout == "784 pixels in 0..255 and one label in 0..9, all int64"


@pytest.mark.parametrize(
    ("dims", "size"),
    [
        ((784,), (28, 28)),
        ((28, 28), (28, 28)),
        ((8, 6), (8, 6)),
        ((8, 6, 1), (8, 6)),
        ((2, 96), (2, 96)),
        ((4,), (2, 2)),
    ],
)
def test_a_shape_is_height_and_width_or_a_square_number(dims, size) -> None:
    spec = spec_of(parse(schema(*dims)))

    assert spec == ImageSpec(*size, channels=1, classes=4)
    assert spec.pixels == size[0] * size[1]


@pytest.mark.parametrize(
    ("text", "received"),
    [
        (schema(48), "Received: 48."),
        (schema(), "Received: none."),
        (schema(1, 2, 2, 1), "Received: 1×2×2×1."),
        (schema(-4), "Received: -4."),
        (schema(1), "Expected height of 2 to 96. Received: 1."),
        (schema(97, 6), "Expected height of 2 to 96. Received: 97."),
        (schema(8, 6, 3), "Expected channels of 1. Received: 3."),
        (schema(8, 6, label=""), "an 'int_domain' with min 0 and max, the last class"),
        (schema(8, 6, label="int_domain { min: 1 max: 4 }"), "Received: min 1."),
        (schema(8, 6, label="int_domain { min: 0 max: 0 }"), "Received: 1."),
        (
            schema(8, 6, label="int_domain { min: 0 max: 1000 }"),
            "Expected classes of 2 to 1,000. Received: 1,001.",
        ),
        ('feature { name: "image" }', "Received: the features image."),
        ("", "Received: no feature."),
    ],
)
def test_a_schema_that_does_not_say_it_is_refused(tmp_path: Path, text, received):
    file = tmp_path / "schema.pbtxt"
    file.write_text(text)

    with pytest.raises(UsageError) as caught:
        read_image_spec(file)

    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert received in message
    assert "orrect the schema" in message or "correct the shape of image" in message


def test_the_folder_of_a_schema_artifact_is_read(tmp_path: Path) -> None:
    (tmp_path / "schema.pbtxt").write_text(schema(8, 6))

    assert read_image_spec(tmp_path) == ImageSpec(8, 6, 1, 4)


@pytest.mark.parametrize("content", [b"feature {", b"\xff\xfe"])
def test_what_is_no_schema_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "schema.pbtxt"
    file.write_bytes(content)

    with pytest.raises(UsageError, match="a schema in protobuf's text format"):
        read_image_spec(file)


def test_a_missing_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_image_spec(tmp_path / "schema.pbtxt")
