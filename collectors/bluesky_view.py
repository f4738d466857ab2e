"""Posts as Bluesky's app server shows them, to a search or to a question after one."""

from __future__ import annotations

from collectors.formats.fields import Record, mapping, sequence
from collectors.formats.jetstream import POST, read
from collectors.lines import Flaw
from collectors.post import Deletion, Post

MEMBERS_ONLY = "!no-unauthenticated"
"""The label by which an author asks apps to show their posts to logged-in people only."""


def is_for_members_only(view: Record) -> bool:
    """Whether the author does not want to be shown to everybody."""
    labels = sequence(mapping(view.get("author")).get("labels"))
    return any(mapping(label).get("val") == MEMBERS_ONLY for label in labels)


def read_view(view: Record) -> Post | Flaw:
    """Reads a post by giving it the shape of the event that made it."""
    uri = view.get("uri")
    parts = uri.split("/") if isinstance(uri, str) else []
    if len(parts) != 5 or parts[3] != POST:
        return Flaw("bad_field", "uri is no post's")
    commit = {
        "operation": "create",
        "collection": POST,
        "rkey": parts[4],
        "record": view.get("record"),
    }
    outcome = read({"did": parts[2], "kind": "commit", "commit": commit})
    return Flaw("bad_field") if isinstance(outcome, Deletion) else outcome
