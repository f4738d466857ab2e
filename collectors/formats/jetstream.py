"""Events of Bluesky's Jetstream: posts, reposts and deletions among much else."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    check_time,
    edit_revision,
    mapping,
    sequence,
    take_id,
    take_language,
    take_optional_id,
    take_text,
    take_time,
)
from collectors.post import Deletion, Kind, Post

PLATFORM = "bluesky"
POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.repost"
REMOVED = ("deleted", "suspended", "takendown")
_KINDS = ("commit", "identity", "account")
# A repo's revision is a TID: 13 characters of 5 bits, the lowest 10 bits no part of the time.
_TID = re.compile(r"[2-7a-j][2-7a-z]{12}")
_TID_DIGITS = {digit: value for value, digit in enumerate("234567abcdefghijklmnopqrstuvwxyz")}


def recognises(value: Record) -> bool:
    """Tells whether an object looks like an event."""
    return "did" in value and "time_us" in value and value.get("kind") in _KINDS


def read(value: Record) -> Outcome:
    """Returns the one outcome of an event."""
    return attempt(_read, value)


def _read(event: Record) -> Post | Deletion:
    did = take_id(event, "did")
    kind = take_text(event, "kind")
    if kind == "account":
        return _account(did, mapping(event.get("account")), event)
    if kind != "commit":
        raise BadRecordError("not_a_post", "an event about an account")
    return _commit(did, event)


def _account(did: str, account: Record, event: Record) -> Deletion:
    """An account that is active again says so: the protocol calls no removal final."""
    status, active = account.get("status"), account.get("active")
    if active is True:
        at = _account_time(account, event)
        return Deletion(PLATFORM, author=did, reason="active", at=at, is_revoked=True)
    if active is not False or status not in REMOVED:
        raise BadRecordError("not_a_removal", "an account that is not removed")
    return Deletion(PLATFORM, author=did, reason=str(status), at=_account_time(account, event))


def _account_time(account: Record, event: Record) -> datetime:
    """The time as the account's server tells it, the same on every stream, but no later one."""
    seen = _event_time(event)
    try:
        return min(take_time(account, "time"), seen)
    except BadRecordError:
        return seen


def _commit(did: str, event: Record) -> Post | Deletion:
    commit = mapping(event.get("commit"))
    collection = take_text(commit, "collection")
    if collection not in (POST, REPOST):
        raise BadRecordError("not_a_post", "a commit to another collection")
    native_id = f"at://{did}/{collection}/{take_id(commit, 'rkey')}"
    operation = take_text(commit, "operation")
    if operation == "delete":
        return Deletion(PLATFORM, native_id=native_id)
    if operation not in ("create", "update"):
        raise BadRecordError("bad_field", "operation is none of create, update and delete")
    revision = _revision(commit, event) if operation == "update" else 0
    record = mapping(commit.get("record"))
    kind, reference = _repost(record) if collection == REPOST else _reference(record)
    return Post(
        platform=PLATFORM,
        native_id=native_id,
        created_at=take_time(record, "createdAt"),
        # The event of a repost does not carry the original's text.
        text="" if kind == "repost" else take_text(record, "text"),
        language=_language(record),
        author=did,
        kind=kind,
        reference=reference,
        revision=revision,
    )


def _revision(commit: Record, event: Record) -> int:
    """Returns the time of an edit as its repo tells it, the same on every server.

    Only where the commit does not tell it, the time at which the server saw the event.
    """
    revision = commit.get("rev")
    if isinstance(revision, str) and _TID.fullmatch(revision):
        return tid_microseconds(revision)
    return edit_revision(_event_time(event))


def tid_microseconds(tid: str) -> int:
    """Returns the time in a timestamp identifier, in microseconds since 1970."""
    number = 0
    for digit in tid:
        number = number * 32 + _TID_DIGITS[digit]
    return number >> 10


def _event_time(event: Record) -> datetime:
    microseconds = event.get("time_us")
    if not isinstance(microseconds, int) or not 0 <= microseconds < 2**53:
        raise BadRecordError("bad_field", "time_us is no time in microseconds")
    seconds, rest = divmod(microseconds, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    return check_time(moment, "time_us")


def _repost(record: Record) -> tuple[Kind, str | None]:
    return "repost", take_id(mapping(record.get("subject")), "uri")


def _reference(record: Record) -> tuple[Kind, str | None]:
    """A reply that also quotes counts as a quote, as on X."""
    embed = mapping(record.get("embed"))
    embedded = mapping(embed.get("record"))
    # Beside a picture the quoted record stands one level deeper.
    quoted = take_optional_id(mapping(embedded.get("record")) or embedded, "uri")
    if quoted and f"/{POST}/" in quoted:
        return "quote", quoted
    parent = take_optional_id(mapping(mapping(record.get("reply")).get("parent")), "uri")
    return ("reply", parent) if parent else ("original", None)


def _language(record: Record) -> str | None:
    languages = sequence(record.get("langs"))
    return take_language({"langs": languages[0]}, "langs") if languages else None
