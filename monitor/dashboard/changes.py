"""What these pages can change."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.dashboard.visitor import Note
from monitor.store.accounts import Accounts
from monitor.store.desk import LabelDesk


@dataclass(frozen=True)
class Changes:
    """The writers that routes are handed; a dashboard without them can only be read.

    Attributes:
        note: Writes a line into the access log.
    """

    accounts: Accounts
    desk: LabelDesk
    note: Note
