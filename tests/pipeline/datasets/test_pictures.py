"""Pictures become the pixels of a record: size, colour, turn, transparency, damage."""

import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.checkout import PROJECT_ROOT
from components.examples import read_examples
from components.image_spec import MNIST
from pipeline.datasets.pictures import (
    SUFFIXES,
    PictureError,
    fit,
    is_picture,
    read_picture,
)

ORIENTATION = 0x0112
EXPECTED = "expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF), received "


def load_image(source: Path | io.BytesIO) -> np.ndarray:
    """The pixels of a record, uint8 [28, 28], as readers make them of a picture."""
    return fit(read_picture(source).values)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first 200 test digits, uint8 [200, 28, 28]."""
    pattern = str(PROJECT_ROOT / "data" / "mnist" / "test" / "*")
    return read_examples(MNIST, [pattern], limit=200)[0].reshape(-1, 28, 28)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_a_digit_of_28_by_28_comes_back_as_it_was(digits, mode: str) -> None:
    image = Image.fromarray(digits[0])
    if mode == "I;16":
        image = Image.fromarray(digits[0].astype(np.uint16) * 257)
    else:
        image = image.convert(mode)

    np.testing.assert_array_equal(load_image(encode(image)), digits[0])


def test_a_jpeg_is_nearly_the_same(digits) -> None:
    pixels = load_image(encode(Image.fromarray(digits[0]), "JPEG", quality=95))

    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - digits[0]).max() <= 16


def test_a_large_picture_is_averaged_not_sampled() -> None:
    checkers = np.indices((560, 560)).sum(axis=0) % 2 * 255

    pixels = load_image(encode(Image.fromarray(checkers.astype(np.uint8))))
    assert np.abs(pixels[1:-1, 1:-1].astype(int) - 127).max() <= 2


@pytest.mark.parametrize("size", [(56, 112), (112, 56), (300, 1), (1, 300)])
def test_proportions_are_kept_and_the_border_goes_on(size: tuple[int, int]) -> None:
    image = Image.new("L", size, 40)
    if min(size) > 1:
        image.paste(200, (16, 16, size[0] - 16, size[1] - 16))
    pixels = load_image(encode(image))

    if size[0] < size[1]:
        pixels = pixels.T
    bright = pixels > 120
    assert (pixels[0] == 40).all()
    assert (pixels[-1] == 40).all()
    if min(size) > 1:
        # 80 by 24 pixels, at a quarter of the size.
        assert (bright.any(axis=0).sum(), bright.any(axis=1).sum()) == (20, 6)
    else:
        assert (pixels == 40).all()


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_photo_is_turned_as_its_exif_says(digits, orientation, turns) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.fromarray(digits[0])

    pixels = load_image(encode(image, exif=exif))
    np.testing.assert_array_equal(pixels, np.rot90(digits[0], turns))


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_under_transparent_parts_lies_what_the_ink_stands_out_from(ink, ground) -> None:
    image = Image.new("LA", (28, 28), (ink, 0))
    image.paste((ink, 255), (8, 8, 20, 20))
    pixels = load_image(encode(image))

    assert (pixels[8:20, 8:20] == ink).all()
    assert pixels[0, 0] == ground


def test_a_picture_that_is_transparent_all_over_is_read() -> None:
    assert np.ptp(load_image(encode(Image.new("RGBA", (28, 28), (9, 9, 9, 0))))) == 0


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_lossless_kinds_come_back_as_they_were(digits, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encode(Image.fromarray(digits[0]), kind, **options)

    np.testing.assert_array_equal(load_image(file), digits[0])


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "TIFF"])
def test_the_first_of_several_frames_is_read(digits, kind: str) -> None:
    first, *others = (Image.fromarray(digit) for digit in digits[:3])
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encode(first, kind, save_all=True, append_images=others, **options)

    picture = read_picture(file)
    np.testing.assert_array_equal(picture.values, digits[0])
    assert picture.frames
    assert not read_picture(encode(first, kind)).frames


def test_the_kind_is_told_by_the_content_not_the_name(digits, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    Image.fromarray(digits[0]).save(file, "WEBP", lossless=True)

    np.testing.assert_array_equal(load_image(file), digits[0])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_colour_and_size_are_told(digits, kind: str) -> None:
    grey = Image.fromarray(digits[0]).resize((60, 40))
    red = Image.merge("RGB", (grey, *[Image.new("L", grey.size)] * 2))

    for image, colour in ((grey, False), (grey.convert("RGB"), False), (red, True)):
        picture = read_picture(encode(image, kind))
        assert (picture.colour, picture.size) == (colour, (60, 40))
        assert picture.values.shape == (40, 60)


def test_colour_under_transparency_is_none() -> None:
    image = Image.new("RGBA", (28, 28), (255, 0, 0, 0))
    image.paste((9, 9, 9, 255), (4, 4, 9, 9))

    assert not read_picture(encode(image)).colour


def test_a_jpeg_in_colour_is_as_grey_as_before(digits) -> None:
    red = Image.merge("RGB", [Image.fromarray(digit) for digit in digits[:3]])
    file = encode(red.resize((1000, 700)), "JPEG")
    with Image.open(file) as image:
        image.draft("L", (112, 112))
        expected = np.asarray(image.convert("L"))

    np.testing.assert_array_equal(read_picture(file).values, expected)


@pytest.mark.parametrize(("values", "expected"), [([0, 0.5, 1], [0, 128, 255])])
def test_a_tiff_of_fractions_is_scaled(values, expected) -> None:
    image = Image.fromarray(np.array([values], np.float32))

    assert read_picture(encode(image, "TIFF")).values.tolist() == [expected]


@pytest.mark.parametrize("values", [[0, 255.0], [-0.1, 1], [float("nan"), 1]])
def test_a_tiff_of_other_floats_is_refused(values) -> None:
    image = Image.fromarray(np.array([values], np.float32))

    with pytest.raises(PictureError, match=r"a damaged one \(pixels outside 0\.\.1\)"):
        load_image(encode(image, "TIFF"))


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    whole = encode(Image.new("L", (99, 99))).getvalue()
    for name, (content, received) in {
        "a.png": (b"not a picture", "a text file"),
        "b.png": (whole[:-30], "a damaged one"),
        "c.png": (b"", "an empty file"),
        "d.jpg": (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC image"),
        "e.jpg": (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF image"),
        "f.jpg": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        "g.jpg": (b"\n<!DOCTYPE html><p>404", "an HTML page"),
        "h.tif": (b"II*\0\x08", "a TIFF image, damaged or of a rare kind"),
        "i.png": (b"\x9a\x07\xfe" * 9, "another kind of file"),
        "j.png": (b"version https://git-lfs.github.com/spec", "a Git LFS pointer"),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PictureError) as caught:
            load_image(tmp_path / name)
        assert str(caught.value).startswith(f"{EXPECTED}{received}"), name
    for name, received in {
        "none.png": "No such file or directory",
        ".": "Is a directory",
    }.items():
        with pytest.raises(PictureError) as caught:
            load_image(tmp_path / name)
        assert str(caught.value) == f"{EXPECTED}{received}"


def test_the_kind_of_what_lies_in_a_record_is_said() -> None:
    with pytest.raises(PictureError) as caught:
        load_image(io.BytesIO(b"%PDF-1.7"))
    assert str(caught.value) == f"{EXPECTED}a PDF document"


def wide_jpeg(side: int, digit: np.ndarray) -> io.BytesIO:
    """A digit, dark on white, over all of a JPEG of ``side`` by ``side`` pixels."""
    small = Image.fromarray(255 - digit)
    return encode(small.resize((side, side), Image.Resampling.NEAREST), "JPEG")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("side", [10_000, 14_200])
def test_a_jpeg_of_100_and_200_megapixels_is_read_small(digits, side: int) -> None:
    """Without Pillow's warning or error about decompression bombs."""
    file = wide_jpeg(side, digits[0])

    assert read_picture(file, 1000).values.shape == (-(-side // 8),) * 2
    file.seek(0)
    assert np.abs(load_image(file) - (255.0 - digits[0])).mean() < 6
    assert Image.MAX_IMAGE_PIXELS is not None


@pytest.mark.filterwarnings("error")
def test_a_png_of_100_megapixels_is_read_without_a_warning() -> None:
    file = encode(Image.new("1", (10_000, 10_000)), compress_level=1)
    assert (load_image(file) == 0).all()


def test_absurdly_many_pixels_are_refused_before_they_are_decoded() -> None:
    """PNG's header is enough; a JPEG's is changed to claim the largest size."""
    png = bytearray(encode(Image.new("L", (9, 9))).getvalue())
    png[16:24] = (50_000).to_bytes(4, "big") * 2
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4, "big")
    jpeg = bytearray(encode(Image.new("L", (9, 9)), "JPEG").getvalue())
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = (65_500).to_bytes(2, "big") * 2
    for content, received in ((png, "2,500 million"), (jpeg, "4,290 million")):
        with pytest.raises(PictureError, match="at most 250 million pixels") as caught:
            load_image(io.BytesIO(content))
        assert f"received {received}. Save it smaller" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [*((f"a{end.upper()}", True) for end in SUFFIXES), ("a.pdf", False), ("png", 0)],
)
def test_pictures_are_told_by_their_names(name: str, expected: bool) -> None:
    assert is_picture(Path(name)) == expected
