"""What became of stored posts: X's batch compliance jobs, or looking the posts up."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any

from collectors.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CollectorError,
    NotFoundError,
    UnavailableError,
)
from collectors.formats.fields import BadRecordError, Record, mapping, sequence, take_time
from collectors.formats.x_v2 import PLATFORM, REMOVALS
from collectors.post import Checkpoint, Deletion, Page, Post, Rejection
from collectors.source import Surroundings
from collectors.x_budget import Budget
from collectors.x_client import MOST_IDS, XClient
from collectors.x_records import place, read_answer

WAYS = ("auto", "job", "lookup")

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
_PAGE = 500
_HOLDS = timedelta(hours=6)
"""So old a job still counts: X keeps results for a week, and a round asks what has changed."""
_TELLS = timedelta(days=1)
"""So old a job still tells what went, beside the round's own, which may be as slow."""
_PREFIX = "monitor-"
# What takes nothing away from us: no places are stored, and the rest gives a post back.
_HARMLESS = frozenset({"scrub_geo", "undelete", "unprotect", "unsuspend", "reactivate"})
_REASON = re.compile(r"[a-z_]{1,40}")
_GONE = ("resource-not-found", "not-authorized-for-resource", "resource-unavailable")


class XChecker:
    """Asks X after stored posts.

    Jobs cost no reads and take minutes; a lookup costs a read a post and tells edits too. What a
    job calls changed but not gone is therefore looked up.

    Args:
        surroundings: Settings, secret, clock and reads.
    """

    at_once = 10_000

    def __init__(self, surroundings: Surroundings) -> None:
        settings = surroundings.settings
        if settings["compliance"] not in WAYS:
            raise CollectorError(
                f"sources.x.compliance is {settings['compliance']!r}",
                hint=f"Use one of: {', '.join(WAYS)}.",
            )
        self._surroundings = surroundings
        self._way = str(settings["compliance"])
        self._patience = timedelta(seconds=float(settings["compliance_wait"]))
        cap = int(settings["monthly_reads"])
        self._budget = Budget(cap, surroundings.reads, surroundings.now)
        self._told: dict[str, Deletion] | None = None

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields the removals and edits of posts; ids that X cannot have given out are left out.

        Raises:
            CollectorError: X cannot be asked, or its job takes too long.
        """
        ids = [one for one in native_ids if one.isascii() and one.isdigit() and len(one) < 20]
        if not ids:
            return
        with closing(XClient(self._surroundings)) as client:
            if self._way == "lookup":
                yield from self._look_up(client, ids)
            else:
                yield from self._run_job(client, ids)

    def _run_job(self, client: XClient, ids: Sequence[str]) -> Iterator[Page]:
        try:
            told = self._told_before(client)
            if told_of := tuple(told[one] for one in ids if one in told):
                yield Page(checkpoint=Checkpoint({}), deletions=told_of)
            result = self._result(client, ids)
        except (AuthenticationError, NotFoundError):
            if self._way == "job":
                raise
            yield from self._look_up(client, ids)  # Not every access level has such jobs.
            return
        changed: list[str] = []
        for lines in _chunks(result.splitlines(), _PAGE):
            yield _read_result(lines, frozenset(ids), changed)
        yield from self._look_up(client, changed)

    def _told_before(self, client: XClient) -> dict[str, Deletion]:
        """What became of posts by jobs of earlier rounds, which may have given up on them."""
        if self._told is None:
            self._told = {}
            for job in client.jobs():
                if not self._is_told_before(job):
                    continue
                with suppress(AuthenticationError, NotFoundError):  # X keeps it no more.
                    result = client.download(str(job.get("download_url")))
                    self._told |= _removals(result.splitlines())
        return self._told

    def _is_told_before(self, job: Record) -> bool:
        name, age = job.get("name"), self._age(job)
        ours = isinstance(name, str) and name.startswith(_PREFIX)
        return ours and job.get("status") == "complete" and _HOLDS <= age < _TELLS

    def _result(self, client: XClient, ids: Sequence[str]) -> bytes:
        """Finds the job of these ids, made by an earlier run perhaps, and waits for its result."""
        name = f"{_PREFIX}{hashlib.blake2b(' '.join(ids).encode(), digest_size=12).hexdigest()}"
        job = self._job(client, name)
        number, give_up = str(job["id"]), self._surroundings.now() + self._patience
        if job.get("status") == "created":
            client.upload(str(job.get("upload_url")), ids)
            job = client.job(number)
        pause = _FIRST_PAUSE
        while job.get("status") != "complete":
            self._check_progress(job, is_late=self._surroundings.now() >= give_up)
            self._surroundings.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
            job = client.job(number)
        return client.download(str(job.get("download_url")))

    def _job(self, client: XClient, name: str) -> Record:
        jobs = client.jobs()
        for job in jobs:
            ours = job.get("name") == name and isinstance(job.get("id"), str)
            if ours and self._is_of_use(job):
                return job
        if any(job.get("status") == "in_progress" for job in jobs):
            raise UnavailableError(
                "X is busy with another compliance job of this app",
                hint="The next run tries again.",
            )
        return client.create_job(name)

    def _is_of_use(self, job: Record) -> bool:
        """Whether a job will say what became of its posts, or has just said it."""
        if job.get("status") not in ("created", "complete"):
            return job.get("status") == "in_progress"
        return self._age(job) < _HOLDS

    def _age(self, job: Record) -> timedelta:
        """How long ago a job was made; for ever where it does not say."""
        try:
            return self._surroundings.now() - take_time(job, "created_at")
        except BadRecordError:
            return timedelta.max

    def _check_progress(self, job: Record, *, is_late: bool) -> None:
        if job.get("status") in ("failed", "expired"):
            raise UnavailableError(
                f"X's compliance job has {job['status']}", hint="The next run makes a new one."
            )
        if is_late:
            raise UnavailableError(
                f"X's compliance job is not finished after {self._patience.total_seconds():g} s",
                hint="A run within a day fetches its result; or raise sources.x.compliance_wait.",
            )

    def _look_up(self, client: XClient, ids: Sequence[str]) -> Iterator[Page]:
        """Asks for posts by id, and then for the last revision of those that were edited."""
        for chunk in _chunks(ids, MOST_IDS):
            self._check_budget()
            answer = client.lookup(chunk)
            newest = [one for one in map(_last_revision, sequence(answer.get("data"))) if one]
            yield self._looked_up(answer, frozenset(chunk))
            if newest:
                self._check_budget()
                yield self._looked_up(client.lookup(newest), frozenset(newest))

    def _check_budget(self) -> None:
        if self._budget.exhausted():
            raise BudgetExhaustedError(
                "the month's reads are used up, so that posts cannot be looked up",
                hint='Raise sources.x.monthly_reads, or set sources.x.compliance = "job".',
            )

    def _looked_up(self, answer: Record, ids: frozenset[str]) -> Page:
        found = read_answer({"data": sequence(answer.get("data")), "includes": _includes(answer)})
        self._budget.spend(found.reads)
        deletions = map(_gone, sequence(answer.get("errors")))
        return Page(
            checkpoint=Checkpoint({}),
            posts=tuple(post for post in found.posts if _is_edited(post)),
            rejections=found.rejections,
            deletions=tuple(one for one in deletions if one and one.native_id in ids),
            reads=found.reads,
        )


def _removals(lines: Iterable[bytes]) -> dict[str, Deletion]:
    """What a job's result removes, by id."""
    records = map(_parsed, lines)
    return {
        number: _deletion(number, record.get("reason"))
        for record in records
        if record.get("action") in REMOVALS and isinstance(number := record.get("id"), str)
    }


