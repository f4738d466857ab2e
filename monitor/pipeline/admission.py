"""What of a post may enter the store: the last place where a raw author exists."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from collectors.post import Deletion, Page, Post, Rejection
from monitor.kept import KeptDeletion, KeptPage, KeptPost
from monitor.language import language_of
from monitor.pseudonym import Pseudonyms
from monitor.redaction import redact, text_digest
from monitor.store.values import UNDETERMINED
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Admission:
    """Turns a collector's pages into what may be kept of them for one topic."""

    topic: Topic
    pseudonyms: Pseudonyms

    def page(self, page: Page) -> KeptPage:
        """Keeps what may be kept; a post outside the topic's window becomes a rejection."""
        window = self.topic.window
        inside = [post for post in page.posts if post.created_at in window]
        outside = [post for post in page.posts if post.created_at not in window]
        return KeptPage(
            checkpoint=page.checkpoint,
            posts=tuple(self._post(post) for post in inside),
            rejections=page.rejections + tuple(_outside_window(post) for post in outside),
            deletions=tuple(self.deletion(deletion) for deletion in page.deletions),
            coverage=page.coverage,
            reads=page.reads,
        )

    def _post(self, post: Post) -> KeptPost:
        text = redact(post.text)
        return KeptPost(
            platform=post.platform,
            native_id=post.native_id,
            created_at=post.created_at,
            day=self.topic.day_of(post.created_at),
            text=text,
            text_digest=text_digest(text),
            language=post.language or language_of(text) or UNDETERMINED,
            cohort=self.topic.cohort_of(post.self_description),
            kind=post.kind,
            reference=post.reference,
            author=self._pseudonym(post.platform, post.author),
            revision=post.revision,
            withheld_in=",".join(post.withheld_in),
        )

    def deletion(self, deletion: Deletion) -> KeptDeletion:
        """Names the author by pseudonym, as the posts do."""
        return KeptDeletion(
            platform=deletion.platform,
            native_id=deletion.native_id,
            author=self._pseudonym(deletion.platform, deletion.author),
            reason=deletion.reason,
        )

    def _pseudonym(self, platform: str, author: str | None) -> str | None:
        return None if author is None else self.pseudonyms.of(platform, author)


def _outside_window(post: Post) -> Rejection:
    """The place is the post itself, so that a repeated delivery is the same rejection."""
    name = hashlib.blake2b(f"{post.platform}\x00{post.native_id}".encode(), digest_size=16)
    return Rejection("outside_window", f"post:{name.hexdigest()}", "not in the topic's window")
