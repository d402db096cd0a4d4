"""The collector rests during imports, and works again after them."""

import gc

import pytest

from components.garbage import garbage_collection_off


@pytest.fixture(autouse=True)
def thaw():
    yield
    gc.unfreeze()


def test_the_collector_is_off_inside_and_on_after() -> None:
    with garbage_collection_off():
        inside = gc.isenabled()

    assert not inside
    assert gc.isenabled()


def test_one_inside_another_does_not_end_the_pause() -> None:
    with garbage_collection_off():
        with garbage_collection_off():
            pass
        inside = gc.isenabled()

    assert not inside
    assert gc.isenabled()


def test_what_was_made_inside_is_looked_through_no_more() -> None:
    with garbage_collection_off():
        made = {"a": []}

    assert all(made is not one for one in gc.get_objects())
    assert gc.get_freeze_count() > 0


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), garbage_collection_off():
        raise ImportError("no such module")

    assert gc.isenabled()
