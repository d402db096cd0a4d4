"""Counts the records that a table of issues flags, by split."""

import re

import pandas as pd

from benchmarks.checkers.exchange import Splits

_COLUMN = re.compile(r"is_(.+)_issue")


def flagged(issues: pd.DataFrame, splits: Splits) -> dict[str, tuple[int, int]]:
    """Returns for each kind of issue and split how many records have it, of how many.

    Args:
      issues: a row a record, in the order of the splits, with a column of bool
        ``is_KIND_issue`` for each kind, as cleanlab and CleanVision have it.
      splits: that the records are of.
    """
    counts, start = {}, 0
    for split, (_, labels) in splits.items():
        rows = issues.iloc[start : start + len(labels)]
        start += len(labels)
        for column in issues.columns:
            if kind := _COLUMN.fullmatch(column):
                name = f"{kind[1].replace('_', ' ')}, {split}"
                counts[name] = int(rows[column].sum()), len(labels)
    return counts
