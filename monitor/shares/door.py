"""The day's cells as they may be shown, in the light of what was shown before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from monitor.privacy import Cell
from monitor.releases import RIPE, Chain, Decision, Terms, decide, revise
from monitor.store.releases import ReleaseKey, StoredChain
from monitor.store.values import DailyAggregate

_TRIES = 3
_NOTHING = StoredChain(Chain())


class Ledger(Protocol):
    """Where it is written down what was released."""

    def release_chains(
        self, topic: str, known: Mapping[ReleaseKey, StoredChain] | None = None
    ) -> Mapping[ReleaseKey, StoredChain]:
        """As `Store.release_chains`."""
        ...

    def keep_release(self, topic: str, key: ReleaseKey, chain: Chain, *, expected: int) -> bool:
        """As `Store.keep_release`."""
        ...


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was asked about a day, by which revision of its chain it was decided, and how."""

    live: Mapping[Cell, DailyAggregate]
    among: frozenset[Cell] | None
    revision: int
    decisions: Mapping[Cell, Decision]


@dataclass(slots=True)
class Door:
    """Decides about one topic's days, and writes down what it lets out before it does.

    Attributes:
        ledger: None where nobody is to be protected from comparing: bundled sample posts.
    """

    topic: str
    minimum: int
    at: datetime
    ledger: Ledger | None
    chains: dict[ReleaseKey, StoredChain]
    decided: dict[ReleaseKey, _Decided] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        topic: str,
        minimum: int,
        at: datetime,
        ledger: Ledger | None,
        *,
        before: Door | None = None,
    ) -> Door:
        """A door that knows what has been released up to now.

        What `before` has read is not read again, and what it has decided about days that are as
        they were is not decided again.
        """
        known = before.chains if before else None
        chains = dict(ledger.release_chains(topic, known)) if ledger else {}
        door = cls(topic, minimum, at, ledger, chains)
        if before and (before.minimum, before.ledger) == (minimum, ledger):
            door.decided = {
                key: one for key, one in before.decided.items() if not door._may_change(key, one)
            }
        return door

    def decide(
        self,
        key: ReleaseKey,
        live: Mapping[Cell, DailyAggregate],
        among: frozenset[Cell] | None = None,
    ) -> Mapping[Cell, Decision]:
        """Decides about every cell of every split of a day; asked again, it says the same."""
        known = self.decided.get(key)
        if known is None or (known.live, known.among) != (live, among):
            decisions = self._decide(key, live, among)
            revision = self.chains.get(key, _NOTHING).revision
            known = self.decided[key] = _Decided(live, among, revision, decisions)
        elif known.live is not live:  # equal, and newly read: the old one may go
            self.decided[key] = replace(known, live=live)
        return known.decisions

    def due(self) -> datetime | None:
        """When a change that is kept back for its smallness may be let out; None without any.

        Until then time alone changes nothing that was decided here.
        """
        waiting = [
            self.chains[key].chain.vintages[-1].at + RIPE
            for key, one in list(self.decided.items())
            if self._is_waiting(key, one)
        ]
        return min((one for one in waiting if one > self.at), default=None)

    def _is_waiting(self, key: ReleaseKey, one: _Decided) -> bool:
        """Whether a change is kept back."""
        vintages = self.chains.get(key, _NOTHING).chain.vintages
        return bool(vintages) and vintages[-1].base != one.live

    def _may_change(self, key: ReleaseKey, one: _Decided) -> bool:
        """Whether time, or what somebody else has released, may have changed a decision."""
        revision = self.chains.get(key, _NOTHING).revision
        return revision != one.revision or self._is_waiting(key, one)

    def _decide(
        self,
        key: ReleaseKey,
        live: Mapping[Cell, DailyAggregate],
        among: frozenset[Cell] | None,
    ) -> Mapping[Cell, Decision]:
        terms = Terms(self.minimum, self.at, among)
        for _ in range(_TRIES):
            stored = self.chains.get(key, _NOTHING)
            revised = revise(stored.chain, live, terms)
            if revised is stored.chain or self._keep(key, revised, stored.revision):
                return decide(revised, live, terms)
            # Somebody else has released a later state meanwhile.
            if self.ledger is not None:
                self.chains = dict(self.ledger.release_chains(self.topic, self.chains))
        return decide(self.chains.get(key, _NOTHING).chain, live, terms)

    def _keep(self, key: ReleaseKey, chain: Chain, revision: int) -> bool:
        if self.ledger is None or chain == Chain():
            return True
        if not self.ledger.keep_release(self.topic, key, chain, expected=revision):
            return False
        self.chains[key] = StoredChain(chain, revision + 1)
        return True
