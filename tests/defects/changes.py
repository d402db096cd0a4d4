"""Changes that spoil images: pure functions, uint8 [n, h, w] to the same.

``plants`` says which records they are made to.
"""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

Change = Callable[[np.ndarray], np.ndarray]


def chance(images: np.ndarray) -> np.random.Generator:
    """The same for the same images, another for others."""
    return np.random.default_rng(int(images.sum()))


def _rounded(images: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


def transposed(images: np.ndarray) -> np.ndarray:
    """Rows read as columns."""
    return images.transpose(0, 2, 1)


def mirrored(images: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return images[:, :, ::-1]


def flipped(images: np.ndarray) -> np.ndarray:
    """Top and bottom exchanged."""
    return images[:, ::-1]


def inverted(images: np.ndarray) -> np.ndarray:
    """Black on white."""
    return 255 - images


def turned(degrees: float) -> Change:
    """Turned anticlockwise."""

    def change(images: np.ndarray) -> np.ndarray:
        wide = images.astype(np.float32)
        return _rounded(
            ndimage.rotate(wide, degrees, axes=(2, 1), reshape=False, order=1)
        )

    return change


def moved(down: int, across: int) -> Change:
    """Moved by whole pixels; what leaves the image is lost."""

    def change(images: np.ndarray) -> np.ndarray:
        _, height, width = images.shape
        padded = np.pad(images, ((0, 0), (abs(down),) * 2, (abs(across),) * 2))
        top, left = abs(down) - down, abs(across) - across
        return padded[:, top : top + height, left : left + width]

    return change


def resized(scale: float) -> Change:
    """Larger or smaller about the centre, in an image of the same size."""

    def change(images: np.ndarray) -> np.ndarray:
        middle = (np.array(images.shape[1:]) - 1) / 2
        matrix = np.diag([1.0, 1 / scale, 1 / scale])
        offset = np.array([0.0, *(middle - middle / scale)])
        wide = images.astype(np.float32)
        return _rounded(ndimage.affine_transform(wide, matrix, offset, order=1))

    return change


def sheared(slope: float) -> Change:
    """Slanted: each row moves across by its distance from the middle."""

    def change(images: np.ndarray) -> np.ndarray:
        middle = (images.shape[1] - 1) / 2
        matrix = np.array([[1.0, 0, 0], [0, 1, 0], [0, slope, 1]])
        offset = np.array([0.0, 0.0, -slope * middle])
        wide = images.astype(np.float32)
        return _rounded(ndimage.affine_transform(wide, matrix, offset, order=1))

    return change


def resampled(size: int) -> Change:
    """Scaled down to so many pixels a side and up again."""

    def change(images: np.ndarray) -> np.ndarray:
        small = (Image.fromarray(i).resize((size, size), 2) for i in images)
        shape = images.shape[2], images.shape[1]
        return np.stack([np.asarray(i.resize(shape, 2)) for i in small])

    return change


def blank_below(share: float) -> Change:
    """The rows from that share of the height on are black."""

    def change(images: np.ndarray) -> np.ndarray:
        spoilt = images.copy()
        spoilt[:, round(share * images.shape[1]) :] = 0
        return spoilt

    return change


def constant(value: int) -> Change:
    """One single value."""
    return lambda images: np.full_like(images, value)


def static(images: np.ndarray) -> np.ndarray:
    """Every pixel anything."""
    rng = chance(images)
    return rng.integers(0, 256, images.shape, dtype=np.uint8)


def noisy(deviation: float) -> Change:
    """Normal noise on every pixel."""

    def change(images: np.ndarray) -> np.ndarray:
        noise = chance(images).normal(0, deviation, images.shape)
        return _rounded(images + noise)

    return change


def salted(share: float) -> Change:
    """That share of the pixels black or white."""

    def change(images: np.ndarray) -> np.ndarray:
        rng = chance(images)
        hit = rng.random(images.shape) < share
        return np.where(hit, rng.integers(0, 2, images.shape) * 255, images).astype(
            "u1"
        )

    return change


def blurred(deviation: float) -> Change:
    """Out of focus."""

    def change(images: np.ndarray) -> np.ndarray:
        wide = images.astype(np.float32)
        return _rounded(ndimage.gaussian_filter(wide, (0, deviation, deviation)))

    return change


def sharpened(amount: float) -> Change:
    """An unsharp mask."""

    def change(images: np.ndarray) -> np.ndarray:
        wide = images.astype(np.float32)
        return _rounded(
            wide + amount * (wide - ndimage.gaussian_filter(wide, (0, 1, 1)))
        )

    return change


def times(factor: float) -> Change:
    """Dimmed or brightened; too bright is white."""
    return lambda images: _rounded(images.astype(np.float32) * factor)


def plus(value: float) -> Change:
    """A grey background; too bright is white."""
    return lambda images: _rounded(images.astype(np.float32) + value)


def overflown(factor: int) -> Change:
    """Brightened in eight bits, so that too bright wraps around to black."""
    return lambda images: images * np.uint8(factor)


def sign_lost(images: np.ndarray) -> np.ndarray:
    """Pixels kept as int8 and read back as such: bright ones are cut off at 127."""
    return np.minimum(images, 127)


def grey_between(darkest: float, brightest: float) -> Change:
    """Less contrast: 0..255 becomes a smaller range."""
    span = (brightest - darkest) / 255
    return lambda images: _rounded(darkest + images.astype(np.float32) * span)


def gamma(power: float) -> Change:
    """A wrong gamma curve; above 1 darkens."""
    return lambda images: _rounded(255 * (images / 255.0) ** power)


def binarized(threshold: int) -> Change:
    """Black and white alone."""
    return lambda images: np.where(images >= threshold, 255, 0).astype(np.uint8)


def quantized(levels: int) -> Change:
    """So many grey values alone."""
    step = 255 / (levels - 1)
    return lambda images: _rounded(np.rint(images / step) * step)


def without_faint(threshold: int) -> Change:
    """Pixels below the threshold are black."""
    return lambda images: np.where(images < threshold, 0, images).astype(np.uint8)


def jpeg(quality: int) -> Change:
    """Compressed as JPEG and read again."""

    def one(image: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return lambda images: np.stack([one(image) for image in images])


def thickened(size: int) -> Change:
    """Thicker strokes."""
    return lambda images: ndimage.grey_dilation(images, (1, size, size))


def vignetted(corner: float) -> Change:
    """Darker to the corners, down to that share there."""

    def change(images: np.ndarray) -> np.ndarray:
        down, across = (np.linspace(-1, 1, size) for size in images.shape[1:])
        distance = (down[:, None] ** 2 + across**2) / 2
        return _rounded(images * (1 - (1 - corner) * distance))

    return change


def ghosts(strength: float) -> Change:
    """The image of the record before shines through."""
    return lambda images: _rounded(
        np.maximum(images, strength * np.roll(images, 1, axis=0).astype(np.float32))
    )


def rows_swapped(images: np.ndarray) -> np.ndarray:
    """Each two rows exchanged, as with a wrong byte order."""
    order = np.arange(images.shape[1]).reshape(-1, 2)[:, ::-1].ravel()
    return images[:, order]


def pixels_shuffled(images: np.ndarray) -> np.ndarray:
    """One and the same permutation of all pixels."""
    order = np.random.default_rng(6).permutation(images[0].size)
    return images.reshape(len(images), -1)[:, order].reshape(images.shape)


def bytes_late(count: int) -> Change:
    """Read so many bytes late, as where the header of a file was not skipped."""

    def change(images: np.ndarray) -> np.ndarray:
        return np.roll(images.ravel(), count).reshape(images.shape)

    return change


def one_pixel(images: np.ndarray) -> np.ndarray:
    """Changes one pixel of each image."""
    spoilt = images.copy()
    spoilt[:, 14, 14] ^= 128
    return spoilt
