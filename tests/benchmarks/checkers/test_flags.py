"""Records that a table of issues flags are counted by split."""

import numpy as np
import pandas as pd

from benchmarks.checkers.flags import flagged


def test_flags_are_counted_by_kind_and_split():
    issues = pd.DataFrame(
        {
            "is_dark_issue": [True, False, True, True, False],
            "dark_score": [0.1, 0.9, 0.2, 0.3, 0.8],
            "is_near_duplicate_issue": [False, False, False, False, True],
        }
    )
    splits = {
        split: (np.empty((size, 1, 1)), np.zeros(size, int))
        for split, size in (("train", 3), ("test", 2))
    }

    assert flagged(issues, splits) == {
        "dark, train": (2, 3),
        "near duplicate, train": (0, 3),
        "dark, test": (1, 2),
        "near duplicate, test": (1, 2),
    }
