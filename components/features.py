"""Names and sizes of what a record holds and a model returns, for all modules."""

IMAGE = "image"
LABEL = "label"
PROBABILITIES = "probabilities"
CLASS_ID = "class_id"
STATE = "state"

HEIGHT = 28
WIDTH = 28
PIXELS = HEIGHT * WIDTH
MAX_PIXEL = 255
NUM_CLASSES = 10

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = SPLITS
