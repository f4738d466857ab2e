"""What the pages load: style sheet, script and chart library, all from this process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

_STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_CHART_LIBRARY = "vega.js"
_WRITE_CHART_LIBRARY = """
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle().encode())
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file for the browser."""

    content: bytes
    media_type: str


def asset(name: str) -> Asset | None:
    """Returns an asset by its name; None for a name that is not one."""
    if name == _CHART_LIBRARY:
        return Asset(_chart_library(), _MEDIA_TYPES[".js"])
    if name not in {path.name for path in _STATIC.iterdir()}:
        return None
    path = _STATIC / name
    return Asset(path.read_bytes(), _MEDIA_TYPES[path.suffix])


@cache
def asset_address(name: str) -> str:
    """Returns the address of an asset, which changes with its content."""
    if name == _CHART_LIBRARY:  # made on the first request: it takes seconds
        version = metadata.version("vl-convert-python")
    else:
        version = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={version}"


@cache
def _chart_library() -> bytes:
    """Vega, Vega-Lite and Vega-Embed in one script.

    A process of its own writes it: that takes seconds in which Python would stand still, and
    100 MB for a JavaScript engine that nothing else here needs.
    """
    command = [sys.executable, "-c", _WRITE_CHART_LIBRARY]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  nothing of it is input
    return done.stdout
