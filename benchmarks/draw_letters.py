"""Draws the sheet of letters that ModelAudit shows to a model of digits.

``python -m benchmarks.draw_letters`` writes it anew. The strokes are our own, of no
font. Letters that may pass for a digit, like O, I, S, Z, B, g, q and Y, are left out.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from components.evaluation.letters import COLUMNS, SHEET, SIDE

Stroke = Sequence[tuple[float, float]]

# Longer side of a letter in pixels, and by how much larger it is drawn first.
_BOX, _SCALE = 20, 16
# Of each letter two: width of the stroke in pixels, and slant.
_HANDS = ((2.6, 0.0), (1.8, 0.25))


def _arc(
    centre: tuple[float, float], radius: tuple[float, float], start: int, end: int
) -> Stroke:
    """Part of an ellipse between two angles in degrees, 0 right and 90 down."""
    steps = np.radians(np.linspace(start, end, 24))
    (x, y), (across, along) = centre, radius
    return [(x + across * math.cos(a), y + along * math.sin(a)) for a in steps]


# Strokes in a square of side 1, y downwards.
_BOW = _arc((0.5, 0.25), (0.35, 0.25), -90, 90)
_HUMP = _arc((0.35, 0.65), (0.35, 0.3), 180, 360)
LETTERS: dict[str, Sequence[Stroke]] = {
    "A": [[(0, 1), (0.45, 0), (0.9, 1)], [(0.2, 0.62), (0.7, 0.62)]],
    "E": [[(0.8, 0), (0, 0), (0, 1), (0.8, 1)], [(0, 0.5), (0.65, 0.5)]],
    "F": [[(0.8, 0), (0, 0), (0, 1)], [(0, 0.5), (0.65, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(0.8, 0), (0.8, 1)], [(0, 0.5), (0.8, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.8, 0), (0, 0.55)], [(0.25, 0.4), (0.8, 1)]],
    "L": [[(0, 0), (0, 1), (0.7, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.7), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.8, 1), (0.8, 0)]],
    "R": [[(0, 1), (0, 0), (0.5, 0), *_BOW, (0, 0.5)], [(0.4, 0.5), (0.85, 1)]],
    "V": [[(0, 0), (0.4, 1), (0.8, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "X": [[(0, 0), (0.8, 1)], [(0.8, 0), (0, 1)]],
    "d": [_arc((0.35, 0.7), (0.35, 0.3), 0, 360), [(0.7, 0), (0.7, 1)]],
    "f": [
        [*reversed(_arc((0.6, 0.25), (0.25, 0.25), 180, 320)), (0.35, 1)],
        [(0.05, 0.45), (0.7, 0.45)],
    ],
    "h": [[(0, 0), (0, 1)], [*_HUMP, (0.7, 1)]],
    "m": [
        [(0, 0.4), (0, 1)],
        [*_arc((0.25, 0.6), (0.25, 0.25), 180, 360), (0.5, 1)],
        [*_arc((0.75, 0.6), (0.25, 0.25), 180, 360), (1, 1)],
    ],
    "n": [[(0, 0.35), (0, 1)], [*_HUMP, (0.7, 1)]],
    "r": [[(0, 0.3), (0, 1)], _arc((0.35, 0.65), (0.35, 0.3), 180, 310)],
    "t": [
        [(0.3, 0), (0.3, 0.75), *_arc((0.5, 0.75), (0.2, 0.25), 180, 30)],
        [(0, 0.3), (0.7, 0.3)],
    ],
    "u": [
        [(0, 0.3), *_arc((0.35, 0.7), (0.35, 0.3), 180, 0), (0.7, 0.3)],
        [(0.7, 0.7), (0.7, 1)],
    ],
    "Γ": [[(0.7, 0), (0, 0), (0, 1)]],
    "Δ": [[(0, 1), (0.45, 0), (0.9, 1), (0, 1)]],
    "Π": [[(0, 1), (0, 0), (0.8, 0), (0.8, 1)]],
    "Ψ": [
        [(0, 0.1), *_arc((0.45, 0.35), (0.45, 0.35), 180, 0), (0.9, 0.1)],
        [(0.45, 0), (0.45, 1)],
    ],
    "Ω": [
        [(0, 1), (0.3, 1), *_arc((0.45, 0.42), (0.42, 0.42), 115, 425), (0.6, 1)],
        [(0.6, 1), (0.9, 1)],
    ],
    "Ж": [[(0.45, 0), (0.45, 1)], [(0, 0), (0.9, 1)], [(0.9, 0), (0, 1)]],
    "Ш": [[(0, 0), (0, 1), (1, 1), (1, 0)], [(0.5, 0), (0.5, 1)]],
    "И": [[(0, 0), (0, 1), (0.8, 0), (0.8, 1)]],
}


def draw_letter(strokes: Sequence[Stroke], width: float, slant: float) -> np.ndarray:
    """Draws a letter as MNIST's digits are: 20 pixels, its mass in the middle.

    Args:
      strokes: in a square of side 1.
      width: of them in pixels.
      slant: how far the top leans to the right, as a share of the height.

    Returns:
      uint8 [SIDE, SIDE], bright on black.
    """
    slanted = [[(x + slant * (1 - y), y) for x, y in stroke] for stroke in strokes]
    points = np.concatenate([np.array(stroke) for stroke in slanted])
    low, extent = points.min(axis=0), np.ptp(points, axis=0).max()
    image = Image.new("L", (SIDE * _SCALE, SIDE * _SCALE))
    pen, radius = ImageDraw.Draw(image), width * _SCALE / 2
    inner = (_BOX - width) * _SCALE
    for stroke in slanted:
        places = (np.array(stroke) - low) / extent * inner + 4 * _SCALE
        pen.line([tuple(at) for at in places], 255, round(2 * radius))
        for x, y in places:
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], 255)
    large = np.asarray(image)
    rows, columns = np.nonzero(large)
    shift = [round(SIDE * _SCALE / 2 - at.mean()) for at in (rows, columns)]
    centred = Image.fromarray(np.roll(large, shift, axis=(0, 1)))
    return np.asarray(centred.resize((SIDE, SIDE), Image.Resampling.BOX))


def draw_sheet() -> np.ndarray:
    """Draws every letter in each hand, row by row, uint8 [height, width]."""
    tiles = [draw_letter(one, *hand) for hand in _HANDS for one in LETTERS.values()]
    rows = np.array(tiles).reshape(-1, COLUMNS, SIDE, SIDE)
    return rows.swapaxes(1, 2).reshape(-1, COLUMNS * SIDE)


if __name__ == "__main__":
    Image.fromarray(draw_sheet()).save(SHEET, optimize=True)
