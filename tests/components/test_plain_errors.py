"""Why a file is not what it should be, without the validator's own words."""

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from components.plain_errors import plain_problems


@dataclass(frozen=True)
class Sample:
    """What is checked."""

    name: str
    count: Annotated[int, Field(ge=1)]
    parts: Annotated[tuple[float, ...], Field(min_length=1)] = (0.5,)
    on: bool = True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON: EOF while parsing an object at line 1 column 1"),
        ("3", "a value that is no table"),
        ('{"count": 1}', "name: missing"),
        ('{"name": 3, "count": 1}', "name: no text"),
        ('{"name": "a", "count": "x"}', "count: no whole number"),
        ('{"name": "a", "count": 0}', "count: below 1"),
        ('{"name": "a", "count": 1, "parts": []}', "parts: empty"),
        ('{"name": "a", "count": 1, "parts": ["x"]}', "parts.0: no number"),
        ('{"name": "a", "count": 1, "on": "x"}', "on: no true or false"),
    ],
)
def test_a_problem_is_said_in_plain_words(text: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Sample).validate_json(text)

    assert plain_problems(caught.value) == said


def test_several_problems_are_named_and_the_rest_counted() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Sample).validate_python({"name": 1, "count": 0, "on": 7})

    assert plain_problems(caught.value, most=2) == (
        "name: no text; count: below 1; and 1 more"
    )
