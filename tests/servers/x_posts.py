"""X's posts and what X says about them, for the server in `x.py`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

EPOCH_MILLISECONDS = 1_288_834_974_657
LANGUAGE = re.compile(r"\s*\(?lang:[a-z]+(?: OR lang:[a-z]+)*\)?$")
GONE = {
    "deleted": ("Not Found Error", "resource-not-found"),
    "deactivated": ("Not Found Error", "resource-not-found"),
    "suspended": ("Forbidden", "resource-not-found"),
    "protected": ("Authorization Error", "not-authorized-for-resource"),
}
"""What a lookup says of a post by what became of it."""

_numbers = itertools.count(1)


def snowflake(moment: datetime, sequence: int = 0) -> int:
    """An id as X gives it out at a moment."""
    epoch = datetime.fromtimestamp(0, UTC)
    milliseconds = (moment - epoch) // timedelta(milliseconds=1) - EPOCH_MILLISECONDS
    return max(milliseconds, 0) << 22 | sequence % (1 << 22)


def told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


@dataclass
class Revision:
    """A post, or an edit of one."""

    id: str
    text: str
    author: str
    created_at: datetime
    history: list[str]
    lang: str = "en"
    references: list[dict[str, str]] = field(default_factory=list)
    gone: str | None = None
    description: str | None = None
    long_text: str | None = None

    @property
    def is_last(self) -> bool:
        return self.history[-1] == self.id


@dataclass
class Posts:
    """All posts by the id of each revision.

    Attributes:
        now: Later posts are not there yet.
        by_time: Whether ids hold their time, as X's do; else they count from 1.
        heard_by: Told of each new revision.
    """

    now: Callable[[], datetime]
    by_time: bool = True
    by_id: dict[str, Revision] = field(default_factory=dict)
    heard_by: list[Callable[[Revision], None]] = field(default_factory=list)

    def add(self, text: str, created_at: datetime, author: str = "ann", **more: Any) -> str:
        number = self._number(created_at)
        return self._put(Revision(number, text, author, created_at, [number], **more))

    def edit(self, number: str, text: str, at: datetime) -> str:
        """Publishes a new revision of a post; returns its id."""
        old = self.by_id[number]
        fresh = self._number(at)
        old.history.append(fresh)
        return self._put(Revision(fresh, text, old.author, at, old.history, old.lang))

    def remove(self, number: str, reason: str = "deleted") -> None:
        for one in self.by_id[number].history:
            self.by_id[one].gone = reason

    def standing(self) -> Iterator[Revision]:
        """What can be found: the last revisions of what is not gone, newest first."""
        found = [one for one in self.by_id.values() if one.is_last and one.gone is None]
        return (
            one
            for one in sorted(found, key=lambda one: -int(one.id))
            if one.created_at <= self.now()
        )

    def _number(self, moment: datetime) -> str:
        sequence = next(_numbers)
        return str(snowflake(moment, sequence) if self.by_time else sequence)

    def _put(self, revision: Revision) -> str:
        self.by_id[revision.id] = revision
        for hear in self.heard_by:
            hear(revision)
        return revision.id


def fits(query: str, revision: Revision) -> bool:
    """Whether a post is what a query asks for: terms joined by OR, perhaps in languages."""
    languages = re.findall(r"lang:([a-z]+)", query)
    if languages and revision.lang not in languages:
        return False
    terms = LANGUAGE.sub("", query).split(" OR ")
    text = revision.text.lower()
    return any(
        all(word in text for word in re.split(r"[\s()\"]+", term.lower()) if word) for term in terms
    )


def author_id(name: str) -> str:
    return str(1_000_000 + sum(ord(letter) * 131**place for place, letter in enumerate(name)))


class Rendering:
    """Posts as X's JSON, with the fields that were asked for and no others.

    Args:
        query: The request's.
        posts: Where references lead.
        generation: `tweet` or `post`: of the names of fields.
    """

    def __init__(self, query: Mapping[str, str], posts: Posts, generation: str) -> None:
        self._noun = generation
        self._fields = set(query.get(f"{generation}.fields", "").split(","))
        self._user_fields = set(query.get("user.fields", "").split(","))
        self._expansions = set(query.get("expansions", "").split(","))
        self._posts = posts

    def record(self, one: Revision) -> dict[str, Any]:
        noun = self._noun
        wanted = {
            "author_id": author_id(one.author),
            "created_at": told(one.created_at),
            "lang": one.lang,
            "edit_controls": {
                "edits_remaining": 5 - len(one.history),
                "is_edit_eligible": True,
                "editable_until": told(one.created_at + timedelta(hours=1)),
            },
        }
        if one.references:
            wanted[f"referenced_{noun}s"] = one.references
        if one.long_text is not None:
            wanted[f"note_{noun}"] = {"text": one.long_text}
        asked = {name: value for name, value in wanted.items() if name in self._fields}
        base = {"id": one.id, "text": one.text, f"edit_history_{noun}_ids": list(one.history)}
        return base | asked

    def includes(self, shown: Iterable[Revision]) -> dict[str, Any]:
        shown = list(shown)
        found: dict[str, Any] = {}
        if "author_id" in self._expansions:
            authors = {one.author: one for one in shown}
            found["users"] = [self._user(one) for one in authors.values()]
        if f"referenced_{self._noun}s.id" in self._expansions:
            ids = dict.fromkeys(each["id"] for one in shown for each in one.references)
            there = [self._posts.by_id[number] for number in ids if number in self._posts.by_id]
            if there:
                found[f"{self._noun}s"] = [self.record(one) for one in there if one.gone is None]
        return {"includes": found} if found else {}

    def _user(self, one: Revision) -> dict[str, Any]:
        user = {"id": author_id(one.author), "name": one.author, "username": one.author}
        if "description" in self._user_fields:
            user["description"] = one.description or f"I am {one.author}"
        return user


def problem(number: str, reason: str) -> dict[str, str]:
    """What a lookup says of a post that is gone."""
    title, kind = GONE[reason]
    section = {"section": "data"} if kind.startswith("not-auth") else {}
    return {
        "value": number,
        "detail": f"Could not find tweet with ids: [{number}].",
        "title": title,
        "resource_type": "tweet",
        "parameter": "ids",
        "resource_id": number,
        "type": f"https://api.twitter.com/2/problems/{kind}",
        **section,
    }
