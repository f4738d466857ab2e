"""What this processor can multiply fast; needs no torch."""

import platform
from pathlib import Path

import openvino

_PROCESSOR = Path("/proc/cpuinfo")


def candidates() -> list[str]:
    """Return the arithmetics to try here, the fastest first: int8 where it may be fast, and f32.

    OpenVINO rounds inputs to bytes on processors with VNNI alone: the processor's own list of
    instructions decides, and where there is no list it is 32 bits. bf16 is not used: a post's
    sentiment then depends on how long the targets beside it are, in the last bits.
    """
    flags = _PROCESSOR.read_text(encoding="utf-8") if _PROCESSOR.is_file() else ""
    return ["int8", "f32"] if "vnni" in flags else ["f32"]


def description() -> str:
    """Return the processor's name with what is tried on it."""
    name = openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    return f"{name} {platform.machine()} {' '.join(candidates())}"
