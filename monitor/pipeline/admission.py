"""What of a post may enter the store: the last place where a raw author exists."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

from collectors.post import Checkpoint, Deletion, Page, Post, Rejection
from monitor.kept import KeptDeletion, KeptPage, KeptPost
from monitor.language import language_of
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing, Pseudonyms
from monitor.redaction import redact, text_digest
from monitor.store.values import UNDETERMINED, PlatformId
from monitor.topic import Topic


def _nobody(_marks: Collection[str]) -> Collection[str]:
    return ()


def _none(_posts: Collection[PlatformId]) -> Collection[PlatformId]:
    return ()


@dataclass(frozen=True, slots=True)
class Admission:
    """Turns a collector's pages into what may be kept of them for one topic.

    Attributes:
        ids: Seals post ids that lead to an author.
        removed: Tells which of some marks belong to authors who are to be forgotten.
        buried: Tells which of some posts were removed by programs that did not seal ids.
    """

    topic: Topic
    pseudonyms: Pseudonyms | KeyRing
    ids: PostIds
    removed: Callable[[Collection[str]], Collection[str]] = _nobody
    buried: Callable[[Collection[PlatformId]], Collection[PlatformId]] = _none

    def page(self, page: Page) -> KeptPage:
        """Keeps what may be kept; a post outside the topic's window becomes a rejection."""
        window = self.topic.window
        inside = [post for post in page.posts if post.created_at in window]
        outside = [post for post in page.posts if post.created_at not in window]
        return KeptPage(
            checkpoint=Checkpoint(self.ids.seal_state(page.checkpoint.state)),
            posts=tuple(self._post(post) for post in inside),
            rejections=page.rejections + tuple(_outside_window(post) for post in outside),
            deletions=tuple(self.deletion(deletion) for deletion in page.deletions),
            coverage=page.coverage,
            reads=page.reads,
            reminders=(*self._reminders(inside), *self._reminders_of_posts(inside)),
        )

    def _reminders(self, posts: Iterable[Post]) -> list[KeptDeletion]:
        """Removals of authors whose posts come again, perhaps in a period with another key."""
        marks = {
            self.pseudonyms.mark(post.platform, post.author): post
            for post in posts
            if post.author is not None
        }
        found = self.removed(list(marks)) if marks else ()
        gone = {(marks[mark].platform, marks[mark].author) for mark in found}
        return [
            KeptDeletion(post.platform, None, pseudonym, "forget")
            for post in posts
            if (post.platform, post.author) in gone
            and (pseudonym := self._pseudonym(post, self.topic.day_of(post.created_at)))
        ]

    def _reminders_of_posts(self, posts: Collection[Post]) -> list[KeptDeletion]:
        """Removals of posts that were demanded when tombstones were made of unsealed ids."""
        names = {(post.platform, post.native_id) for post in posts}
        names |= {(post.platform, post.reference) for post in posts if post.reference}
        seals = {(on, name): self.ids.seal(name) for on, name in names}
        changed = [one for one, seal in seals.items() if seal != one[1]]
        found = self.buried(changed) if changed else ()
        return [KeptDeletion(one[0], seals[one], None, "deleted") for one in sorted(found)]

    def _post(self, post: Post) -> KeptPost:
        text = redact(post.text)
        day = self.topic.day_of(post.created_at)
        return KeptPost(
            platform=post.platform,
            native_id=self.ids.seal(post.native_id),
            created_at=post.created_at,
            day=day,
            text=text,
            text_digest=text_digest(text),
            language=post.language or language_of(text) or UNDETERMINED,
            cohort=self.topic.cohort_of(post.self_description),
            kind=post.kind,
            reference=self._sealed(post.reference),
            author=self._pseudonym(post, day),
            revision=post.revision,
            withheld_in=",".join(post.withheld_in),
        )

    def deletion(self, deletion: Deletion) -> KeptDeletion:
        """Names the author by pseudonym, as the posts of every period do."""
        author = deletion.author
        known = [] if author is None else self.pseudonyms.every(deletion.platform, author)
        return KeptDeletion(
            platform=deletion.platform,
            native_id=self._sealed(deletion.native_id),
            author=known[0] if known else None,
            reason=deletion.reason,
            aliases=tuple(known[1:]),
            mark=None if author is None else self.pseudonyms.mark(deletion.platform, author),
        )

    def _sealed(self, native_id: str | None) -> str | None:
        return None if native_id is None else self.ids.seal(native_id)

    def _pseudonym(self, post: Post, day: date) -> str | None:
        if post.author is None:
            return None
        return self.pseudonyms.of(post.platform, post.author, day)


def _outside_window(post: Post) -> Rejection:
    """The place is the post itself, so that a repeated delivery is the same rejection."""
    name = hashlib.blake2b(f"{post.platform}\x00{post.native_id}".encode(), digest_size=16)
    return Rejection("outside_window", f"post:{name.hexdigest()}", "not in the topic's window")
