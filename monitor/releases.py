"""What was released about a day before, so that a later release gives no small group away.

Who has yesterday's figures of a day and today's can subtract them. So every state of a day that
was shown to anybody is remembered as a `Vintage`, and the day's posts are told apart by the
vintages that they are in (`Atom`): those there from the beginning, those that came later, those
that have gone since. A new state is shown only as far as no group under the minimum follows from
it *together with all vintages before*; the rest stays at the vintage in which it was shown last.

Kept here are decisions and hashes of pseudonyms, as sketches hold them; no text and no post.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, Self

from monitor.authors import AuthorSketch
from monitor.derivable import Derivable
from monitor.figure import ALL, Withheld
from monitor.privacy import Cell, shown_cells

SMALL_CHANGE = 0.25
"""A change of a smaller part of a day's authors waits until the last vintage is `RIPE`."""
RIPE = timedelta(hours=6)
MOST_ATOMS = 2000
"""A day that has changed so often that it fell into more parts stays as it was shown last."""


class Counted(Protocol):
    """The counts of a base cell; equal ones are the same state."""

    @property
    def authors_sketch(self) -> bytes:
        """Who wrote what is counted."""
        ...

    def completes(self, earlier: Self) -> bool:
        """Whether it counts the same, and tells of more units than an earlier count did."""
        ...

    def tells_as(self, other: Self | None) -> bool:
        """Whether both count the same of opinions; None has none."""
        ...


Base = Mapping[Cell, Counted]
"""The base cells of one day for one question (or for volume) in one state."""


@dataclass(frozen=True, slots=True)
class Atom:
    """Posts of one base cell that are in the same vintages.

    Attributes:
        born: The first vintage with them.
        died: The first vintage without them, None while they are there.
        authors: Hashes of those known to have written them.
        is_remainder: Whether it stands for what else has changed in the cell since the vintage
            before: posts added or taken away of people who have others there.
    """

    cell: Cell
    born: int
    died: int | None
    authors: frozenset[int]
    is_remainder: bool = False


