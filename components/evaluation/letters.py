"""Letters that no model of digits should be sure of, on a sheet that we drew.

``benchmarks/draw_letters.py`` draws it; ``unknown`` reads it.
"""

from pathlib import Path

import numpy as np
from PIL import Image

SHEET = Path(__file__).with_name("letters.png")
SIDE, COLUMNS = 28, 8


def read_letters(size: tuple[int, int]) -> np.ndarray:
    """Returns the letters, uint8 [n, height, width], bright on black.

    Args:
      size: height and width that they are scaled to.
    """
    with Image.open(SHEET) as image:
        sheet = np.asarray(image)
    tiles = sheet.reshape(-1, SIDE, COLUMNS, SIDE).swapaxes(1, 2)
    tiles = tiles.reshape(-1, SIDE, SIDE)
    height, width = size
    scaled = [Image.fromarray(tile).resize((width, height)) for tile in tiles]
    return np.array([np.asarray(one) for one in scaled])
