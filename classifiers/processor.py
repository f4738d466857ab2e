"""What this processor can multiply fast; needs no torch."""

import platform
from pathlib import Path

import openvino

_PROCESSOR = Path("/proc/cpuinfo")


def candidates() -> list[str]:
    """Return the arithmetics that may be fast here; f32, the last one, always may.

    ``int8+bf16`` rounds most of what is multiplied to 8 bits and computes the rest in bf16,
    ``int8+f32`` in 32 bits; ``bf16`` and ``f32`` compute all in theirs.

    OpenVINO names int8 for processors too that only add up bytes in 16 bits, which overflow: the
    processor's own list of instructions decides. Where there is none, int8 is tried.
    """
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    flags = _PROCESSOR.read_text(encoding="utf-8") if _PROCESSOR.is_file() else "vnni"
    multiplies_bytes = any(name in flags for name in ("vnni", "amx_int8", "asimddp"))
    floats = ["bf16", "f32"] if "BF16" in able else ["f32"]
    return [*([f"int8+{floats[0]}"] if multiplies_bytes else []), *floats]


def unrounded(precision: str) -> str:
    """Return the floats, ``bf16`` or ``f32``, of an arithmetic."""
    return precision.rpartition("+")[2]


def description() -> str:
    """Return the processor's name with what is tried on it."""
    name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{name} {platform.machine()} {' '.join(candidates())}"
