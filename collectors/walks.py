"""Several timelines of one source, read in one pass: what they cover together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from itertools import pairwise

from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
)
from collectors.post import Coverage, CoverageStatus, Page

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Walk:
    """How a pass over one timeline went.

    Attributes:
        start, end: The time that this pass has news of.
        lacking: Times [from, to) from which not everything came, now or at an earlier pass;
            they may begin before `start`.
        reason: Why, a fixed word.
        error: What stopped the walk, if it was an error.
    """

    start: datetime
    end: datetime
    lacking: tuple[Span, ...] = ()
    reason: str = ""
    error: CollectorError | None = None

    def lacks(self, span: Span) -> bool:
        """Whether a span lies in what is lacking."""
        return any(start <= span[0] and span[1] <= end for start, end in self.lacking)


def coverage(walks: Sequence[Walk]) -> tuple[Coverage, ...]:
    """What the source as a whole covers: complete only where every timeline is."""
    start, end = min(walk.start for walk in walks), max(walk.end for walk in walks)
    edges = {edge for walk in walks for span in walk.lacking for edge in span}
    points = sorted({start, end} | {edge for edge in edges if start < edge < end})
    found: list[Coverage] = []
    for span in pairwise(points):
        one = _covered(span, walks)
        if found and (found[-1].status, found[-1].reason) == (one.status, one.reason):
            one = replace(one, start=found.pop().start)
        found.append(one)
    return tuple(found)


def _covered(span: Span, walks: Sequence[Walk]) -> Coverage:
    lacking = [walk for walk in walks if walk.lacks(span)]
    if not lacking:
        return Coverage(*span, "complete")
    reason = ", ".join(sorted({walk.reason for walk in lacking}))
    return Coverage(*span, "gap" if len(lacking) == len(walks) else "partial", reason)


def begun(
    pages: Iterator[Page], asked: Collection[str], before: Collection[str] | None
) -> Iterator[Page]:
    """The same pages; the first says what the coverage of earlier passes still counts as.

    Args:
        pages: Of one pass.
        asked: Names of all that is asked.
        before: Of what the pass goes on with was asked before; None for a first pass.
    """
    first = next(pages, None)
    if first is None:
        return
    new = set(asked) - set(asked if before is None else before)
    earlier: CoverageStatus = "complete"
    if new:
        earlier = "gap" if len(new) == len(set(asked)) else "partial"
    yield replace(first, earlier=earlier)
    yield from pages


def raise_if_all_failed(walks: Sequence[Walk]) -> None:
    """Raises the first walk's error where none of them came through."""
    errors = [walk.error for walk in walks if walk.error is not None]
    if errors and len(errors) == len(walks):
        raise errors[0]


def reason_of(error: CollectorError) -> str:
    """The fixed word for an error."""
    words: tuple[tuple[type[CollectorError], str], ...] = (
        (AuthenticationError, "refused"),
        (RefusedRequestError, "refused"),
        (NotFoundError, "not_found"),
        (RateLimitedError, "rate_limited"),
        (MalformedAnswerError, "malformed"),
    )
    return next((word for kind, word in words if isinstance(error, kind)), "unavailable")


def place_of(platform: str, identity: str) -> str:
    """Where a record stood, the same at every delivery, without naming it."""
    name = blake2b(f"{platform}\x00{identity}".encode("utf-8", "replace"), digest_size=16)
    return f"{platform}:{name.hexdigest()}"