@dataclass(frozen=True, slots=True)
class Vintage:
    """A state of the day that was shown.

    Attributes:
        shown: The cells, of every split, that were shown in this state.
        base: The state; None once no cell is shown in it any more.
    """

    at: datetime
    shown: frozenset[Cell]
    base: Base | None


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything released about one day and question so far."""

    vintages: tuple[Vintage, ...] = ()
    atoms: tuple[Atom, ...] = ()

    def last_shown(self, cell: Cell) -> int | None:
        """The newest vintage in which a cell was shown."""
        for number in reversed(range(len(self.vintages))):
            if cell in self.vintages[number].shown:
                return number
        return None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a cell is shown, and in which state.

    Attributes:
        base: The state to show it in; None where it is hidden.
    """

    hidden: Withheld | None
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a state is released.

    Attributes:
        minimum: Fewest distinct authors of a group that may be shown.
        at: Now.
        among: Cells that may be shown at all; None for any.
    """

    minimum: int
    at: datetime
    among: frozenset[Cell] | None = None


def revise(chain: Chain, live: Base, terms: Terms) -> Chain:
    """Adds a vintage if the state may be released, wholly or in part; else gives the same chain.

    A change that fewer than the minimum of authors made is never released, nor one that is small
    for the day before the last vintage is ripe: each vintage takes freedom from those to come.
    """
    if not chain.vintages:
        return _first(live, terms)
    last = chain.vintages[-1]
    before = last.base or {}
    if before == live:
        return _widened(chain, live, terms)
    changes = {cell: _change(before.get(cell), live.get(cell)) for cell in {*before, *live}}
    # Of a large day some of them are told apart: no more than there are.
    people = frozenset[int]().union(*(one.came | one.gone for one in changes.values()))
    if not people and _is_completed(before, live):
        return _widened(_with_last_base(chain, live), live, terms)
    # One that lies as far ahead was released by a clock that has been put right since.
    is_ripe = abs(terms.at - last.at) >= RIPE
    if len(people) < terms.minimum or (not is_ripe and _is_small(before, live)):
        return chain
    return _with_vintage(chain, live, terms, changes)


def _with_vintage(chain: Chain, live: Base, terms: Terms, changes: Mapping[Cell, _Change]) -> Chain:
    """Adds a vintage with what can be shown of a state; the same chain if that is nothing."""
    atoms = tuple(_split_atoms(chain, changes))
    if len(atoms) > MOST_ATOMS:
        return chain
    shown = _shown_after(replace(chain, atoms=atoms), live, terms)
    if not shown:
        return chain
    vintage = Vintage(terms.at, shown, live)
    return _pruned(Chain((*chain.vintages, vintage), atoms))


def _is_completed(before: Base, live: Base) -> bool:
    """Whether a day was only counted again by what an earlier program did not count.

    Nothing of that was shown, so there is nothing to compare it with.
    """
    return before.keys() == live.keys() and all(live[cell].completes(before[cell]) for cell in live)


def _with_last_base(chain: Chain, base: Base) -> Chain:
    *before, last = chain.vintages
    return replace(chain, vintages=(*before, replace(last, base=base)))


def decide(chain: Chain, live: Base, terms: Terms) -> dict[Cell, Decision]:
    """Decides about every cell of every split of the live state.

    A cell whose newest state may not be shown is shown as it was last, unless it has become small
    or the old state is far from the truth by now.
    """
    alone = shown_cells(_sketches(live), terms.minimum, among=terms.among)
    return {
        cell: _decision(chain, live, cell, reason, terms.minimum) for cell, reason in alone.items()
    }


def _decision(
    chain: Chain, live: Base, cell: Cell, reason: Withheld | None, minimum: int
) -> Decision:
    number = chain.last_shown(cell)
    if reason == "small_group" or number is None:
        return Decision(reason or "complementary")
    base = chain.vintages[number].base
    if base is None or (base != live and _is_far(base, live, cell, minimum)):
        return Decision("complementary")
    return Decision(None, base)


def _is_far(base: Base, live: Base, cell: Cell, minimum: int) -> bool:
    """Whether a cell has changed by more people than are kept back to protect them."""
    was, now = _members(base, cell), _members(live, cell)
    changed = AuthorSketch.count(_turnover(was, now))
    return changed > max(minimum, SMALL_CHANGE * AuthorSketch.count(was))


def _is_small(before: Base, live: Base) -> bool:
    """Whether fewer have come into base cells or left them than a day need not wait for."""
    changed = AuthorSketch.union(
        _turnover(_sketch(before.get(cell)), _sketch(live.get(cell))) for cell in {*before, *live}
    )
    return AuthorSketch.count(changed) < SMALL_CHANGE * _authors(before.values())


def _turnover(was: bytes, now: bytes) -> bytes:
    """Sketches those who are in one of two states alone."""
    return AuthorSketch.union([AuthorSketch.without(was, now), AuthorSketch.without(now, was)])


def _first(live: Base, terms: Terms) -> Chain:
    """The first vintage; none while everything is hidden, as nothing is given away then."""
    decided = shown_cells(_sketches(live), terms.minimum, among=terms.among)
    shown = frozenset(cell for cell, reason in decided.items() if reason is None)
    if not shown:
        return Chain()
    atoms = tuple(
        Atom(cell, 0, None, AuthorSketch.hashes(counted.authors_sketch))
        for cell, counted in sorted(live.items())
    )
    return Chain((Vintage(terms.at, shown, live),), atoms)


def _widened(chain: Chain, live: Base, terms: Terms) -> Chain:
    """Shows more of the state that is already the newest vintage, where that has become possible.

    Which it does only where `among` has grown.
    """
    *before, last = chain.vintages
    if terms.among is None or terms.among <= last.shown:
        return chain
    shown = last.shown | _shown_after(chain, live, terms)
    if shown == last.shown:
        return chain
    return _pruned(Chain((*before, replace(last, shown=shown)), chain.atoms))


def _shown_after(chain: Chain, live: Base, terms: Terms) -> frozenset[Cell]:
    """The cells of the live state that give no small group away beside all vintages."""
    authors = [atom.authors for atom in chain.atoms]
    # What came and what went can hide in one another: a post and its author's next one.
    derivable = Derivable(authors, terms.minimum, signed=range(len(authors)))
    for number, vintage in enumerate(chain.vintages):
        for cell in sorted(vintage.shown):
            derivable.know(_row(chain.atoms, cell, number))
    alone = shown_cells(_sketches(live), terms.minimum, among=terms.among)
    wanted = [cell for cell, reason in alone.items() if reason is None]
    return frozenset(
        cell for cell in wanted if derivable.admit(_row(chain.atoms, cell, len(chain.vintages)))
    )


def _row(atoms: Iterable[Atom], cell: Cell, number: int) -> list[int]:
    """The atoms that a cell was made of in a vintage."""
    return [
        index
        for index, atom in enumerate(atoms)
        if atom.born <= number and (atom.died is None or number < atom.died)
        if _is_in(atom.cell, cell)
    ]


@dataclass(frozen=True, slots=True)
class _Change:
    """Who came into a base cell and who left it; silent where only opinions' counts changed.

    An emptied one is there no more: nothing of it is left.
    """

    came: frozenset[int]
    gone: frozenset[int]
    is_silent: bool
    is_emptied: bool = False


def _change(before: Counted | None, now: Counted | None) -> _Change:
    was, is_now = _sketch(before), _sketch(now)
    came = AuthorSketch.difference(is_now, was)
    gone = AuthorSketch.difference(was, is_now)
    one, other = (before, now) if now is None else (now, before)
    is_same = one is None or one.tells_as(other)
    is_silent = not (is_same or came or gone)
    return _Change(came, gone, is_silent, is_emptied=now is None)


def _split_atoms(chain: Chain, changes: Mapping[Cell, _Change]) -> Iterator[Atom]:
    """The atoms after a change: old ones fall apart into who stayed and who left."""
    number = len(chain.vintages)
    grown = {atom.cell for atom in chain.atoms if atom.born}
    for atom in chain.atoms:
        change = changes.get(atom.cell, _Change(frozenset(), frozenset(), is_silent=False))
        is_doubtful = atom.cell in grown and bool(change.gone or change.is_silent)
        left = atom.authors & change.gone
        stayed = frozenset[int]() if is_doubtful else atom.authors - left
        if atom.died is not None:
            yield atom
            continue
        if change.is_emptied:
            yield replace(atom, died=number)
            continue
        if left:
            yield replace(atom, died=number, authors=left)
        # Of who came back before, the older posts may be those that have gone now.
        if stayed or is_doubtful or not left:
            yield replace(atom, authors=stayed)
    for cell, change in sorted(changes.items()):
        if change.came:
            yield Atom(cell, number, None, change.came)
        if (change.gone or change.is_silent) and not change.is_emptied:
            yield Atom(cell, number, None, frozenset(), is_remainder=True)


def _pruned(chain: Chain) -> Chain:
    """Forgets the states in which no cell is shown any more; what was shown stays known."""
    cells = {cell for vintage in chain.vintages for cell in vintage.shown}
    needed = {chain.last_shown(cell) for cell in cells} | {len(chain.vintages) - 1}
    vintages = (
        vintage if number in needed else replace(vintage, base=None)
        for number, vintage in enumerate(chain.vintages)
    )
    return replace(chain, vintages=tuple(vintages))


def _is_in(base: Cell, cell: Cell) -> bool:
    return all(wanted in (ALL, value) for wanted, value in zip(cell, base, strict=True))


def _members(base: Base, cell: Cell) -> bytes:
    return AuthorSketch.union(one.authors_sketch for key, one in base.items() if _is_in(key, cell))


def _sketch(counted: Counted | None) -> bytes:
    return counted.authors_sketch if counted else AuthorSketch.of(())


def _authors(cells: Iterable[Counted]) -> int:
    return AuthorSketch.count(AuthorSketch.union(cell.authors_sketch for cell in cells))


def _sketches(base: Base) -> dict[Cell, bytes]:
    return {cell: counted.authors_sketch for cell, counted in base.items()}
