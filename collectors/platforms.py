"""Finds the platforms: every file in this package that declares a `SOURCE`."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

from collectors.errors import CollectorError
from collectors.source import Source

_FOLDER = Path(__file__).parent
_DECLARATION = re.compile(r"^SOURCE(: [\w\[\]]+)? = Source\(", re.MULTILINE)


@cache
def names() -> tuple[str, ...]:
    """The platforms' names, sorted; no platform's file (nor its vendor's library) is imported."""
    modules = (module.name for module in pkgutil.iter_modules([str(_FOLDER)]) if not module.ispkg)
    return tuple(sorted(name for name in modules if _declares_source(name)))


def _declares_source(name: str) -> bool:
    text = (_FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return _DECLARATION.search(text) is not None


def load(name: str) -> Source:
    """Imports a platform's file and returns what it declares.

    Raises:
        CollectorError: There is no such platform.
    """
    if name not in names():
        raise CollectorError(
            f"there is no platform {name!r}", hint=f"Known: {', '.join(names()) or 'none'}."
        )
    source = importlib.import_module(f"collectors.{name}").SOURCE
    if not isinstance(source, Source) or source.name != name:
        raise CollectorError(f"SOURCE in collectors/{name}.py is no Source named {name!r}")
    return source
