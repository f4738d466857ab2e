"""Hacker News through its public search (Algolia): stories and comments that match a term.

The time asked for is cut into slices, oldest first, so short that a few answers hold all of a
slice. A slice is asked for, handed over and done; no cursor of the server's lives longer than
that. A walk that was interrupted goes on; a new one begins a little before the last one began,
for what was indexed late.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from collectors.errors import MalformedAnswerError
from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    check_time,
    mapping,
    take_id,
    take_optional_id,
    take_optional_text,
)
from collectors.http import HttpClient
from collectors.lines import Flaw
from collectors.markup import plain_text
from collectors.policy import Policy
from collectors.post import Checkpoint, Coverage, CoverageStatus, Page, Post, Rejection, Window
from collectors.source import Option, Query, Source, Surroundings
from collectors.terms import matches
from collectors.walks import begun

PLATFORM = "hackernews"
MOST_HITS = 1000
"""The search gives no more than this of one question, whatever page is asked for."""
_TURNED = 10
"""So many pages of a slice are turned at most; one with more is made shorter."""
_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=30)


@dataclass(slots=True)
class _Walk:
    """Where a walk through the time asked for stands.

    Attributes:
        at: All before was asked for in this walk.
        again: Where the next walk begins: later posts may be indexed after this walk's passing.
        length: Of the next slice.
    """

    at: datetime
    again: datetime
    end: datetime
    length: timedelta = _LONGEST

    def next_slice(self) -> Window:
        return Window(self.at, min(self.at + self.length, self.end))

    def shorten(self, stretch: Window, part: float) -> bool:
        """Makes the next slices a part as long; False if they are as short as can be."""
        if stretch.end - stretch.start <= _SHORTEST:
            return False
        part = min(0.5, max(part, 1 / 64))  # Posts crowd together: what a part holds is a guess.
        self.length = max(_SHORTEST, _whole((stretch.end - stretch.start) * part))
        return True

    def pass_over(self, stretch: Window, *, growth: int) -> None:
        self.at = stretch.end
        self.length = min(_LONGEST, self.length * growth)

    def state_after(self, stretch: Window) -> dict[str, str]:
        """Where to go on once a slice is stored: at its end, or anew where it is the last."""
        if stretch.end >= self.end:
            return {"at": self.again.isoformat()}
        return {"at": stretch.end.isoformat(), "again": self.again.isoformat()}


class HackerNewsCollector:
    """Walks through the search by time.

    Args:
        query: The topic's.
        surroundings: Clock, sleep, settings.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._terms = query.terms
        self._asked = _digest(json.dumps(query.terms))
        self._surroundings = surroundings
        settings = {**SOURCE.defaults(), **surroundings.settings}
        self._base_url = str(settings["base_url"])
        self._page_posts = min(int(settings["page_posts"]), MOST_HITS)
        self._overlap = timedelta(seconds=float(settings["overlap"]))
        self._maximum_slices = int(settings["maximum_slices"])

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return PLATFORM

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields a page for each slice of the time asked for, oldest first.

        Raises:
            CollectorError: As `HttpClient.get`.
        """
        before = None if since is None else [str(since.state.get("asked"))]
        yield from begun(self._walked(since, window), [self._asked], before)

    def _walked(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        walk = self._resume(since, window)
        with HttpClient(self._base_url, self._surroundings) as client:
            for _ in range(self._maximum_slices):
                if walk.at >= walk.end or self._surroundings.should_stop():
                    return
                stretch = walk.next_slice()
                hits, missing = self._ask(client, stretch)
                if missing and walk.shorten(stretch, self._room / (len(hits) + missing) / 2):
                    continue
                yield self._page(walk, stretch, hits, missing)
                walk.pass_over(stretch, growth=self._growth(len(hits)))

    @property
    def _room(self) -> int:
        """How many hits of a slice are asked for at most."""
        return min(MOST_HITS, _TURNED * self._page_posts)

    def _growth(self, hits: int) -> int:
        if not hits:
            return 4
        return 2 if hits < self._page_posts / 2 else 1

    def _resume(self, since: Checkpoint | None, window: Window) -> _Walk:
        now = self._surroundings.now().replace(microsecond=0)
        start, end = window.start.replace(microsecond=0), min(window.end, now)
        again = min(now, window.end) - self._overlap
        state = since.state if since else {}
        if state.get("asked") != self._asked:  # Other terms begin anew.
            return _Walk(start, max(start, again), end)
        at = datetime.fromisoformat(state["at"])
        if at > now:  # The clock has jumped: how far we really are is unknown.
            return _Walk(start, max(start, again), end)
        unfinished = state.get("again")
        return _Walk(at, datetime.fromisoformat(unfinished) if unfinished else again, end)

    def _ask(self, client: HttpClient, stretch: Window) -> tuple[dict[str, Record], int]:
        """Returns the hits of all terms, each once, and how many did not come."""
        hits: dict[str, Record] = {}
        for term in self._terms:
            found, missing = self._ask_term(client, term, stretch)
            hits |= found
            if missing:
                return hits, missing
        return hits, 0

    def _ask_term(
        self, client: HttpClient, term: str, stretch: Window
    ) -> tuple[dict[str, Record], int]:
        """Turns pages, as long as they belong together and are not too many.

        Where the number of hits changes between two pages, a hit may have slipped through; a
        page that brings less than it should is as suspicious.
        """
        hits: dict[str, Record] = {}
        can_shorten = stretch.end - stretch.start > _SHORTEST
        total = missing = 0
        for number in range(-(-(self._room if can_shorten else MOST_HITS) // self._page_posts)):
            answer = _search(client, term, stretch, (number, self._page_posts))
            has_changed = number > 0 and answer["nbHits"] != total
            before, total = len(hits), answer["nbHits"]
            hits |= {_place(hit): hit for hit in answer["hits"]}
            missing = total - len(hits)
            if missing <= 0 and not has_changed and _is_counted(answer, self._page_posts):
                return hits, 0
            is_odd = has_changed or len(hits) - before < self._page_posts
            if len(hits) == before or (can_shorten and (is_odd or total > self._room)):
                break
        return hits, max(missing, 1)

    def _page(self, walk: _Walk, stretch: Window, hits: Mapping[str, Record], missing: int) -> Page:
        outcomes = {place: attempt(_read, mapping(hit)) for place, hit in hits.items()}
        posts = (outcome for outcome in outcomes.values() if isinstance(outcome, Post))
        status: CoverageStatus = "partial" if missing else "complete"
        return Page(
            checkpoint=Checkpoint({"asked": self._asked, **walk.state_after(stretch)}),
            # The search also finds authors and addresses, and words that only begin like a term.
            posts=tuple(post for post in posts if matches(post.text, self._terms)),
            rejections=tuple(_rejections(outcomes)),
            coverage=(
                Coverage(stretch.start, stretch.end, status, "listing_limit" if missing else ""),
            ),
        )


def _search(
    client: HttpClient, term: str, stretch: Window, page: tuple[int, int]
) -> Mapping[str, Any]:
    since, until = (int(moment.timestamp()) for moment in (stretch.start, stretch.end))
    answer, _ = client.get_json(
        "api/v1/search_by_date",
        {
            "query": term,
            "tags": "(story,comment,poll)",
            "numericFilters": f"created_at_i>={since},created_at_i<{until}",
            "page": page[0],
            "hitsPerPage": page[1],
            "advancedSyntax": "true",  # A phrase in quotes is one.
            "typoTolerance": "false",
        },
    )
    found = mapping(answer)
    if not isinstance(found.get("hits"), list) or not isinstance(found.get("nbHits"), int):
        raise MalformedAnswerError(
            "the search answered without hits", hint="Is base_url that of the search?"
        )
    return found


def _is_counted(answer: Mapping[str, Any], page_posts: int) -> bool:
    """Whether the number of hits can be believed: where it is a guess, a full page is no end."""
    return answer.get("exhaustiveNbHits") is not False or len(answer["hits"]) < page_posts


def _read(hit: Record) -> Post:
    """Reads a story (a title, perhaps with a text) or a comment."""
    comment = take_optional_text(hit, "comment_text")
    text = plain_text(comment or take_optional_text(hit, "story_text") or "")
    title = None if comment else take_optional_text(hit, "title")
    return Post(
        platform=PLATFORM,
        native_id=take_id(hit, "objectID"),
        created_at=_time(hit),
        text="\n".join(part for part in (title, text) if part),
        author=take_optional_id(hit, "author"),
        kind="reply" if comment else "original",
        reference=take_optional_id(hit, "parent_id") if comment else None,
    )


def _time(hit: Record) -> datetime:
    seconds = hit.get("created_at_i")
    if not isinstance(seconds, int):
        raise BadRecordError("missing_field", "created_at_i")
    try:
        return check_time(datetime.fromtimestamp(seconds, UTC), "created_at_i")
    except (ValueError, OverflowError, OSError) as exc:
        raise BadRecordError("bad_date", "created_at_i is out of range") from exc


def _rejections(outcomes: Mapping[str, Outcome]) -> Iterable[Rejection]:
    for place, outcome in outcomes.items():
        if isinstance(outcome, Flaw):
            yield Rejection(outcome.reason, place, outcome.detail)


def _place(hit: Any) -> str:
    """Names a hit by its id, or by what it is where it has none."""
    name = mapping(hit).get("objectID")
    return f"item:{_digest(name if isinstance(name, str) else json.dumps(hit, sort_keys=True))}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def _whole(length: timedelta) -> timedelta:
    return timedelta(seconds=int(length.total_seconds()))


SOURCE = Source(
    name=PLATFORM,
    title="Hacker News (search)",
    options=(
        Option("base_url", "https://hn.algolia.com", "URL", "Where the search is."),
        Option("page_posts", 1000, "posts", "Posts asked for at once, 1000 at most."),
        Option(
            "overlap",
            3600,
            "seconds",
            "Each run begins this long before the last one began, for posts indexed late.",
        ),
        Option("maximum_slices", 2000, "slices", "Slices of time that a run asks for at most."),
    ),
    secrets=(),
    policy=Policy(
        read_on=date(2026, 11, 25),
        url="https://hn.algolia.com/api",
        conditions=(),
        deletion_hours=None,
        retention_days=None,
        may_store="Public posts; no terms of the search say otherwise.",
        notes="No key. A courtesy limit of 10,000 requests an hour and address is reported.",
    ),
    make=HackerNewsCollector,
    cannot=(
        "It does not see deletions: the search drops deleted posts without a word.",
        "It sees an edit only within the overlap, and the search gives edits no time or number.",
    ),
)
