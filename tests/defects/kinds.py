"""All defects of data that are planted in arrays, for our gates and other tools."""

from tests.defects.image_kinds import IMAGES
from tests.defects.label_kinds import LABELS
from tests.defects.split_kinds import SPLITS

KINDS = (*IMAGES, *LABELS, *SPLITS)