def _read_result(lines: Iterable[bytes], ids: frozenset[str], changed: list[str]) -> Page:
    """Reads a part of a job's result; ids of posts that are changed but not gone are added."""
    deletions: list[Deletion] = []
    rejections: list[Rejection] = []
    for line in lines:
        if not line.strip():
            continue
        record = _parsed(line)
        number, action = str(record.get("id")), str(record.get("action"))
        if number not in ids:
            where = place(line.decode(errors="replace"))
            rejections.append(Rejection("not_a_removal", where, "a line of a job's result"))
        elif action in REMOVALS:
            deletions.append(_deletion(number, record.get("reason")))
        elif action not in _HARMLESS:
            changed.append(number)
    return Page(checkpoint=Checkpoint({}), deletions=tuple(deletions), rejections=tuple(rejections))


def _deletion(number: str, reason: Any) -> Deletion:
    known = isinstance(reason, str) and _REASON.fullmatch(reason)
    return Deletion(PLATFORM, native_id=number, reason=str(reason) if known else "deleted")


def _gone(error: Any) -> Deletion | None:
    """What an error of a lookup says: there is no such post, or not for the public."""
    one = mapping(error)
    kind = str(one.get("type")).rpartition("/")[2]
    number = one.get("resource_id", one.get("value"))
    if kind not in _GONE or not isinstance(number, str):
        return None
    return _deletion(number, "deleted" if kind == _GONE[0] else "withdrawn")


def _last_revision(item: Any) -> str | None:
    """The id of a post's last revision, where the one at hand is an earlier one."""
    one = mapping(item)
    history = sequence(one.get("edit_history_tweet_ids") or one.get("edit_history_post_ids"))
    last = history[-1] if history else None
    return last if isinstance(last, str) and last != one.get("id") else None


def _is_edited(post: Post) -> bool:
    return post.revision > 0


def _includes(answer: Record) -> Record:
    return mapping(answer.get("includes"))


def _parsed(line: bytes) -> Record:
    try:
        return mapping(json.loads(line))
    except (ValueError, RecursionError):
        return {}


def _chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
