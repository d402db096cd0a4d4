"""Names and sizes of what a record holds; every other module takes them from here."""

IMAGE = "image"
LABEL = "label"

HEIGHT = 28
WIDTH = 28
PIXELS = HEIGHT * WIDTH
MAX_PIXEL = 255
NUM_CLASSES = 10

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = SPLITS
