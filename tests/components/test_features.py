"""The sizes of a record fit together."""

from components import features


def test_an_image_has_height_times_width_pixels() -> None:
    assert (features.HEIGHT, features.WIDTH, features.PIXELS) == (28, 28, 784)


def test_pixels_and_classes_have_mnists_ranges() -> None:
    assert (features.MAX_PIXEL, features.NUM_CLASSES) == (255, 10)


def test_the_splits_come_in_the_order_that_their_names_are_unpacked() -> None:
    assert features.SPLITS == ("train", "val", "test")
    assert (features.TRAIN, features.VAL, features.TEST) == ("train", "val", "test")


def test_the_label_is_not_a_feature_of_the_image() -> None:
    assert (features.IMAGE, features.LABEL) == ("image", "label")
