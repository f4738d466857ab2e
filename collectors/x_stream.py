"""X's filtered stream: rules kept in step with the topic, and no hole between connections."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, nullcontext
from datetime import datetime
from typing import Any

from collectors.errors import (
    CollectorError,
    RateLimitedError,
    RefusedRequestError,
    StoppedError,
    UnavailableError,
)
from collectors.formats.fields import Record, mapping, sequence
from collectors.post import Page, Rejection
from collectors.source import Surroundings
from collectors.x_client import XClient
from collectors.x_connection import Connection, Heard
from collectors.x_records import Answered, place, read_answer
from collectors.x_run import Run

ATTEMPTS = 6
"""Connections in a row that bring nothing before the run gives up."""

_TICK = 0.25
_BATCH_SECONDS = 1.0
_BATCH_POSTS = 100
_LONGEST_PAUSE = 60.0
_INDEX_SECONDS = 30.0
"""X's search finds a post a while after the stream gave it: so long the hole is left to settle."""


class Rules:
    """The stream's rules of one topic among those of an app, which all its programs share.

    Args:
        client: X's API.
        topic: Its name marks the rules that are ours to remove.
        queries: By key.
    """

    def __init__(self, client: XClient, topic: str, queries: Mapping[str, str]) -> None:
        self._client = client
        self._prefix = f"monitor:{topic}:"
        self._queries = queries

    def synchronise(self) -> frozenset[str]:
        """Adds what is missing, removes what the topic no longer asks; returns the rules' ids.

        Raises:
            RefusedRequestError: X does not take a rule.
        """
        rules = self._client.rules()
        wanted = set(self._queries.values())
        stale = [str(rule.get("id")) for rule in rules if self._is_stale(rule, wanted)]
        if stale:
            self._client.change_rules({"delete": {"ids": stale}})
        there = {rule.get("value") for rule in rules}
        missing = [(key, query) for key, query in self._queries.items() if query not in there]
        if missing:
            added = [{"value": query, "tag": f"{self._prefix}{key}"} for key, query in missing]
            self._check(self._client.change_rules({"add": added}))
            rules = self._client.rules()
        return frozenset(str(rule.get("id")) for rule in rules if rule.get("value") in wanted)

    def remove(self) -> None:
        """Removes the topic's rules: what they match is billed to whoever listens to the stream."""
        rules = self._client.rules()
        stale = [str(rule.get("id")) for rule in rules if self._is_stale(rule, set())]
        if stale:
            self._client.change_rules({"delete": {"ids": stale}})

    def _is_stale(self, rule: Record, wanted: set[str]) -> bool:
        return str(rule.get("tag", "")).startswith(self._prefix) and rule.get("value") not in wanted

    def _check(self, answer: Record) -> None:
        titles = [mapping(error).get("title") for error in sequence(answer.get("errors"))]
        if any(title != "DuplicateRule" for title in titles):
            raise RefusedRequestError(
                f"X refuses {len(titles)} of the stream's rules",
                hint="Check the topic's [queries.x], or switch sources.x.stream off.",
            )


