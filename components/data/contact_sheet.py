"""Many small images on one picture, a caption under each; for people to look at."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_COLUMNS = 20
# Images are enlarged to about so many pixels, so that a caption has room below.
_SIDE = 60
_GAP = 3
_CAPTION = 13
_GROUND, _INK = 96, 255


def contact_sheet(images: np.ndarray, captions: Sequence[str]) -> Image.Image:
    """Lays images out in rows.

    Args:
      images: uint8 [n, h, w], n at least 1.
      captions: of each, short.
    """
    height, width = images.shape[1:3]
    scale = max(_SIDE // max(height, width), 1)
    font = ImageFont.load_default()
    widest = max(int(font.getlength(caption)) for caption in captions)
    across = max(width * scale, _SIDE, widest) + _GAP
    down = height * scale + _CAPTION + _GAP
    columns, rows = min(len(images), _COLUMNS), -(-len(images) // _COLUMNS)
    sheet = Image.new("L", (columns * across, rows * down), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = index % _COLUMNS * across, index // _COLUMNS * down
        large = image.repeat(scale, axis=0).repeat(scale, axis=1)
        indent = (across - width * scale) // 2
        sheet.paste(Image.fromarray(large), (left + indent, top + 1))
        middle = left + (across - draw.textlength(caption, font=font)) / 2
        draw.text((middle, top + height * scale + 1), caption, _INK, font=font)
    return sheet
