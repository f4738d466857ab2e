"""The day's cells as they may be shown, in the light of what was shown before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from monitor.privacy import Cell
from monitor.releases import RIPE, Chain, Decision, Terms, decide, revise
from monitor.store.releases import ReleaseKey, StoredChain
from monitor.store.values import DailyAggregate

_TRIES = 3
_Decided = tuple[Mapping[Cell, DailyAggregate], frozenset[Cell] | None, Mapping[Cell, Decision]]


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
    chains: Mapping[ReleaseKey, StoredChain]
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
        """A door that knows what has been released up to now; `before` saves reading it again."""
        known = before.chains if before else None
        chains = ledger.release_chains(topic, known) if ledger else {}
        return cls(topic, minimum, at, ledger, chains)

    def decide(
        self,
        key: ReleaseKey,
        live: Mapping[Cell, DailyAggregate],
        among: frozenset[Cell] | None = None,
    ) -> Mapping[Cell, Decision]:
        """Decides about every cell of every split of a day; asked again, it says the same."""
        known = self.decided.get(key)
        if known is None or known[:2] != (live, among):
            known = self.decided[key] = (live, among, self._decide(key, live, among))
        return known[2]

    def due(self) -> datetime | None:
        """When a change that is kept back for its smallness may be let out; None without any.

        Until then time alone changes nothing that was decided here.
        """
        waiting = [
            chain.vintages[-1].at + RIPE
            for key, (live, _, _) in list(self.decided.items())
            if (chain := self.chains.get(key, StoredChain(Chain())).chain).vintages
            and chain.vintages[-1].base != live
        ]
        return min((one for one in waiting if one > self.at), default=None)

    def _decide(
        self,
        key: ReleaseKey,
        live: Mapping[Cell, DailyAggregate],
        among: frozenset[Cell] | None,
    ) -> Mapping[Cell, Decision]:
        terms = Terms(self.minimum, self.at, among)
        for _ in range(_TRIES):
            stored = self.chains.get(key, StoredChain(Chain()))
            revised = revise(stored.chain, live, terms)
            if revised is stored.chain or self._keep(key, revised, stored.revision):
                return decide(revised, live, terms)
            # Somebody else has released a later state meanwhile.
            self.chains = self.ledger.release_chains(self.topic, self.chains) if self.ledger else {}
        return decide(self.chains.get(key, StoredChain(Chain())).chain, live, terms)

    def _keep(self, key: ReleaseKey, chain: Chain, revision: int) -> bool:
        if self.ledger is None or chain == Chain():
            return True
        if not self.ledger.keep_release(self.topic, key, chain, expected=revision):
            return False
        self.chains = {**self.chains, key: StoredChain(chain, revision + 1)}
        return True
