"""Which labelled posts must not be split between training and judging."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from monitor.copies import CopyFinder
from monitor.store.values import LabelledPost


def example_groups(posts: Sequence[LabelledPost]) -> dict[int, str]:
    """Returns a group for every post, by post id: one author's, or nearly one text's, are one.

    The groups' names tell nothing of authors or texts.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        leader.setdefault(name, name)
        while leader[name] != name:
            name = leader[name]
        return name

    copies = CopyFinder()
    first: dict[str, int] = {}
    names: dict[int, str] = {}
    for post in posts:
        if post.post_id in names:
            continue
        text = first.setdefault(post.text, copies.number_of(post.text))
        names[post.post_id] = f"text {text}"
        if post.author is not None:
            leader[find(f"text {text}")] = find(f"author {post.author}")
    return {post_id: _hidden(find(name)) for post_id, name in names.items()}


def _hidden(name: str) -> str:
    return blake2b(name.encode(), digest_size=8).hexdigest()
