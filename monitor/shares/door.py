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

    def keep_releases(
        self, topic: str, chains: Mapping[ReleaseKey, StoredChain]
    ) -> set[ReleaseKey]:
        """As `Store.keep_releases`."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A day's state, and the cells that may be shown at all (any where None)."""

    live: Mapping[Cell, DailyAggregate]
    among: frozenset[Cell] | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was asked about a day, by which revision of its chain it was decided, and how."""

    asked: Asked
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

    def decide_all(
        self, asked: Mapping[ReleaseKey, Asked]
    ) -> dict[ReleaseKey, Mapping[Cell, Decision]]:
        """Decides about every cell of every split of some days; asked again, it says the same.

        What is released of them is written down in one go.
        """
        new = {}
        for key, one in asked.items():
            known = self.decided.get(key)
            if known is None or known.asked != one:
                new[key] = one
            elif known.asked.live is not one.live:  # equal, and newly read: the old one may go
                self.decided[key] = replace(known, asked=one)
        for key, decisions in self._decide(new).items():
            revision = self.chains.get(key, _NOTHING).revision
            self.decided[key] = _Decided(new[key], revision, decisions)
        return {key: self.decided[key].decisions for key in asked}

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
        return bool(vintages) and vintages[-1].base != one.asked.live

    def _may_change(self, key: ReleaseKey, one: _Decided) -> bool:
        """Whether time, or what somebody else has released, may have changed a decision."""
        revision = self.chains.get(key, _NOTHING).revision
        return revision != one.revision or self._is_waiting(key, one)

    def _decide(
        self, asked: Mapping[ReleaseKey, Asked]
    ) -> dict[ReleaseKey, Mapping[Cell, Decision]]:
        found: dict[ReleaseKey, Mapping[Cell, Decision]] = {}
        left = dict(asked)
        for _ in range(_TRIES):
            revised = {key: self._revised(key, one) for key, one in left.items()}
            refused = self._keep(revised)
            for key in left.keys() - refused:
                found[key] = decide(revised[key], left[key].live, self._terms(left[key]))
            left = {key: left[key] for key in refused}
            if not left or self.ledger is None:
                return found
            # Somebody else has released a later state meanwhile.
            self.chains = dict(self.ledger.release_chains(self.topic, self.chains))
        for key, one in left.items():
            found[key] = decide(self._chain(key), one.live, self._terms(one))
        return found

    def _terms(self, one: Asked) -> Terms:
        return Terms(self.minimum, self.at, one.among)

    def _chain(self, key: ReleaseKey) -> Chain:
        return self.chains.get(key, _NOTHING).chain

    def _revised(self, key: ReleaseKey, one: Asked) -> Chain:
        return revise(self._chain(key), one.live, self._terms(one))

    def _keep(self, revised: Mapping[ReleaseKey, Chain]) -> set[ReleaseKey]:
        """Writes down what is new; returns whose chains somebody else has replaced."""
        new = {
            key: StoredChain(chain, self.chains.get(key, _NOTHING).revision + 1)
            for key, chain in revised.items()
            if chain is not self._chain(key) and chain != Chain()
        }
        if self.ledger is None or not new:
            return set()
        refused = self.ledger.keep_releases(self.topic, new)
        self.chains |= {key: one for key, one in new.items() if key not in refused}
        return refused
