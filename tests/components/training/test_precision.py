"""The precision follows the flags of the processor, and nothing is tried out."""

from pathlib import Path

import pytest

from components.training.precision import choose_precision

WITHOUT = "fpu sse avx avx2 avx512f"


def cpu_info(folder: Path, flags: str) -> Path:
    file = folder / "cpuinfo"
    core = (
        f"processor\t: 0\nmodel name\t: amx_bf16 maker\nflags\t\t: {flags}\nbugs\t:\n"
    )
    file.write_text(f"{core}\n{core}")
    return file


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (f"{WITHOUT} avx512_bf16", "mixed_bfloat16"),
        (f"amx_bf16 {WITHOUT}", "mixed_bfloat16"),
        (WITHOUT, "float32"),
        (f"{WITHOUT} avx512_bf16x", "float32"),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_multiplies_it(
    tmp_path: Path, flags: str, expected: str
) -> None:
    assert choose_precision("auto", cpu_info(tmp_path, flags)) == expected


def test_auto_takes_float32_where_flags_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert choose_precision("auto", tmp_path / "none") == "float32"
    assert choose_precision("auto", tmp_path / "empty") == "float32"


@pytest.mark.parametrize("wanted", ["float32", "mixed_bfloat16"])
def test_a_named_precision_is_taken_whatever_the_processor(
    tmp_path: Path, wanted: str
) -> None:
    for flags in (WITHOUT, f"{WITHOUT} avx512_bf16"):
        assert choose_precision(wanted, cpu_info(tmp_path, flags)) == wanted
