"""What this processor can multiply fast; needs no torch."""

import platform
from pathlib import Path

import openvino

_PROCESSOR = Path("/proc/cpuinfo")


def candidates() -> list[str]:
    """Return the arithmetics that may be fast here, of int8, bf16 and f32; f32 always may.

    OpenVINO names int8 for processors too that only add up bytes in 16 bits, which overflow: the
    processor's own list of instructions decides. Where there is none, int8 is tried.
    """
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    flags = _PROCESSOR.read_text(encoding="utf-8") if _PROCESSOR.is_file() else "vnni"
    multiplies_bytes = any(name in flags for name in ("vnni", "amx_int8", "asimddp"))
    return [
        *(["int8"] if multiplies_bytes else []),
        *(["bf16"] if "BF16" in able else []),
        "f32",
    ]


def description() -> str:
    """Return the processor's name with what is tried on it."""
    name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{name} {platform.machine()} {' '.join(candidates())}"
