"""One code for each language, whatever a platform, a feed or a topic calls it."""

from __future__ import annotations

from collections.abc import Iterable

# ISO 639 replaced them, but X still sends them.
_REPLACED = {"in": "id", "iw": "he", "ji": "yi"}
# X and the detection of languages tell only the wider ones.
_NARROWER = {"nb": "no", "nn": "no", "fil": "tl"}
_CANONICAL = _REPLACED | _NARROWER


def canonical(language: str) -> str:
    """The code under which a language's posts are kept."""
    return _CANONICAL.get(language, language)


def canonicals(languages: Iterable[str]) -> tuple[str, ...]:
    """The codes under which several languages' posts are kept, each once."""
    return tuple(dict.fromkeys(map(canonical, languages)))


def stored_codes(languages: Iterable[str]) -> tuple[str, ...]:
    """The same, and those under which posts were kept before their language had one code."""
    codes = canonicals(languages)
    return codes + tuple(old for old, new in _NARROWER.items() if new in codes)
