"""Edits that take a post out of the topic: of a post's edits the latest one counts.

Servers tell of an edit at different times, and some never. So the tombstone of such a post says
in its reason which edit it was: that one and earlier ones are refused, a later one takes the
tombstone away. A removal of any other reason holds against every edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from monitor.kept import KeptDeletion, KeptPost
from monitor.store.chunks import in_chunks
from monitor.store.rows import POSTS, TOMBSTONES

# No platform's own reasons have a colon in them.
_EDITED = "edited: "


def reason_of(deletion: KeptDeletion) -> str:
    """The reason that a post's tombstone holds; of a later edit it is the greater text."""
    return deletion.reason if deletion.revision is None else _edited(deletion.revision)


def gives_way(reason: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a stored tombstone gives way to one that comes: of a later edit, or for good."""
    is_stronger = or_(~reason.startswith(_EDITED), reason > TOMBSTONES.c.reason)
    return and_(TOMBSTONES.c.reason.startswith(_EDITED), is_stronger)


def is_over(
    connection: Connection, topic: str, deletion: KeptDeletion, arriving: Iterable[KeptPost]
) -> bool:
    """Whether the post is here, or arrives, as it was edited later."""
    if deletion.revision is None:
        return False
    for post in arriving:
        is_same = (post.platform, post.native_id) == (deletion.platform, deletion.native_id)
        if is_same and post.revision > deletion.revision:
            return True
    later = select(POSTS.c.id).where(
        POSTS.c.topic == topic,
        POSTS.c.platform == deletion.platform,
        POSTS.c.native_id == deletion.native_id,
        POSTS.c.revision > deletion.revision,
    )
    return connection.execute(later).first() is not None


def bring_back(connection: Connection, topic: str, revisions: Mapping[str, int]) -> None:
    """Takes away the tombstones of posts that arrive as they were edited later.

    Args:
        connection: In a writing transaction.
        topic: The topic.
        revisions: The arriving ones, by the posts' digests.
    """
    columns = TOMBSTONES.c
    for chunk in in_chunks(revisions):
        statement = select(columns.digest, columns.reason).where(
            columns.topic == topic,
            columns.digest.in_(chunk),
            columns.reason.startswith(_EDITED),
        )
        rows = connection.execute(statement).all()
        over = [row.digest for row in rows if row.reason < _edited(revisions[row.digest])]
        connection.execute(
            delete(TOMBSTONES).where(columns.topic == topic, columns.digest.in_(over))
        )


def _edited(revision: int) -> str:
    """As many digits for every revision, so that texts compare as they do."""
    return f"{_EDITED}{revision:019}"
