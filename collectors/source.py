"""What a platform's file says of itself, and what its collector gets from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from collectors.policy import Policy
from collectors.post import Collector, Page

PRODUCT = "employee-sentiment-monitor"
"""The name that a site's robots.txt may speak of."""

HASHTAGS = "hashtags"
"""The unit of an option each of whose values must leave a hashtag (`collectors.hashtags`)."""


def _version() -> str:
    try:
        return version(PRODUCT)
    except PackageNotFoundError:
        return "0"


USER_AGENT = f"{PRODUCT}/{_version()} (+research; no contact given)"
"""Who asks, where the operator names no contact."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a topic asks of a source.

    Attributes:
        topic: The topic's name.
        terms: A post is wanted if any of them matches (`collectors.terms`).
        options: What else `[queries.<source>]` holds: subreddits, feeds, hashtags, …
        languages: Primary subtags.
        end: When the topic is over; a pass may ask for less.
    """

    topic: str
    title: str
    terms: tuple[str, ...]
    options: Mapping[str, Any]
    languages: tuple[str, ...]
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a collector gets from outside.

    Attributes:
        settings: `[sources.<name>]`, every key of `Source.options`, types checked.
        secret: `secret("bearer_token")` reads MONITOR_<SOURCE>_BEARER_TOKEN, None without one.
        now: The time, aware UTC.
        sleep: Waits for some seconds; raises `StoppedError` when asked to stop meanwhile.
        should_stop: Whether to stop soon.
        reads: Billed posts of this source in this calendar month (UTC), all topics together.
        contact: The operator's `[sources] contact`, for the user agent.
    """

    settings: Mapping[str, Any]
    secret: Callable[[str], str | None]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    should_stop: Callable[[], bool]
    reads: Callable[[], int]
    contact: str = ""

    @property
    def user_agent(self) -> str:
        """Who asks."""
        if not self.contact:
            return USER_AGENT
        return f"{PRODUCT}/{_version()} (+research; {self.contact})"


@dataclass(frozen=True, slots=True)
class Option:
    """One key of `[sources.<name>]` or `[queries.<name>]`; its type is that of its default.

    Attributes:
        default: A bool, int, float, str or list of str.
        unit: `seconds`, `posts`, `true or false`, …
        explanation: A sentence, as it stands in `config/default.toml` if it is of a source.
    """

    name: str
    default: Any
    unit: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret of a source; `MONITOR_<SOURCE>_<NAME>` holds it."""

    name: str
    required: bool
    explanation: str

    def variable(self, source: str) -> str:
        """The environment variable that holds it."""
        return f"MONITOR_{source}_{self.name}".upper()


class Checker(Protocol):
    """Asks what became of stored posts, on a platform that does not tell by itself.

    Attributes:
        at_once: How many posts it is best given at a time.
    """

    at_once: int

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields pages with deletions, and with the posts that were edited meanwhile.

        Their checkpoints mean nothing: a check that was interrupted is made again.

        Raises:
            CollectorError: The platform cannot be asked (further).
        """
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A platform, as its file declares it.

    Attributes:
        name: The file's name, and that in settings, checkpoints and coverage.
        title: For people: `Bluesky (Jetstream)`.
        options: Besides `enabled`, which every source has.
        query_options: What a topic's `[queries.<name>]` may hold besides `terms`: literals, in
            the order of `Option`'s fields, since they are read without importing the file.
        make: Builds the collector for a topic's query; contacts nobody yet.
        cannot: What this collector cannot do and why, a sentence each.
        checker: Builds what asks after stored posts, None where deletions come by themselves (or
            cannot be learned of at all).
    """

    name: str
    title: str
    options: tuple[Option, ...]
    secrets: tuple[Secret, ...]
    policy: Policy
    make: Callable[[Query, Surroundings], Collector]
    cannot: tuple[str, ...] = ()
    checker: Callable[[Surroundings], Checker] | None = None
    query_options: tuple[Option, ...] = ()

    def defaults(self) -> dict[str, Any]:
        """Every option's default, by name."""
        return {option.name: option.default for option in self.options}
