"""X in miniature, read by its stream, with search for what the stream did not bring."""

from __future__ import annotations

from worlds.x import XWorld


def make() -> XWorld:
    return XWorld(stream=True, linger=0.3, stall_seconds=1)
