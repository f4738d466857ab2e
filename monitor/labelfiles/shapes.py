"""The shapes of label files by name, and which of them a text has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from monitor.errors import LabelError
from monitor.labelfiles.argilla import Argilla
from monitor.labelfiles.doccano import Doccano
from monitor.labelfiles.label_studio import LabelStudio
from monitor.labelfiles.native import Csv, JsonLines
from monitor.labelfiles.record import LabelFile

SHAPES: Mapping[str, LabelFile] = MappingProxyType(
    {
        "doccano": Doccano(),
        "jsonl": JsonLines(),
        "label-studio": LabelStudio(),
        "argilla": Argilla(),
        "csv": Csv(),
    }
)
"""In the order in which they are tried; a doccano file would pass for our own JSON lines."""

_LOOKED_AT = 4000


def shape_of(text: str, named: str = "auto") -> LabelFile:
    """Returns the shape of that name, or the first that a text may have.

    Raises:
        LabelError: It has none of them.
    """
    if named != "auto":
        return SHAPES[named]
    start = text.lstrip()[:_LOOKED_AT]
    for shape in SHAPES.values():
        if shape.holds(start):
            return shape
    raise LabelError(
        f"it has none of the shapes {', '.join(SHAPES)}", hint="name its shape with --format"
    )
