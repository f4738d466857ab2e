"""What became of Reddit posts: removed ones are to be deleted, edited ones come again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from collectors.formats.fields import Record
from collectors.http import Limits
from collectors.lines import Flaw
from collectors.post import Checkpoint, Deletion, Page, Post, Rejection
from collectors.reddit_client import INFO_AT_ONCE, RedditClient
from collectors.reddit_things import COMMENT, PLATFORM, SUBMISSION, name_of, read_thing
from collectors.source import Surroundings
from collectors.walks import place_of

_FULL_NAME = re.compile(rf"(?:{SUBMISSION}|{COMMENT})_[0-9a-z]+")


@dataclass(slots=True)
class Harvest:
    """What some things came to.

    Attributes:
        things: Those that are posts, by full name.
    """

    posts: list[Post] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    things: dict[str, Record] = field(default_factory=dict)

    def add(self, thing: Record) -> Post | None:
        """Takes a thing; returns its post, which is not among `posts` yet."""
        outcome, name = read_thing(thing), name_of(thing)
        if isinstance(outcome, Flaw):
            place = place_of(PLATFORM, name or repr(thing))
            self.rejections.append(Rejection(outcome.reason, place, outcome.detail))
        elif isinstance(outcome, Deletion):
            self.deletions.append(outcome)
        else:
            self.things[outcome.native_id] = thing
            return outcome
        return None

    def page(self, checkpoint: Checkpoint) -> Page:
        """All of it as a page."""
        return Page(checkpoint, tuple(self.posts), tuple(self.rejections), tuple(self.deletions))


def look_up(client: RedditClient, names: Sequence[str]) -> Harvest:
    """Asks what became of up to `INFO_AT_ONCE` posts; edited ones are among the posts.

    A post that Reddit does not know any more is deleted too: banned with its subreddit, say. Since
    an answer may lack something by mistake, it is asked for twice; and where Reddit claims to know
    none at all, nothing is believed.
    """
    harvest = Harvest()
    found = _found(client, names, harvest)
    missing = [name for name in names if name not in found]
    if missing and found:
        missing = [name for name in missing if name not in _found(client, missing, harvest)]
        harvest.deletions += [Deletion(PLATFORM, name, reason="gone") for name in missing]
    return harvest


def _found(client: RedditClient, names: Iterable[str], harvest: Harvest) -> set[str]:
    things = client.things(list(names)).things
    for thing in things:
        post = harvest.add(thing)
        if post is not None and post.revision:
            harvest.posts.append(post)
    return {name for thing in things if (name := name_of(thing))}


class RedditChecker:
    """Asks what became of stored posts.

    Args:
        surroundings: As for the collector.
    """

    at_once = INFO_AT_ONCE

    def __init__(self, surroundings: Surroundings) -> None:
        self._client = RedditClient(surroundings, Limits(timeout=surroundings.settings["timeout"]))

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields pages of deletions and edited posts; ids that are no full names are left out.

        Raises:
            CollectorError: Reddit could not be asked.
        """
        names = [one for one in native_ids if _FULL_NAME.fullmatch(one)]
        for start in range(0, len(names), self.at_once):
            asked = names[start : start + self.at_once]
            yield look_up(self._client, asked).page(Checkpoint({}))