class Stream:
    """Listens for a while; each time the stream opens, search fetches what came in the hole.

    Args:
        client: X's API.
        run: The queries, and how far they have come.
        rules: The stream's.
        surroundings: Settings, clock and sleep.
    """

    def __init__(self, client: XClient, run: Run, rules: Rules, surroundings: Surroundings) -> None:
        self._client = client
        self._run = run
        self._rules = rules
        self._surroundings = surroundings
        self._until = time.monotonic() + float(surroundings.settings["linger"])
        self._alive_at: datetime | None = None
        self._failures = 0

    def pages(self) -> Iterator[Page]:
        """Yields what search and stream bring until it is time to end.

        Raises:
            CollectorError: The stream cannot be kept up; what search found is stored.
        """
        fields = self._client.fields
        while True:
            names = fields.parameters
            connection, failure = self._connect()
            with closing(connection) if connection else nullcontext():
                yield from self._run.searched()
                if fields.parameters != names and self._may_go_on():
                    continue  # Search has found out which names of fields X takes.
                if connection and self._may_go_on():
                    failure = yield from self._listen(connection)
            if failure is None or not self._may_go_on():
                return
            if isinstance(failure, RateLimitedError):
                return  # The app's only connection is in use: search has done the work.
            self._recover(failure)
            if time.monotonic() >= self._until:
                yield from self._run.searched()
                return

    def _may_go_on(self) -> bool:
        if self._surroundings.should_stop() or not self._run.is_caught_up:
            return False
        return self._run.budget.page_size(_BATCH_POSTS) > 0

    def _connect(self) -> tuple[Connection | None, CollectorError | None]:
        """Opens the stream, and lets search find what came before."""
        connection = None
        try:
            self._ids = self._rules.synchronise()
            connection = Connection(self._surroundings, self._client.fields.parameters)
            while (heard := connection.hear(_TICK)) is None:
                self._stop_if_asked()
            self._alive_at = heard.at
            self._surroundings.sleep(_INDEX_SECONDS)
        except CollectorError as exc:
            if connection is not None:
                connection.close()
            if isinstance(exc, StoppedError):
                raise
            return None, exc
        return connection, None

    def _stop_if_asked(self) -> None:
        if self._surroundings.should_stop():
            raise StoppedError("asked to stop while X's stream was opening")

    def _recover(self, failure: CollectorError) -> None:
        """Waits before the next connection, or gives up."""
        self._failures += 1
        if not failure.retryable or self._failures >= ATTEMPTS:
            raise failure
        longest = min(_LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        asked = float(getattr(failure, "retry_after", 0.0))
        self._surroundings.sleep(max(asked, longest * random.uniform(0.5, 1)))  # noqa: S311

    def _listen(self, connection: Connection) -> Generator[Page, None, CollectorError | None]:
        """Yields pages; returns what ended the stream, None if it was time."""
        failure: CollectorError | None = None
        while failure is None:
            answers, failure = self._batch(connection)
            is_over = time.monotonic() >= self._until or not self._may_go_on()
            if answers or failure or is_over:
                yield self._run.heard(answers, self._alive_at or self._surroundings.now())
            if is_over:
                break
        return failure

    def _batch(self, connection: Connection) -> tuple[list[Answered], CollectorError | None]:
        """Gathers what comes within a moment."""
        answers: list[Answered] = []
        end = min(time.monotonic() + _BATCH_SECONDS, self._until)
        while len(answers) < _BATCH_POSTS and not self._surroundings.should_stop():
            left = end - time.monotonic()
            try:
                heard = connection.hear(min(_TICK, max(left, 0.0)))
                answers += self._read(heard) if heard else []
            except CollectorError as exc:
                return answers, exc
            if left <= 0 and heard is None:
                break
        return answers, None

    def _read(self, heard: Heard) -> list[Answered]:
        self._alive_at, self._failures = heard.at, 0
        if not heard.line.strip():
            return []
        value = _parsed(heard.line)
        if value is None:
            return [_flawed(heard.line)]
        if "data" not in value:
            raise UnavailableError("X ends the stream", hint="The stream is opened again.")
        answered = read_answer(value)
        self._run.budget.spend(answered.reads)
        return [answered if self._is_ours(value) else _foreign(answered)]

    def _is_ours(self, value: Record) -> bool:
        matching = [mapping(rule).get("id") for rule in sequence(value.get("matching_rules"))]
        return not matching or not self._ids.isdisjoint(map(str, matching))


def _parsed(line: bytes) -> Record | None:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _flawed(line: bytes) -> Answered:
    rejection = Rejection("bad_json", place(line.decode(errors="replace")), "a line of the stream")
    return Answered((), (rejection,), 0, None, None, None, "")


def _foreign(answered: Answered) -> Answered:
    """A post that another topic's rule asked for: billed, and nothing of ours."""
    return Answered((), (), answered.reads, answered.newest, answered.oldest, None, "")
