"""Turns blocks of numbers, as arrays and tables hold images, into pixels of records."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from components.errors import DatasetError
from components.features import MAX_PIXEL
from pipeline.datasets.findings import Findings
from pipeline.datasets.labels import label_of
from pipeline.datasets.pictures import fit
from pipeline.datasets.source import Examples
from pipeline.datasets.target import TARGET

Row = TypeVar("Row")

BLOCK = 1024
# As Pillow weighs red, green and blue.
_LUMA = np.array([19595, 38470, 7471])
_LEAST_COLOUR = 16


@dataclass
class PixelBlocks:
    """Pixels of one array, table or file, a block after the other.

    The first block with something in it decides what range they have: 0..255, or 0..1,
    which is scaled.

    Attributes:
        name: of the source of the numbers, for messages.
        classes: the names, in the order of the labels.
        findings: to note what was done and what is bad.
        centred: whether the range may be -0.5..0.5 as well, as in TFX's example.
    """

    name: str
    classes: Sequence[str]
    findings: Findings
    centred: bool = False
    _low: float | None = field(default=None, init=False)
    _high: float = field(default=float(MAX_PIXEL), init=False)

    def examples(
        self,
        block: np.ndarray,
        labels: Sequence[object],
        where: Callable[[int], str],
    ) -> Examples:
        """Yields (pixels uint8[784], label) of the good rows of a block.

        Args:
            block: numbers [n, ...]: flat and square, [height, width], with or without
                a dimension of 1 or 3 channels.
            labels: of the n rows, as they are in the source.
            where: names a row of the block, for messages.

        Raises:
            DatasetError: the numbers have another type or shape.
        """
        if block.dtype.kind not in "biuf":
            raise DatasetError(
                f"{self.name}: expected numbers as pixels, received {block.dtype}. "
                "Save pixels as uint8."
            )
        images = _as_images(block, self.name)
        rows, faults = self._scale(images.reshape(len(images), -1))
        images = rows.reshape(images.shape)
        for row, image in enumerate(images):
            if row in faults:
                self.findings.add_bad(where(row), faults[row])
                continue
            try:
                label = label_of(labels[row], self.classes)
            except ValueError as error:
                self.findings.add_bad(where(row), error)
                continue
            if self.findings.admits(label, where(row)):
                yield self._to_pixels(image), label

    def _scale(self, rows: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        """Returns uint8 of the same shape, and what is wrong with rows by number."""
        if rows.dtype == bool:
            rows = rows.astype(np.uint8)
        if self._low is None:
            self._decide(rows)
        low = self._low or 0.0
        faults = {}
        # NaN is neither, and so outside.
        outside = ~((rows >= low) & (rows <= self._high))
        if self._high == MAX_PIXEL and rows.dtype.kind == "f":
            outside |= rows != np.floor(rows)
        for row in np.flatnonzero(outside.any(axis=1)).tolist():
            position = int(outside[row].argmax())
            faults[row] = (
                f"expected pixels {self._range(low)}, received {rows[row, position]} "
                f"at position {position}"
            )
        if self._high == MAX_PIXEL:
            return np.where(outside, 0, rows).astype(np.uint8), faults
        fractions = np.where(outside, 0, (rows.astype(np.float64) - low))
        scaled = fractions * (MAX_PIXEL / (self._high - low))
        return scaled.round().astype(np.uint8), faults

    def _decide(self, rows: np.ndarray) -> None:
        """Takes the range that most images have which are not blank."""
        smallest, largest = rows.min(axis=1), rows.max(axis=1)
        drawn = (smallest != 0) | (largest != 0)
        if not drawn.any():
            return
        smallest, largest = smallest[drawn], largest[drawn]
        self._low = 0.0
        if self.centred and _most((smallest >= -0.5) & (largest <= 0.5)):
            self._low, self._high = -0.5, 0.5
        elif _most((smallest >= 0) & (largest <= 1)):
            self._high = 1.0
        else:
            return
        self.findings.scaled.append(
            f"{self.name}: scaled pixels from {self._low:g}..{self._high:g} to "
            f"0..{MAX_PIXEL}"
        )

    def _range(self, low: float) -> str:
        if self._high == MAX_PIXEL:
            return f"as whole numbers in 0..{MAX_PIXEL}, or all in 0..1"
        return f"in {low:g}..{self._high:g} like those before"

    def _to_pixels(self, image: np.ndarray) -> np.ndarray:
        """uint8 [height, width, channels] becomes uint8[784]."""
        if image.shape[2] == 3:
            self.findings.colour += int(
                (np.ptp(image.astype(np.int16), axis=2) > _LEAST_COLOUR).any()
            )
            grey = ((image @ _LUMA + 0x8000) >> 16).astype(np.uint8)
        else:
            grey = image[..., 0]
        height, width = grey.shape
        self.findings.add_size((width, height))
        if (height, width) != (TARGET.height, TARGET.width):
            grey = fit(grey)
        return grey.reshape(TARGET.pixels)


def _most(rows: np.ndarray) -> bool:
    return bool(rows.mean() > 0.5)


def _as_images(block: np.ndarray, name: str) -> np.ndarray:
    """Returns a view [n, height, width, channels].

    Raises:
        DatasetError: the shape is that of no images.
    """
    count, *shape = block.shape
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        if side and side * side == shape[0]:
            return block.reshape(count, side, side, 1)
    if len(shape) == 2 and min(shape):
        return block[..., None]
    if len(shape) == 3 and min(shape):
        if shape[2] in (1, 3):
            return block
        if shape[0] in (1, 3):
            return block.transpose(0, 2, 3, 1)
    shown = "x".join(map(str, shape)) or "no"
    raise DatasetError(
        f"{name}: expected images as {TARGET.height}x{TARGET.width}, maybe with 1 or 3 "
        f"channels, or flat and square like {TARGET.pixels}, received {shown} values "
        "each. Reshape them."
    )


def in_blocks(rows: Iterator[Row], size: int = BLOCK) -> Iterator[list[Row]]:
    """Yields lists of up to ``size`` items."""
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == size:
            yield block
            block = []
    if block:
        yield block
