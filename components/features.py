"""Names of what a record holds and a model returns, for all modules."""

IMAGE = "image"
LABEL = "label"
PROBABILITIES = "probabilities"
CLASS_ID = "class_id"
STATE = "state"

MAX_PIXEL = 255

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = SPLITS
