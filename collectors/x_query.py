"""X's queries, and its stream's rules, from a topic's terms: each within X's limit of length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from collectors.errors import CollectorError

CHARACTERS = 512
"""How long a query may be where X has granted no more."""


def queries(
    terms: Sequence[str], *, languages: Sequence[str] = (), characters: int = CHARACTERS
) -> dict[str, str]:
    """Packs terms into as few queries as fit, by a key that stays the same for the same query.

    A term is anything in X's query language; reposts are wanted and so never excluded.

    Args:
        terms: A post is wanted if any of them matches.
        languages: Only posts that X takes to be in one of them; all where empty.
        characters: The most of a query.

    Raises:
        CollectorError: There are no terms, or one is too long for a query of its own.
    """
    wanted = list(dict.fromkeys(" ".join(term.split()) for term in terms if term.strip()))
    if not wanted:
        raise CollectorError(
            "the topic asks X for nothing",
            hint="Give it terms = [...] under [queries] or [queries.x].",
        )
    suffix = _language_clause(languages)
    packed = [_query(group, suffix) for group in _groups(wanted, suffix, characters)]
    return {key(query): query for query in packed}


def key(query: str) -> str:
    """Names a query in checkpoints and in the tags of stream rules."""
    return hashlib.blake2b(query.encode(), digest_size=8).hexdigest()


def _groups(terms: Iterable[str], suffix: str, characters: int) -> list[list[str]]:
    groups: list[list[str]] = []
    for term in terms:
        if groups and len(_query([*groups[-1], term], suffix)) <= characters:
            groups[-1].append(term)
        elif (length := len(_query([term], suffix))) <= characters:
            groups.append([term])
        else:
            raise CollectorError(
                f"a term makes a query of {length} characters, X takes {characters}",
                hint="Split the term in the topic's [queries.x], or raise "
                "sources.x.query_characters if X has granted you more.",
            )
    return groups


def _query(terms: Sequence[str], suffix: str) -> str:
    if len(terms) == 1 and not suffix:
        return terms[0]
    either = " OR ".join(f"({term})" for term in terms)
    return f"({either}){suffix}" if suffix and len(terms) > 1 else f"{either}{suffix}"


def _language_clause(languages: Sequence[str]) -> str:
    if not languages:
        return ""
    clause = " OR ".join(f"lang:{language}" for language in languages)
    return f" ({clause})" if len(languages) > 1 else f" {clause}"
