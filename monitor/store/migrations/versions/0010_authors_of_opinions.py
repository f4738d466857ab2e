"""A volume's authors are those of opinions: who only reposts goes from stored sketches.

Of what was shown of a day with reposts nobody knows any more whose opinions were in it. So they
count as nobody's from here on: nothing is shown that would tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from monitor.authors import AuthorSketch
from monitor.privacy import Cell
from monitor.releases import Chain
from monitor.store.releases import pack, unpack

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Sketches = dict[Cell, bytes]

_CELL = ("platform", "cohort", "language")
_POSTS = sa.table(
    "posts",
    *(sa.column(name) for name in ("topic", *_CELL, "kind", "author")),
    sa.column("day", sa.Date),
)
_AGGREGATES = sa.table(
    "aggregates",
    *(sa.column(name) for name in ("topic", *_CELL, "head", "reposts", "authors")),
    sa.column("day", sa.Date),
    sa.column("authors_sketch", sa.LargeBinary),
)
_RELEASES = sa.table(
    "releases",
    *(sa.column(name) for name in ("topic", "head", "revision")),
    sa.column("day", sa.Date),
    sa.column("content", sa.LargeBinary),
)
_DAYS = sa.table(
    "days",
    *(sa.column(name) for name in ("topic", "revision", "aggregated")),
    sa.column("day", sa.Date),
)


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    connection = op.get_bind()
    counted = _AGGREGATES.c
    statement = sa.select(counted.topic, counted.day).where(
        counted.head == "volume", counted.reposts > 0
    )
    platforms = defaultdict[str, set[str]](set)
    for topic, day in connection.execute(statement.distinct()).all():
        platforms[topic] |= _restate_day(connection, topic, day)
    _restate_releases(connection, platforms)


def _restate_day(connection: sa.Connection, topic: str, day: date) -> set[str]:
    """Takes those who only reposted out of a day's volume; gives the platforms with reposts."""
    one = _AGGREGATES.c
    here = (one.topic == topic, one.day == day)
    is_volume = (one.head == "volume", one.reposts > 0)
    known = _authors(connection, topic, day)
    is_dirty = _is_dirty(connection, topic, day)
    rows = connection.execute(sa.select(_AGGREGATES).where(*here, *is_volume)).all()
    for row in rows:
        cell = (row.platform, row.cohort, row.language)
        sketch = AuthorSketch.union(known[cell])
        if is_dirty:  # The authors of posts that are not counted yet are not counted either.
            sketch = _shared(sketch, row.authors_sketch)
        those = (one[name] == value for name, value in zip(_CELL, cell, strict=True))
        values = {"authors_sketch": sketch, "authors": AuthorSketch.count(sketch)}
        connection.execute(sa.update(_AGGREGATES).where(*here, *is_volume, *those).values(values))
    return {row.platform for row in rows}


def _authors(connection: sa.Connection, topic: str, day: date) -> dict[Cell, list[bytes]]:
    """Sketches who wrote opinions: those whom posts still name, and of purged ones the answered."""
    post, one = _POSTS.c, _AGGREGATES.c
    written = sa.select(*(post[name] for name in _CELL), post.author).where(
        post.topic == topic, post.day == day, post.kind != "repost", post.author.is_not(None)
    )
    people = defaultdict[Cell, set[str]](set)
    for row in connection.execute(written):
        people[row[0], row[1], row[2]].add(row[3])
    found = defaultdict[Cell, list[bytes]](list)
    for cell, those in people.items():
        found[cell].append(AuthorSketch.of(those))
    answered = sa.select(*(one[name] for name in _CELL), one.authors_sketch).where(
        one.topic == topic, one.day == day, one.head != "volume"
    )
    for row in connection.execute(answered):
        found[row[0], row[1], row[2]].append(row[3])
    return found


def _is_dirty(connection: sa.Connection, topic: str, day: date) -> bool:
    one = _DAYS.c
    statement = sa.select(sa.func.count()).where(
        one.topic == topic, one.day == day, one.revision > one.aggregated
    )
    return bool(connection.execute(statement).scalar_one())


def _restate_releases(connection: sa.Connection, platforms: Mapping[str, set[str]]) -> None:
    one = _RELEASES.c
    statement = sa.select(one.topic, one.day).where(one.head == "volume")
    for topic, day in connection.execute(statement).all():
        here = (one.topic == topic, one.day == day, one.head == "volume")
        content = connection.execute(sa.select(one.content).where(*here)).scalar_one()
        before = unpack(content, topic, day)
        after = _restated(before, _volume(connection, topic, day), platforms[topic])
        if after != before:
            values = {"content": pack(after), "revision": one.revision + 1}
            connection.execute(sa.update(_RELEASES).where(*here).values(values))


def _volume(connection: sa.Connection, topic: str, day: date) -> Sketches:
    one = _AGGREGATES.c
    statement = sa.select(*(one[name] for name in _CELL), one.authors_sketch).where(
        one.topic == topic, one.day == day, one.head == "volume"
    )
    return {(row[0], row[1], row[2]): row[3] for row in connection.execute(statement)}


def _restated(chain: Chain, sketches: Sketches, platforms: set[str]) -> Chain:
    """The chain without those who only reposted.

    A platform that has reposts on one of a topic's days is taken to have some in all states of
    all of them: states in which nothing is shown any more are not kept.

    Args:
        chain: What was shown of a day's volume.
        sketches: Who wrote opinions there, as far as that is still known.
        platforms: Those with reposts.
    """
    vintages = tuple(
        replace(each, base=None if each.base is None else _without_reposters(each.base, sketches))
        for each in chain.vintages
    )
    bases: list[Any] = [each.base or {} for each in chain.vintages]
    platforms = platforms | {one.platform for base in bases for one in base.values() if one.reposts}
    atoms = tuple(
        replace(atom, authors=frozenset[int]()) if atom.cell[0] in platforms else atom
        for atom in chain.atoms
    )
    return Chain(vintages, atoms)


def _without_reposters(base: Mapping[Cell, Any], sketches: Sketches) -> dict[Cell, Any]:
    found = dict(base)
    for cell, one in base.items():
        if one.reposts:
            sketch = _shared(sketches.get(cell, AuthorSketch.of(())), one.authors_sketch)
            found[cell] = replace(one, authors_sketch=sketch, authors=AuthorSketch.count(sketch))
    return found


def _shared(one: bytes, other: bytes) -> bytes:
    """Sketches those who are in both; the first as it is where all of them are."""
    alone = AuthorSketch.without(one, other)
    if not AuthorSketch.hashes(alone):
        return one
    return AuthorSketch.union([AuthorSketch.without(one, alone)])
