"""``data infer-schema`` as a person calls it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.checkout import PROJECT_ROOT
from components.errors import DatasetError, PipelineError, UsageError
from pipeline.commands.infer_schema import infer_schema
from pipeline.datasets.schema import diff

pytestmark = pytest.mark.slow

CURATED = PROJECT_ROOT / "schema" / "schema.pbtxt"
INFERRED = """
# A comment is no difference, nor is the order of features.
feature {
  name: "label" type: INT
  presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 1 } }
}
feature {
  name: "image" type: INT
  presence { min_fraction: 1.0 min_count: 1 } shape { dim { size: 784 } }
}
"""


def call(*arguments: object) -> Result:
    return CliRunner().invoke(infer_schema, [str(each) for each in arguments])


def refusal(*arguments: object) -> PipelineError:
    error = call(*arguments).exception
    assert isinstance(error, PipelineError)
    return error


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_examples: Path) -> Path:
    """A data folder of 20 training records; there is nothing else to read."""
    folder = tmp_path_factory.mktemp("data") / "a [1] *"
    folder.mkdir()
    (folder / "train").symlink_to(tiny_examples)
    return folder


@pytest.fixture(scope="module")
def compared(data: Path) -> Result:
    return call(data)


def test_the_difference_from_the_curated_schema_is_printed(data, compared):
    assert compared.exit_code == 0
    lines = compared.stdout.splitlines()
    assert lines[:2] == [f"--- {CURATED}", f"+++ inferred from {data}"]
    # What 20 records cannot tell, and curating added.
    removed = [line[1:].strip() for line in lines[2:] if line.startswith("-")]
    assert [text for text in removed if text not in ("}", "int_domain {")] == [
        'name: "pixel"',
        "min: 0",
        "max: 255",
        'name: "digit"',
        "min: 0",
        "max: 9",
        "is_categorical: true",
        'not_in_environment: "SERVING"',
        'default_environment: "TRAINING"',
        'default_environment: "SERVING"',
    ]
    assert [line for line in lines[2:] if line.startswith("+")] == []


def test_a_schema_that_says_the_same_is_said_to(data, tmp_path):
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(INFERRED)
    result = call(data, "--schema", schema)
    assert (result.exit_code, result.stdout) == (
        0,
        f"The schema inferred from {data} says the same as {schema}.\n",
    )


def test_a_folder_without_records_is_refused(tmp_path):
    error = refusal(tmp_path)
    assert isinstance(error, DatasetError)
    assert str(error) == (
        f"{tmp_path / 'train'}: expected TFRecords named *.tfrecord.gz, received none. "
        "Name a folder as `mnist-pipeline data convert` writes it."
    )


def test_damaged_records_are_refused(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "part.tfrecord.gz").write_bytes(b"damaged")
    error = refusal(tmp_path)
    assert isinstance(error, DatasetError)
    assert str(error) == (
        f"{tmp_path / 'train'}: expected readable records, received damaged ones. "
        f"`mnist-pipeline data verify {tmp_path}` names the first of them."
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "to name a readable schema. Received: {}", id="missing"),
        pytest.param("feature { nam", "to hold a schema in protobuf's", id="no schema"),
    ],
)
def test_a_schema_that_cannot_be_read_is_refused(tmp_path, content, expected):
    schema = tmp_path / "schema.pbtxt"
    if content is not None:
        schema.write_text(content)
    error = refusal(tmp_path, "--schema", schema)
    assert isinstance(error, UsageError)
    assert error.exit_code == 2
    assert expected.format(schema) in str(error)


def test_a_changed_bound_shows_as_one_line_each_way():
    one, other = (
        text_format.Parse(text, schema_pb2.Schema())
        for text in (CURATED.read_text(), CURATED.read_text().replace("255", "300"))
    )
    lines = list(diff(one, other, "one", "other"))
    assert lines[:2] == ["--- one", "+++ other"]
    changed = [line for line in lines[2:] if line.startswith(("+", "-"))]
    assert changed == ["-    max: 255", "+    max: 300"]
