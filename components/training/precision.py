"""In which precision matrices are multiplied: the Trainer's choice by the processor."""

from pathlib import Path

FLOAT32 = "float32"
BFLOAT16 = "mixed_bfloat16"

# Instructions that multiply bfloat16; without them it is emulated, and slower.
_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPU_INFO = Path("/proc/cpuinfo")


def choose_precision(wanted: str, cpu_info: Path = _CPU_INFO) -> str:
    """Returns the name of the Keras dtype policy to train with.

    Args:
      wanted: ``float32``, ``mixed_bfloat16`` or ``auto``.
      cpu_info: lists the flags of the processor, as Linux does; elsewhere there is
        no such file, and ``auto`` takes float32.
    """
    if wanted != "auto":
        return wanted
    return BFLOAT16 if _FLAGS & _processor_flags(cpu_info) else FLOAT32


def _processor_flags(cpu_info: Path) -> set[str]:
    if not cpu_info.exists():
        return set()
    for line in cpu_info.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return set(value.split())
    return set()
