"""What was released of each day: chains of vintages, kept as compressed JSON."""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from monitor.authors import AuthorSketch
from monitor.privacy import Cell
from monitor.releases import Atom, Chain, Vintage
from monitor.store.engine import insert_into
from monitor.store.rows import AGGREGATES, RELEASES
from monitor.store.values import DailyAggregate, with_text

_NOT_KEPT = ("topic", "day")


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """Whose chain: a day's volume, or its answers to one question by one version."""

    day: date
    head: str
    target: str
    version: str


@dataclass(frozen=True, slots=True)
class StoredChain:
    """A chain and how often it has been replaced."""

    chain: Chain
    revision: int = 0


_NOTHING = StoredChain(Chain())


def chains(
    connection: Connection, topic: str, known: Mapping[ReleaseKey, StoredChain] | None = None
) -> dict[ReleaseKey, StoredChain]:
    """Gives all chains of a topic; those that are `known` in their last revision are not read."""
    row = RELEASES.c
    statement = select(row.day, row.head, row.target, row.version, row.revision).where(
        row.topic == topic
    )
    found: dict[ReleaseKey, StoredChain] = {}
    for each in connection.execute(statement).all():
        key = ReleaseKey(each.day, each.head, each.target, each.version)
        before = (known or {}).get(key)
        if before is not None and before.revision == each.revision:
            found[key] = before
        else:
            read = select(row.content).where(*_where(topic, key))
            content = connection.execute(read).scalar_one()
            found[key] = StoredChain(unpack(content, topic, key.day), each.revision)
    return found


def keep(
    connection: Connection, topic: str, key: ReleaseKey, chain: Chain, *, expected: int
) -> bool:
    """Stores a chain in place of the revision it was made from; False where that has gone."""
    row = RELEASES.c
    here = _where(topic, key)
    now = connection.execute(select(row.revision).where(*here)).scalar_one_or_none() or 0
    if now != expected:
        return False
    values = {
        "topic": topic,
        "day": key.day,
        "head": key.head,
        "target": key.target,
        "version": key.version,
        "revision": expected + 1,
        "content": pack(chain),
    }
    insertion = insert_into(connection, RELEASES).values(**values)
    insertion = insertion.on_conflict_do_update(
        index_elements=list(RELEASES.primary_key.columns),
        set_={name: values[name] for name in ("revision", "content")},
    )
    connection.execute(insertion)
    return True


def is_stored(connection: Connection, topic: str, key: ReleaseKey) -> bool:
    """Whether a day has counts for a question: it has none once its target's text has changed."""
    cell = AGGREGATES.c
    of_question = (cell.head == key.head, cell.target == key.target, cell.version == key.version)
    found = exists().where(cell.topic == topic, cell.day == key.day, *of_question)
    return bool(connection.execute(select(found)).scalar_one())


