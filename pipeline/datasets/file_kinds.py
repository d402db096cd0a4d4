"""Tells the kind of a file by its first bytes, whatever its name says.

Readers open gzip and plain files alike, and name what they cannot read: a download that
is an error page, a photo in a format that is not read, a file that is empty.
"""

import gzip
import re
import zlib
from pathlib import Path
from typing import BinaryIO, cast

HEAD_SIZE = 512
GZIP_MAGIC = b"\x1f\x8b"

_SIGNATURES = (
    (rb"\x89PNG\r\n\x1a\n", "a PNG image"),
    (rb"\xff\xd8\xff", "a JPEG image"),
    (rb"GIF8[79]a", "a GIF image"),
    (rb"RIFF....WEBP", "a WebP image"),
    (rb"BM.{4}\0{4}", "a BMP image"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "a TIFF image"),
    (rb"....ftypavi[fs]", "an AVIF image"),
    (rb"....ftyp(hei|hev|mif1|msf1)", "a HEIC image"),
    (rb"....ftyp", "a video (MP4 or QuickTime)"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL image"),
    (rb"\0\0\x01\0", "an icon (ICO)"),
    (rb"8BPS", "a Photoshop file"),
    (rb"P[1-6]\s", "a Netpbm image (PBM, PGM or PPM)"),
    (rb"%PDF-", "a PDF document"),
    (rb"%!PS", "a PostScript file"),
    (rb"PK\x03\x04|PK\x05\x06", "a ZIP archive"),
    (GZIP_MAGIC, "a gzip file"),
    (rb"BZh", "a bzip2 file"),
    (rb"\xfd7zXZ\0", "an xz file"),
    (rb"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb".{257}ustar", "a tar archive"),
    (rb"\x93NUMPY", "a NumPy array (.npy)"),
    (rb"PAR1", "a Parquet file"),
    (rb"ARROW1", "an Arrow file"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (rb"\x80[\x02-\x05][\x8c\x95cX(}\]K]", "a Python pickle"),
    (rb"\0\0[\x08\x09\x0b-\x0e][\x01-\x04]", "an IDX file"),
    (rb"SQLite format 3\0", "an SQLite database"),
    (rb"\x7fELF|MZ", "a program"),
    (rb"version https://git-lfs", "a Git LFS pointer; 'git lfs pull' fetches the file"),
    (rb"\xff\xfe|\xfe\xff", "a text in UTF-16"),
)
_KINDS = tuple((re.compile(magic, re.DOTALL), name) for magic, name in _SIGNATURES)
_MARKUP = (
    (b"<!doctype html", "an HTML page, as failed downloads leave"),
    (b"<html", "an HTML page, as failed downloads leave"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
)


def describe_kind(head: bytes) -> str:
    """Names the kind of a file, like "a PDF document"; "another kind of file" if none.

    Args:
      head: its first bytes, up to ``HEAD_SIZE``.
    """
    if not head:
        return "an empty file"
    for magic, name in _KINDS:
        if magic.match(head):
            return name
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for tag, name in _MARKUP:
        if start.startswith(tag):
            return "an SVG drawing" if b"<svg" in start else name
    return "a text file" if _is_text(head) else "another kind of file"


def read_head(path: Path) -> bytes:
    """Returns the first bytes of a file, as they lie there.

    Raises:
      OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(HEAD_SIZE)


def open_unpacked(path: Path) -> BinaryIO:
    """Opens a file to read its content, unpacked where its first bytes are gzip's.

    Raises:
      OSError: it cannot be opened.
    """
    if read_head(path).startswith(GZIP_MAGIC):
        return cast(BinaryIO, gzip.open(path))
    return path.open("rb")


def read_inner_head(path: Path) -> bytes:
    """Returns the first bytes of a file, of its content where it is gzip.

    Damaged gzip is read as far as it goes.

    Raises:
      OSError: it cannot be read.
    """
    try:
        with open_unpacked(path) as file:
            return file.read(HEAD_SIZE)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        return read_head(path)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end inside of a character.
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\r\n\f" for c in text)
