"""Kinds of files are named by their first bytes, whatever their names say."""

import gzip
from pathlib import Path

import pytest

from pipeline.datasets.file_kinds import describe_kind, read_inner_head

KINDS = {
    b"": "an empty file",
    b"\x89PNG\r\n\x1a\n\0": "a PNG image",
    b"RIFF\x10\0\0\0WEBPVP8 ": "a WebP image",
    b"\0\0\0\x20ftypheic": "a HEIC image",
    b"\0\0\0\x20ftypmif1": "a HEIC image",
    b"\0\0\0\x20ftypavif": "an AVIF image",
    b"\0\0\0\x20ftypqt  ": "a video (MP4 or QuickTime)",
    b"II*\0\x08": "a TIFF image",
    b"%PDF-1.4": "a PDF document",
    b"PK\3\4rest": "a ZIP archive",
    b"\x1f\x8b\x08": "a gzip file",
    b"\0\0\x0c\2": "an IDX file",
    b'  <?xml version="1.0"?><svg>': "an SVG drawing",
    b"<?xml version='1.0'?><note>": "an XML file",
    b"\xef\xbb\xbf<HTML><body>": "an HTML page, as failed downloads leave",
    b"\xff\xfea\0": "a text in UTF-16",
    "é".encode() * 255 + b"\xc3": "a text file",
    b"label,pixel0\n": "a text file",
    b"BMX is a sport": "a text file",
    b"\x00\x01\x02": "another kind of file",
}


@pytest.mark.parametrize(("head", "kind"), KINDS.items(), ids=KINDS.values())
def test_a_kind_is_named(head: bytes, kind: str) -> None:
    assert describe_kind(head) == kind


def test_gzip_is_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "a"
    for content, head in (
        (gzip.compress(b"label,pixel0"), b"label,pixel0"),
        (b"label,pixel0", b"label,pixel0"),
        (b"\x1f\x8b damaged", b"\x1f\x8b damaged"),
    ):
        file.write_bytes(content)
        assert read_inner_head(file) == head
