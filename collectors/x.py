"""X (formerly Twitter): searches and the filtered stream of its API, version 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Any

from collectors.errors import CollectorError, PolicyError
from collectors.policy import Condition, Policy, unmet
from collectors.post import Checkpoint, Page, Window
from collectors.source import Option, Query, Secret, Source, Surroundings
from collectors.walks import begun
from collectors.x_client import XClient
from collectors.x_compliance import XChecker
from collectors.x_query import CHARACTERS, queries
from collectors.x_run import Run
from collectors.x_stream import Rules, Stream

NAME = "x"


def _has_approval(settings: Mapping[str, Any]) -> bool:
    return bool(str(settings.get("approval_reference", "")).strip())


POLICY = Policy(
    read_on=date(2026, 11, 25),
    url="https://docs.x.com/developer-terms/policy",
    conditions=(
        Condition(
            key="sources.x.approval_reference",
            explanation="X's terms forbid watching protests and other sensitive events without "
            "its written approval: the reference of yours goes here",
            met=_has_approval,
            example='"the reference of X\'s approval"',
        ),
    ),
    deletion_hours=24,
    retention_days=None,
    may_store="Posts for the approved use, as long as they stand on X; no sensitive trait derived "
    "for a person.",
    notes="Reads are billed by the post and capped by the month. Deleted, edited, protected and "
    "suspended posts must be followed within 24 hours: keep jobs.compliance on.",
)


class XCollector:
    """Collects what a topic asks of X.

    Args:
        query: The topic's.
        surroundings: Settings, secrets, clock and reads.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._surroundings = _complete(surroundings)
        self._topic, self._end = query.topic, query.end
        settings = self._surroundings.settings
        self._queries = queries(
            query.terms,
            languages=query.languages if settings["only_languages"] else (),
            characters=int(settings["query_characters"]),
        )

    @property
    def source(self) -> str:
        """Its name."""
        return NAME

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields what came since the checkpoint, newest first in each walk; see `x_track`.

        Raises:
            PolicyError: There is no approval.
            CollectorError: X cannot be read (further).
        """
        before = None if since is None else since.state.get("queries", {})
        yield from begun(self._fetched(since, window), self._queries, before)

    def _fetched(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        here = self._surroundings
        _check_policy(here)
        with closing(XClient(here)) as client:
            run = Run(client, self._queries, here, since=since, window=window)
            rules = Rules(client, self._topic, self._queries)
            if here.settings["stream"] and here.now() < window.end:
                run.may_have_rules = True
                yield from Stream(client, run, rules, here).pages()
            elif here.settings["stream"] and self._is_over and run.may_have_rules:
                yield from _closed(run, rules)
            else:
                yield from run.searched()

    @property
    def _is_over(self) -> bool:
        """Whether the topic has ended; a window that has may be a backfill's."""
        return self._end is not None and self._end <= self._surroundings.now()


def _closed(run: Run, rules: Rules) -> Iterator[Page]:
    """Removes the rules of a topic that has ended, and searches for its rest in any case."""
    failure = None
    try:
        rules.remove()
    except CollectorError as exc:
        failure = exc
    else:
        yield run.without_rules()
    yield from run.searched()
    if failure is not None:
        raise failure


def make_checker(surroundings: Surroundings) -> XChecker:
    """Builds what asks after stored posts."""
    here = _complete(surroundings)
    _check_policy(here)
    return XChecker(here)


def _complete(surroundings: Surroundings) -> Surroundings:
    return replace(surroundings, settings={**SOURCE.defaults(), **surroundings.settings})


def _check_policy(surroundings: Surroundings) -> None:
    lines = unmet(POLICY, surroundings.settings)
    if lines:
        raise PolicyError(
            "X's terms are not met", hint="Put this into config/local.toml: " + "; ".join(lines)
        )


SOURCE = Source(
    name=NAME,
    title="X",
    options=(
        Option(
            "approval_reference",
            "",
            "text",
            "Reference of X's written approval to watch such events; without it X stays off.",
        ),
        Option("base_url", "https://api.x.com", "URL", "Where the API is."),
        Option(
            "monthly_reads",
            10_000,
            "posts",
            "Billed posts a calendar month (UTC), all topics together; from four fifths on they "
            "are spread over the rest of the month.",
        ),
        Option(
            "full_archive",
            False,
            "true or false",
            "Whether the token may search the full archive: needed for what is older than "
            "recent_days.",
        ),
        Option("recent_days", 7, "days", "How far recent search reaches back; 0: without limit."),
        Option(
            "stream",
            False,
            "true or false",
            "Whether to listen to the filtered stream besides searching.",
        ),
        Option("linger", 240, "seconds", "How long a run listens to the stream."),
        Option(
            "stall_seconds",
            30,
            "seconds",
            "A stream that has been silent this long is opened again; X sends a sign of life "
            "every 20.",
        ),
        Option(
            "overlap",
            60,
            "seconds",
            "Each search begins this much before the newest post, for posts that appear late.",
        ),
        Option("page_posts", 100, "posts", "Posts on a page: 10 to 100, 500 in the full archive."),
        Option(
            "query_characters", CHARACTERS, "characters", "The longest query that X takes of you."
        ),
        Option(
            "only_languages",
            False,
            "true or false",
            "Whether to ask only for posts in the topic's languages: fewer reads, and the rest "
            "is not counted.",
        ),
        Option(
            "field_names",
            "auto",
            "auto, tweet or post",
            "Which generation of its field names X is asked with; auto finds out.",
        ),
        Option(
            "compliance",
            "auto",
            "auto, job or lookup",
            "How to ask after stored posts: batch jobs (no reads), lookup (a read a post), or "
            "jobs where the token may.",
        ),
        Option("compliance_wait", 1800, "seconds", "How long to wait for a batch job in one run."),
        Option("timeout", 30, "seconds", "How long to wait for a connection and for an answer."),
    ),
    secrets=(Secret("bearer_token", required=True, explanation="Token of an app of X's console."),),
    policy=POLICY,
    make=XCollector,
    checker=make_checker,
    cannot=(
        "It does not read replies that hold no term themselves: X bills each post.",
        "Without full_archive it reaches back seven days: recent search does not go further.",
        "It learns of deletions when it asks, not at once: X sells its compliance streams to "
        "enterprise customers only.",
        "It misses a post that X's index shows later than the overlap, unless the stream has it.",
        "Several topics cannot all listen to the stream: X allows an app one connection, and the "
        "others search.",
        "Posts of protected accounts never come.",
    ),
)
