"""How far one hashtag of one Mastodon server has been read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.errors import CollectorError
from collectors.formats.fields import mapping
from collectors.post import Checkpoint, Window
from collectors.walks import Walk, reason_of

MARGIN = timedelta(minutes=1)
"""By how much a status's id may be off the time of its making."""


def snowflake(moment: datetime) -> str:
    """The lowest id that Mastodon gives to a status of this moment."""
    return str(max(0, int(moment.timestamp() * 1000)) << 16)


def snowflake_time(identifier: str) -> datetime | None:
    """When Mastodon gave out an id, None if no such server made it."""
    if not (identifier.isascii() and identifier.isdigit() and len(identifier) < 20):
        return None
    return datetime.fromtimestamp((int(identifier) >> 16) / 1000, UTC)


def order(identifier: str) -> tuple[int, str]:
    """Ids of one server in the order of their making: numbers, and fixed-length letters."""
    return len(identifier), identifier


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pass is asked for.

    Attributes:
        end: The end of the window, or now if that is earlier.
    """

    window: Window
    end: datetime

    @property
    def first_id(self) -> str:
        """Where ids tell the time: one below that of every status asked for."""
        return snowflake(self.window.start - MARGIN)

    @property
    def last_id(self) -> str:
        """Where ids tell the time: one above that of every status asked for."""
        return snowflake(self.window.end + MARGIN)


@dataclass(slots=True)
class Track:
    """How far one hashtag of one server has been read; this is what the checkpoint holds.

    Attributes:
        since: The highest id read.
        at: Where a walk goes on that is not at its end yet.
        timed: Whether the server's ids tell the time, so that a walk can start at any moment.
        covered: Up to when everything came.
        reported: Up to when something that lacks has been reported.
        swept: When the last days were last read again.
    """

    since: str | None = None
    at: str | None = None
    timed: bool = False
    covered: datetime | None = None
    reported: datetime | None = None
    swept: datetime | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Track:
        """Reads what `state` gave."""
        times = {name: _moment(state.get(name)) for name in ("covered", "reported", "swept")}
        timed = bool(state.get("timed"))
        return cls(since=state.get("since"), at=state.get("at"), timed=timed, **times)

    def state(self) -> dict[str, Any]:
        """Gives it as it stands in a checkpoint."""
        times = {name: getattr(self, name) for name in ("covered", "reported", "swept")}
        told = {name: one.isoformat() for name, one in times.items() if one is not None}
        unfinished = {} if self.at is None else {"at": self.at}
        return {"since": self.since, "timed": self.timed, **unfinished, **told}

    def pass_by(self, identifier: str, asked: Asked) -> None:
        """Notes that all up to an id was read."""
        self.at = identifier
        read = min(identifier, asked.last_id, key=order) if self.timed else identifier
        if self.since is None or order(read) > order(self.since):
            self.since = read

    @property
    def read_to(self) -> datetime | None:
        """The time of the highest id read, None where ids do not tell it."""
        return snowflake_time(self.since) if self.timed and self.since is not None else None

    def ended(self, asked: Asked) -> Walk:
        """Notes that a walk has come to its end."""
        covered = self._covered(asked)
        self.covered, self.reported, self.at = asked.end, None, None
        return Walk(covered, asked.end)

    def broken_off(
        self,
        asked: Asked,
        *,
        reason: str = "",
        error: CollectorError | None = None,
        high: datetime | None = None,
    ) -> Walk:
        """Notes that a walk has not come further than `high`, or than the one before it."""
        covered = self._covered(asked)
        start = min(self.reported or covered, asked.end)
        self.covered = min(max(covered, high or covered), asked.end)
        self.reported = asked.end
        word = reason_of(error) if error else reason
        return Walk(start, asked.end, ((self.covered, asked.end),), word, error)

    def _covered(self, asked: Asked) -> datetime:
        return min(max(self.covered or asked.window.start, asked.window.start), asked.end)


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def tracks_of(since: Checkpoint | None) -> dict[str, Track]:
    """Reads a checkpoint."""
    state = mapping(since.state.get("tracks")) if since else {}
    return {name: Track.of(one) for name, one in state.items()}


def checkpoint_of(tracks: Mapping[str, Track]) -> Checkpoint:
    """Gives all tracks as a checkpoint."""
    return Checkpoint({"tracks": {name: track.state() for name, track in tracks.items()}})
