"""What a conversion did besides: refused with all names, or told and kept."""

import os

import pytest

from components.errors import DatasetError
from pipeline.datasets.findings import Findings, some


def test_a_list_says_how_many_it_leaves_out() -> None:
    assert some(["a", "b"]) == "a, b"
    assert some(range(12)) == "0, 1, 2, 3, 4, 5, … and 6 more"
    assert some(["a"], total=1201) == "a, … and 1,200 more"
    assert some([os.fsdecode(b"caf\xe9"), "a\nb"]) == "caf\\udce9, a\\nb"


def test_all_that_is_bad_is_named_up_to_a_number() -> None:
    findings = Findings()
    for number in range(26):
        findings.add_bad(f"/a/{number}.png", "expected a picture, received a text file")

    with pytest.raises(DatasetError) as caught:
        findings.require_good()
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "Expected a source that can be read. Received: 26 items that cannot:"
    )
    assert lines[1:21] == [
        f"  /a/{number}.png: expected a picture, received a text file"
        for number in range(20)
    ]
    assert lines[21:] == [
        "  … and 6 more",
        "Replace or remove them, or leave out with --skip-bad what cannot be used.",
    ]


def test_a_good_source_is_said_nothing_about() -> None:
    findings = Findings()
    assert findings.admits(9, "here")
    findings.add_size((28, 28))
    findings.require_good()

    assert list(findings.lines()) == []
    assert findings.to_json("/a") == {}


def test_what_was_done_is_said_and_kept() -> None:
    findings = Findings(colour=3, frames=1, litter=2, links=1)
    for width in (30, 31, 32, 33):
        findings.add_size((width, 32), width)
    findings.scaled.append("/a/b.npz: x_train: scaled pixels from 0..1 to 0..255")
    findings.left_out.add("/a/notes.txt")
    findings.add_bad("/a/x.png", "expected a picture, received a text file")
    findings.admits(26, "/a/labels")

    assert list(findings.lines()) == [
        "Left out 1 that cannot be read:\n"
        "  /a/x.png: expected a picture, received a text file",
        "Left out 1 example whose label is no class: 26.",
        "Dropped the colour of 3 images.",
        "Resized 126 images to 28x28: 33 of 33x32, 32 of 32x32, 31 of 31x32, "
        "… and 30 more.",
        "Read the first frame alone of 1 image.",
        "/a/b.npz: x_train: scaled pixels from 0..1 to 0..255.",
        "Followed 1 link to a folder.",
        "Left out 1 file of another kind: /a/notes.txt.",
        "Passed over 2 files of the operating system, like .DS_Store.",
    ]
    assert findings.to_json("/a") == {
        "left_out": ["x.png: expected a picture, received a text file"],
        "left_out_count": 1,
        "labels_left_out": {"26": 1},
        "colour_dropped": 3,
        "resized": {"30x32": 30, "31x32": 31, "32x32": 32, "33x32": 33},
        "resized_count": 126,
        "first_frame_read": 1,
        "scaled": ["b.npz: x_train: scaled pixels from 0..1 to 0..255"],
    }
