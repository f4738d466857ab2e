"""Parts that are imported where they are first made: commands start at once."""

from __future__ import annotations

import importlib
from typing import Any


def load(module: str, name: str) -> Any:
    """Gives a class of a module that is imported now: most commands need few of them."""
    return getattr(importlib.import_module(module), name)
