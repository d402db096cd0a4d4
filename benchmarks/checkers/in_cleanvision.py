"""CleanVision: every check that it makes by default, on all images at once."""

import datasets
import numpy as np
from cleanvision import Imagelab
from PIL import Image

from benchmarks.checkers.exchange import Found, Splits
from benchmarks.checkers.flags import flagged

PACKAGES = ("cleanvision",)


def check(before: Splits, now: Splits) -> Found:
    """Looks at the images alone: it compares no data sets and takes no labels."""
    images = np.concatenate([images for images, _ in now.values()])
    pictures = {"image": [Image.fromarray(image) for image in images]}
    layout = datasets.Features({"image": datasets.Image()})
    lab = Imagelab(
        hf_dataset=datasets.Dataset.from_dict(pictures, features=layout),
        image_key="image",
    )
    # Images of this size take it longer to hand to other processes than to look at.
    lab.find_issues(n_jobs=1, verbose=False)
    return Found(flagged=flagged(lab.issues, now))
