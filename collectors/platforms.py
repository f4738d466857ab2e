"""Finds the platforms: every file in this package that declares a `SOURCE`."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

from collectors.errors import CollectorError
from collectors.source import Option, Source

_FOLDER = Path(__file__).parent
_DECLARATION = re.compile(r"^SOURCE(: [\w\[\]]+)? = Source\(", re.MULTILINE)


@cache
def names() -> tuple[str, ...]:
    """The platforms' names, sorted; no platform's file (nor its vendor's library) is imported."""
    modules = (module.name for module in pkgutil.iter_modules([str(_FOLDER)]) if not module.ispkg)
    return tuple(sorted(name for name in modules if _declares_source(name)))


def _declares_source(name: str) -> bool:
    return _DECLARATION.search(_text_of(name)) is not None


def _text_of(name: str) -> str:
    return (_FOLDER / f"{name}.py").read_text(encoding="utf-8")


@cache
def query_options(name: str) -> tuple[Option, ...]:
    """What a platform declares as `query_options`, read off its file without importing it.

    Every topic that is loaded is checked against them, and a vendor's library takes a second.
    """
    calls = (node for node in ast.walk(ast.parse(_text_of(name))) if isinstance(node, ast.Call))
    declared = next(
        (key.value for call in calls for key in call.keywords if key.arg == "query_options"), None
    )
    options = declared.elts if isinstance(declared, ast.Tuple) else []
    return tuple(
        Option(*map(ast.literal_eval, option.args))
        for option in options
        if isinstance(option, ast.Call)
    )


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
