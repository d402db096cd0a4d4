"""Names of what a record holds and a model returns, for all modules."""

IMAGE = "image"
LABEL = "label"
PROBABILITIES = "probabilities"
CLASS_ID = "class_id"
STATE = "state"
# The state of an answer that is to be trusted.
SURE = "sure"
# Of one that cannot be judged, since nothing was measured.
UNKNOWN = "unknown"

MAX_PIXEL = 255

SPLITS = ("train", "val", "test")
TRAIN, VAL, TEST = SPLITS
