"""Charts as pictures, drawn without a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from functools import lru_cache
from typing import Any, Literal

from monitor.dashboard.charts import Spec
from monitor.errors import MonitorError

Format = Literal["png", "svg", "pdf"]

WIDTH = 900
_SECONDS = 120
# One at a time: each takes a process with a JavaScript engine of 100 MB.
_ONE = threading.Lock()
_DRAW = """
import sys, vl_convert
spec, kind = sys.stdin.read(), sys.argv[1]
if kind == "svg":
    sys.stdout.buffer.write(vl_convert.vegalite_to_svg(spec).encode())
elif kind == "pdf":
    sys.stdout.buffer.write(vl_convert.vegalite_to_pdf(spec))
else:
    sys.stdout.buffer.write(vl_convert.vegalite_to_png(spec, scale=2))
"""
_COLOURS = {
    "--first": "#0072b2",
    "--second": "#c85200",
    "--third": "#7b848c",
    "--posts": "#3f6f8f",
    "--reposts": "#a9bfcc",
    "--ink": "#1c2126",
    "--muted": "#5b6570",
    "--line": "#dfe3e6",
    "--card": "#ffffff",
}
"""The style sheet's light colours: a picture has no style sheet."""


def on_paper(spec: Spec, title: str, subtitle: str) -> Spec:
    """Returns a page's chart for a white sheet, with all that the page says around it."""
    plain = re.sub(
        r"var\((--\w+)\)", lambda found: _COLOURS[found[1]], json.dumps(spec, ensure_ascii=False)
    )
    drawn: Spec = json.loads(plain)
    heading: dict[str, Any] = {
        "text": title,
        "subtitle": subtitle,
        "anchor": "start",
        "color": _COLOURS["--ink"],
        "subtitleColor": _COLOURS["--muted"],
        "offset": 14,
    }
    return drawn | {"width": WIDTH, "background": "#ffffff", "title": heading, "padding": 16}


def draw(spec: Spec, kind: Format) -> bytes:
    """Draws a chart.

    Raises:
        MonitorError: It could not be drawn.
    """
    return _drawn(json.dumps(spec, sort_keys=True, ensure_ascii=False), kind)


@lru_cache(maxsize=32)
def _drawn(spec: str, kind: Format) -> bytes:
    command = [sys.executable, "-c", _DRAW, kind]
    try:
        with _ONE:
            done = subprocess.run(  # noqa: S603  the specification is data on its input
                command, input=spec.encode(), check=True, capture_output=True, timeout=_SECONDS
            )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        raise MonitorError(
            "the chart could not be drawn", hint="its data are there as CSV; try again later"
        ) from exc
    return done.stdout
