"""The questions asked of posts, one module each.

A module in this folder that defines ``HEAD`` (a ``LabelHead``) adds a head: nothing else
needs to be registered. See ``docs/add-a-head.md``.
"""

import importlib
import pkgutil
from functools import cache

from classifiers.errors import UnknownHeadError
from classifiers.label_head import LabelHead

__all__ = ["LabelHead", "all_heads", "head", "reported_heads"]


@cache
def all_heads() -> tuple[LabelHead, ...]:
    """Return every head, ordered by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.HEAD for module in modules)


def reported_heads() -> tuple[LabelHead, ...]:
    """Return the heads whose answers are figures of their own, ordered by name."""
    return tuple(known for known in all_heads() if known.reported)


def head(name: str) -> LabelHead:
    """Return the head of that name.

    Raises:
        UnknownHeadError: No such head; the hint lists those there are.
    """
    for known in all_heads():
        if known.name == name:
            return known
    raise UnknownHeadError(
        f"there is no head called {name!r}",
        hint=f"the heads are: {', '.join(known.name for known in all_heads())}",
    )
