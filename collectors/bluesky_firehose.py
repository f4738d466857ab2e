"""The relay's firehose: every commit of the network as CAR blocks, decoded by the atproto SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from atproto_core.car import CAR
from atproto_core.cid import CID
from atproto_core.exceptions import AtProtocolError
from atproto_subscription.frames import ErrorFrame, Frame, MessageFrame

from collectors.bluesky_feed import ForgottenCursorError, Message, Position, websocket_url
from collectors.errors import UnavailableError
from collectors.formats.fields import BadRecordError, Record, mapping, sequence, take_time
from collectors.formats.jetstream import POST, REPOST
from collectors.lines import Flaw

PATH = "/xrpc/com.atproto.sync.subscribeRepos"
OVERLAP = 100
"""Events to go back whenever a connection is made anew."""

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_UNDECODABLE = Flaw("bad_frame", "no DAG-CBOR frame")
_ERRORS = (AtProtocolError, ValueError, TypeError, AttributeError, KeyError, RecursionError)


class Firehose:
    """Reads `com.atproto.sync.subscribeRepos`, and gives its events Jetstream's shape.

    The SDK decodes; its own client is not used, because it drops frames that it cannot decode
    without a word, and sleeps where it cannot be stopped.

    Args:
        host: The relay, or a single PDS; cursors hold on this host only.
        reposts: Gives reposts too.
    """

    name = "firehose"
    counts_in_time = False

    def __init__(self, host: str, *, reposts: bool) -> None:
        self.hosts = (host,)
        self._collections = (POST, REPOST) if reposts else (POST,)

    def url(self, host: str, position: Position) -> str:
        """The address to go on at; at the relay's oldest event where it is not known."""
        cursor = self._cursor(position) if position.host == host else 0
        return f"{websocket_url(host, PATH)}?{urlencode({'cursor': cursor})}"

    def _cursor(self, position: Position) -> int:
        if position.rereading is not None:
            return max(0, position.rereading - 1)
        return max(0, (position.cursor or 0) - OVERLAP)

    def beyond(self, position: Position, step: float) -> Position:
        """A position some events later."""
        later = (position.cursor or 0) + OVERLAP + int(step)
        return Position(position.host, later, position.time_us)

    def read(self, raw: bytes) -> Message:
        """Reads a frame; what cannot be decoded is a flaw.

        Raises:
            ForgottenCursorError: The cursor is ahead of the relay.
            UnavailableError: The relay ends the stream.
        """
        try:
            frame = Frame.from_bytes(raw)
        except _ERRORS:
            return Message((_UNDECODABLE,))
        if isinstance(frame, ErrorFrame):
            raise _error(frame)
        if not isinstance(frame, MessageFrame) or not isinstance(frame.body, Mapping):
            return Message((_UNDECODABLE,))
        return self._message(frame.type, frame.body)

    def _message(self, kind: str, body: Record) -> Message:
        if kind == "#info":
            return Message((), has_missed=body.get("name") == "OutdatedCursor")
        seq = body.get("seq")
        if not isinstance(seq, int):
            return Message((Flaw("bad_field", "a frame without a number"),))
        try:
            time_us = _microseconds(take_time(body, "time"))
        except BadRecordError as exc:
            return Message((exc.flaw,), cursor=seq)
        return Message(tuple(self._events(kind, body, time_us)), time_us, seq)

    def _events(self, kind: str, body: Record, time_us: int) -> Iterator[Record | Flaw]:
        if kind == "#commit":
            envelope = {"did": body.get("repo"), "time_us": time_us, "kind": "commit"}
            yield from self._commits(body, envelope)
        elif kind == "#account":
            account = {name: body.get(name) for name in ("active", "status", "time")}
            yield {"did": body.get("did"), "time_us": time_us, "kind": "account"} | {
                "account": account
            }

    def _commits(self, body: Record, envelope: Record) -> Iterator[Record | Flaw]:
        operations = [one for one in map(mapping, sequence(body.get("ops"))) if self._wants(one)]
        if body.get("tooBig") is True:
            yield Flaw("too_big", "a commit without its blocks")
        if not operations:
            return
        blocks = _blocks(body.get("blocks"))
        if isinstance(blocks, Flaw):
            yield blocks
            return
        for operation in operations:
            commit = _commit(operation, body, blocks)
            yield commit if isinstance(commit, Flaw) else {**envelope, "commit": commit}

    def _wants(self, operation: Record) -> bool:
        path = operation.get("path")
        return isinstance(path, str) and path.partition("/")[0] in self._collections


def _error(frame: ErrorFrame) -> Exception:
    name = str(frame.body.error)[:40]
    if name == "FutureCursor":
        return ForgottenCursorError(name)
    return UnavailableError(f"the firehose ended with {name!r}", hint="It is connected to again.")


def _microseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _blocks(data: Any) -> Mapping[CID, Any] | Flaw:
    try:
        blocks: Mapping[CID, Any] = CAR.from_bytes(data).blocks
    except _ERRORS:
        return Flaw("bad_blocks", "no CAR")
    return blocks


def _commit(operation: Record, body: Record, blocks: Mapping[CID, Any]) -> Record | Flaw:
    collection, _, rkey = str(operation["path"]).partition("/")
    commit = {
        "rev": body.get("rev"),
        "operation": operation.get("action"),
        "collection": collection,
        "rkey": rkey,
    }
    if operation.get("action") == "delete":
        return commit
    record = _record(operation.get("cid"), blocks)
    if record is None:
        return Flaw("missing_block", "the commit does not hold the record")
    return {**commit, "record": record}


def _record(cid: Any, blocks: Mapping[CID, Any]) -> Record | None:
    try:
        return blocks.get(CID.decode(cid))
    except _ERRORS:
        return None
