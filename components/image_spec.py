"""Size of the images and number of classes: read from the schema, from nowhere else.

A node reads them from its schema artifact, a command from the schema of the
configuration or from a pushed model; below that they are passed as an argument.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from components.errors import UsageError
from components.features import IMAGE, LABEL, MAX_PIXEL

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2

LEAST_SIDE, MOST_SIDE = 2, 96
LEAST_CLASSES, MOST_CLASSES = 2, 1000
_SHAPES = (
    "'shape' with the dimensions height and width, or height, width and channels, or "
    "the number of pixels of a square grey image"
)


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        allowed = f"{least}" if least == most else f"{least:,} to {most:,}"
        raise ValueError(f"Expected {name} of {allowed}. Received: {value:,}")


@attrs.frozen
class ImageSpec:
    """What every record of a data set holds and every model of it takes.

    Attributes:
      height: pixels, 2 to 96.
      width: pixels, 2 to 96.
      channels: 1 for grey; 3, red, green and blue, is not supported yet.
      classes: labels are 0 to ``classes - 1``; 2 to 1,000.

    Raises:
      ValueError: a number out of these ranges.
    """

    height: int
    width: int
    channels: int
    classes: int

    def __attrs_post_init__(self) -> None:
        for name in ("height", "width"):
            _require(name, getattr(self, name), LEAST_SIDE, MOST_SIDE)
        _require("channels", self.channels, 1, 1)
        _require("classes", self.classes, LEAST_CLASSES, MOST_CLASSES)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width; the shape of one grey image."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """Values of one record's ``image``, in row-major order."""
        return self.height * self.width * self.channels

    @property
    def layout(self) -> str:
        """What a record holds, in words."""
        return (
            f"{self.pixels} pixels in 0..{MAX_PIXEL} and one label in "
            f"0..{self.classes - 1}, all int64"
        )


# What MNIST and Fashion-MNIST hold, and models that were exported without a record of
# their size; data sets are converted to it.
MNIST = ImageSpec(height=28, width=28, channels=1, classes=10)


def spec_of(schema: "schema_pb2.Schema", where: str = "the schema") -> ImageSpec:
    """Returns the size and the classes that a schema asks for.

    Args:
      schema: the fixed shape of ``image`` is height and width, or height, width and
        channels. One dimension alone is a square grey image's number of pixels. The
        integer domain of ``label`` is 0 to the number of classes less one. TFDV and
        TFT take flat lists for any of these shapes.
      where: names the schema in errors.

    Raises:
      UsageError: it lacks one of these, or the image or the classes are not supported.
    """
    features = {feature.name: feature for feature in schema.feature}
    for name in (IMAGE, LABEL):
        if name not in features:
            received = (
                f"the features {', '.join(features)}" if features else "no feature"
            )
            raise _error(where, f"a feature '{name}'", received)
    height, width, channels = _image_shape(features[IMAGE], where)
    label = features[LABEL]
    wanted = f"for {LABEL} an 'int_domain' with min 0 and max, the last class"
    if not label.HasField("int_domain"):
        raise _error(where, wanted, "none")
    if label.int_domain.min != 0:
        raise _error(where, wanted, f"min {label.int_domain.min}")
    try:
        return ImageSpec(height, width, channels, label.int_domain.max + 1)
    except ValueError as error:
        raise UsageError(
            f"{where}: {error}. Convert the data to what is supported, and correct the "
            f"shape of {IMAGE} or the domain of {LABEL}."
        ) from error


def _image_shape(image: "schema_pb2.Feature", where: str) -> tuple[int, int, int]:
    sizes = [dim.size for dim in image.shape.dim]
    if len(sizes) == 1 and math.isqrt(max(sizes[0], 0)) ** 2 == sizes[0]:
        return math.isqrt(sizes[0]), math.isqrt(sizes[0]), 1
    if len(sizes) in (2, 3):
        return sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else 1
    received = "×".join(map(str, sizes)) or "none"
    raise _error(where, f"for {IMAGE} a {_SHAPES}", received)


def _error(where: str, expected: str, received: str) -> UsageError:
    return UsageError(
        f"{where}: expected {expected}. Received: {received}. Correct the schema; the "
        "README beside schema/schema.pbtxt says what it must hold."
    )


def read_image_spec(place: str | Path) -> ImageSpec:
    """Returns the size and the classes of a schema's file.

    Args:
      place: the file, or the folder of a ``Schema`` artifact, which holds one.

    Raises:
      UsageError: as ``read_schema`` and ``spec_of``.
    """
    file = Path(place)
    if file.is_dir():
        [file] = file.iterdir()
    return spec_of(read_schema(file), str(file))


def read_schema(file: Path) -> "schema_pb2.Schema":
    """Reads a schema in text format.

    Raises:
      UsageError: the file cannot be read or is not a schema.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        return text_format.Parse(file.read_text(encoding="utf-8"), schema_pb2.Schema())
    except OSError as error:
        raise UsageError(
            f"Expected --schema to name a readable schema. "
            f"Received: {file} ({error.strerror})."
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        binary = isinstance(error, UnicodeDecodeError)
        seen = "a file that is no text in UTF-8" if binary else str(error).rstrip(".")
        raise UsageError(
            f"Expected {file} to hold a schema in protobuf's text format. "
            f"Received: {seen}."
        ) from error
