"""The names that a record and its splits go by."""

from components import features


def test_the_splits_come_in_the_order_that_their_names_are_unpacked() -> None:
    assert features.SPLITS == ("train", "val", "test")
    assert (features.TRAIN, features.VAL, features.TEST) == ("train", "val", "test")


def test_the_label_is_not_a_feature_of_the_image() -> None:
    assert (features.IMAGE, features.LABEL) == ("image", "label")
