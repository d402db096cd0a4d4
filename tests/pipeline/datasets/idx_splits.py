"""The three splits of a folder of IDX files, as ``data convert --idx`` makes them."""

from pathlib import Path

from pipeline.datasets import idx_source
from pipeline.datasets.convert import Split
from pipeline.datasets.splitting import split_source


def read_splits(folder: Path, val: float | int) -> list[Split]:
    """Train without and val with the last ``val`` items, and test."""
    source = idx_source.read_source(folder)
    return split_source(source, val, None, folder.parent, lambda _: None)