def put_aside(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    """Begins anew with what is released about a target whose text has changed.

    What was released with this text earlier counts again: a text that was changed and changed back
    tells no more than one that stayed. Revisions go on, so that whoever remembers a chain reads it
    again.
    """
    known = chains(connection, topic)
    for key, stored in known.items():
        if key.target == target:
            aside = replace(key, target=with_text(target, before))
            earlier = replace(key, target=with_text(target, now))
            last = known.get(aside, _NOTHING).revision
            keep(connection, topic, aside, stored.chain, expected=last)
            chain = known.get(earlier, _NOTHING).chain
            keep(connection, topic, key, chain, expected=stored.revision)


def forget_authors(connection: Connection, topic: str, pseudonyms: Iterable[str]) -> int:
    """Puts authors who never were in the place of some that are to be forgotten, one for each.

    The number of authors stays, on which later releases depend; who they were goes.

    Returns:
        How many chains held one of them.
    """
    instead = {_hash(pseudonym): (pseudonym, secrets.token_hex(16)) for pseudonym in pseudonyms}
    row, changed = RELEASES.c, 0
    for each in connection.execute(select(RELEASES).where(row.topic == topic)).all():
        if not _may_hold(each.content, instead):
            continue
        chain = unpack(each.content, topic, each.day)
        if any(instead.keys() & atom.authors for atom in chain.atoms):
            key = ReleaseKey(each.day, each.head, each.target, each.version)
            keep(connection, topic, key, _blanked(chain, instead), expected=each.revision)
            changed += 1
    return changed


def pack(chain: Chain) -> bytes:
    """A chain as bytes."""
    content = {
        "vintages": [
            {
                "at": vintage.at.isoformat(),
                "shown": sorted(map(list, vintage.shown)),
                "base": None if vintage.base is None else _packed_base(vintage.base),
            }
            for vintage in chain.vintages
        ],
        "atoms": [
            [list(atom.cell), atom.born, atom.died, sorted(atom.authors), atom.is_remainder]
            for atom in chain.atoms
        ],
    }
    packed = json.dumps(content, separators=(",", ":")).encode()
    return zlib.compress(packed, level=1)  # hashes: more effort would save two percent


def _may_hold(content: bytes, hashes: Iterable[int]) -> bool:
    """Whether a packed chain may hold one of the hashes; of most, this is told without parsing."""
    packed = zlib.decompress(content)
    return any(b"%d" % each in packed for each in hashes)


def unpack(content: bytes, topic: str, day: date) -> Chain:
    """The chain that `pack` made bytes of."""
    packed = json.loads(zlib.decompress(content))
    vintages = tuple(
        Vintage(
            datetime.fromisoformat(each["at"]),
            frozenset(_cell(cell) for cell in each["shown"]),
            None if each["base"] is None else _base(each["base"], topic, day),
        )
        for each in packed["vintages"]
    )
    atoms = tuple(
        Atom(_cell(cell), born, died, frozenset(authors), is_remainder)
        for cell, born, died, authors, is_remainder in packed["atoms"]
    )
    return Chain(vintages, atoms)


def _packed_base(base: Mapping[Cell, Any]) -> list[dict[str, Any]]:
    return [
        {
            field.name: _plain(getattr(one, field.name))
            for field in fields(DailyAggregate)
            if field.name not in _NOT_KEPT
        }
        for _, one in sorted(base.items())
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return dict(value) if isinstance(value, Mapping) else value


def _base(packed: Iterable[Mapping[str, Any]], topic: str, day: date) -> dict[Cell, DailyAggregate]:
    found = {}
    for each in packed:
        values = {name: _value(value) for name, value in each.items()}
        one = DailyAggregate(topic=topic, day=day, **values)
        found[one.platform, one.cohort, one.language] = one
    return found


def _value(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"bytes"}:
        return base64.b64decode(value["bytes"])
    return value


def _cell(values: Iterable[str]) -> Cell:
    platform, cohort, language = values
    return platform, cohort, language


def _blanked(chain: Chain, instead: Mapping[int, tuple[str, str]]) -> Chain:
    """The chain with others in the place of some.

    Args:
        chain: The chain.
        instead: By hash, who is to be forgotten and who comes in their place.
    """

    def without(authors: frozenset[int]) -> frozenset[int]:
        gone = instead.keys() & authors
        return authors - gone | {_hash(instead[one][1]) for one in gone}

    def sketch_without(sketch: bytes) -> bytes:
        known = [instead[one] for one in instead.keys() & AuthorSketch.hashes(sketch)]
        gone = AuthorSketch.of(pseudonym for pseudonym, _ in known)
        return AuthorSketch.exchange(sketch, gone, AuthorSketch.of(blank for _, blank in known))

    def base_without(base: Mapping[Cell, Any]) -> dict[Cell, Any]:
        return {
            cell: replace(one, authors_sketch=sketch_without(one.authors_sketch))
            for cell, one in base.items()
        }

    return Chain(
        tuple(
            replace(each, base=None if each.base is None else base_without(each.base))
            for each in chain.vintages
        ),
        tuple(replace(atom, authors=without(atom.authors)) for atom in chain.atoms),
    )


def _hash(pseudonym: str) -> int:
    (found,) = AuthorSketch.hashes(AuthorSketch.of([pseudonym]))
    return found


def _where(topic: str, key: ReleaseKey) -> tuple[ColumnElement[bool], ...]:
    row = RELEASES.c
    return (
        row.topic == topic,
        row.day == key.day,
        row.head == key.head,
        row.target == key.target,
        row.version == key.version,
    )
