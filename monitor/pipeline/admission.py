"""What of a post may enter the store: the last place where a raw author exists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path

from collectors.post import Checkpoint, Deletion, Page, Post, Rejection
from monitor.kept import KeptDeletion, KeptPage, KeptPost, PlatformId
from monitor.language import language_of
from monitor.languages import UNDETERMINED
from monitor.post_ids import PostIds, load_post_ids
from monitor.pseudonym import KeyRing, Pseudonyms
from monitor.redaction import redact
from monitor.text_digest import text_digest
from monitor.topic import Topic


def _nobody(_marks: Collection[str]) -> Mapping[str, datetime | None]:
    return {}


def _none(_posts: Collection[PlatformId]) -> Collection[PlatformId]:
    return ()


Author = tuple[str, str, str]
"""Platform, pseudonym, and the topic's mark."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page of which the store has not been asked yet.

    Attributes:
        page: What may be kept, without reminders.
        marks: By which its authors would be recognised who are to be forgotten.
        post_marks: By which its posts (and those they repeat) would be that are to be.
        unsealed: Its posts (and those they refer to) whose ids were sealed, with the seals.
    """

    page: KeptPage
    marks: Mapping[str, Sequence[Author]]
    post_marks: Mapping[str, PlatformId]
    unsealed: Mapping[PlatformId, str]


@dataclass(frozen=True, slots=True)
class Admission:
    """Turns a collector's pages into what may be kept of them for one topic.

    Attributes:
        ids: Seals post ids that lead to an author, and names the places of rejections.
        removed: Tells which of some marks belong to authors and posts that are to be forgotten;
            with the time at which the platform closed an author's account, if that is all there
            is against them.
        buried: Tells which of some posts were removed by programs that did not seal ids.
    """

    topic: Topic
    pseudonyms: Pseudonyms | KeyRing
    ids: PostIds
    removed: Callable[[Collection[str]], Mapping[str, datetime | None]] = _nobody
    buried: Callable[[Collection[PlatformId]], Collection[PlatformId]] = _none

    def page(self, page: Page) -> KeptPage:
        """Keeps what may be kept; a post outside the topic's window becomes a rejection."""
        return self.finish(self.prepare(page))

    def prepare(self, page: Page) -> Prepared:
        """The part of `page` that needs keys alone; any process that has them can do it."""
        return replace(self, pseudonyms=self.pseudonyms.holding())._prepared(page)

    def finish(self, prepared: Prepared, end: Page | None = None) -> KeptPage:
        """The part of `page` that asks the store, right before its page goes there.

        Args:
            prepared: From `prepare`.
            end: Holds checkpoint and coverage where they were not known before.
        """
        marks, of_posts, unsealed = prepared.marks, prepared.post_marks, prepared.unsealed
        gone = self.removed([*marks, *of_posts]) if marks or of_posts else {}
        buried = self.buried(list(unsealed)) if unsealed else ()
        reminders = (
            *(
                KeptDeletion(on, None, name, "forget", mark=mark, at=at)
                for known_by, at in gone.items()
                for on, name, mark in marks.get(known_by, ())
            ),
            *(KeptDeletion(*of_posts[mark], None, "forget") for mark in gone if mark in of_posts),
            *(KeptDeletion(one[0], unsealed[one], None, "deleted") for one in sorted(buried)),
        )
        kept = replace(prepared.page, reminders=reminders)
        if end is None:
            return kept
        return replace(kept, checkpoint=self._checkpoint(end), coverage=end.coverage)

    def _prepared(self, page: Page) -> Prepared:
        start, end = self.topic.window.start, self.topic.window.end
        inside = [post for post in page.posts if start <= post.created_at < end]
        outside = [post for post in page.posts if not start <= post.created_at < end]
        cohort_of = cache(self.topic.cohort_of)  # An author's posts often come together.
        posts = tuple([self._post(post, cohort_of) for post in inside])
        kept = KeptPage(
            checkpoint=self._checkpoint(page),
            posts=posts,
            rejections=tuple(
                replace(rejection, place=self.ids.name_place(rejection.place))
                for rejection in (*page.rejections, *map(_outside_window, outside))
            ),
            deletions=tuple(self.deletion(deletion) for deletion in page.deletions),
            coverage=page.coverage,
            reads=page.reads,
            earlier=page.earlier,
        )
        everywhere = self.pseudonyms.everywhere()
        return Prepared(
            kept,
            self._marks(inside, posts, everywhere),
            {} if everywhere is None else _post_marks(inside, posts, everywhere),
            _unsealed(inside, posts),
        )

    def _checkpoint(self, page: Page) -> Checkpoint:
        return Checkpoint(self.ids.seal_state(page.checkpoint.state))

    def _marks(
        self, posts: Sequence[Post], kept: Sequence[KeptPost], everywhere: Pseudonyms | None
    ) -> Mapping[str, list[Author]]:
        """Authors may have asked to be forgotten when they had another period's pseudonym.

        Or when there was no such topic: by that mark they are recognised `everywhere`.
        """
        marks: dict[str, list[Author]] = {}
        for post, made in zip(posts, kept, strict=True):
            if post.author is not None and made.author is not None:
                mark = self.pseudonyms.mark(post.platform, post.author)
                author = made.platform, made.author, mark
                marks.setdefault(mark, []).append(author)
                if everywhere is not None:
                    mark = everywhere.mark(post.platform, post.author)
                    marks.setdefault(mark, []).append(author)
        return marks

    def _post(self, post: Post, cohort_of: Callable[[str | None], str]) -> KeptPost:
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
            cohort=cohort_of(post.self_description),
            kind=post.kind,
            reference=self._sealed(post.reference),
            author=self._pseudonym(post, day),
            revision=post.revision,
            withheld_in=",".join(post.withheld_in),
        )

    def deletion(self, deletion: Deletion) -> KeptDeletion:
        """Names the author by pseudonym, as the posts of every period do."""
        return keep_deletion(deletion, self.pseudonyms, self.ids)

    def _sealed(self, native_id: str | None) -> str | None:
        return None if native_id is None else self.ids.seal(native_id)

    def _pseudonym(self, post: Post, day: date) -> str | None:
        if post.author is None:
            return None
        return self.pseudonyms.of(post.platform, post.author, day)


def keep_deletion(
    deletion: Deletion, pseudonyms: Pseudonyms | KeyRing, ids: PostIds
) -> KeptDeletion:
    """Names the author by pseudonym, as the posts of every period do, and seals the post's id."""
    author, native_id = deletion.author, deletion.native_id
    known = [] if author is None else pseudonyms.every(deletion.platform, author)
    return KeptDeletion(
        platform=deletion.platform,
        native_id=None if native_id is None else ids.seal(native_id),
        author=known[0] if known else None,
        reason=deletion.reason,
        aliases=tuple(known[1:]),
        mark=None if author is None else pseudonyms.mark(deletion.platform, author),
        at=deletion.at,
        is_revoked=deletion.is_revoked,
        revision=deletion.revision,
    )


def load_admission(topic: Topic, keys: Path, rotate_days: int) -> Admission:
    """An admission that asks no store, with the keys in a folder.

    Raises:
        ConfigurationError: A key file is damaged.
    """
    return Admission(topic, KeyRing(keys, topic.name, rotate_days), load_post_ids(keys, topic.name))


def _post_marks(
    posts: Sequence[Post], kept: Sequence[KeptPost], everywhere: Pseudonyms
) -> dict[str, PlatformId]:
    marks: dict[str, PlatformId] = {}
    for post, made in zip(posts, kept, strict=True):
        marks[everywhere.mark_post(post.platform, post.native_id)] = made.platform, made.native_id
        if made.kind == "repost" and made.reference is not None and post.reference is not None:
            mark = everywhere.mark_post(post.platform, post.reference)
            marks[mark] = made.platform, made.reference
    return marks


def _unsealed(posts: Sequence[Post], kept: Sequence[KeptPost]) -> dict[PlatformId, str]:
    """Programs that did not seal ids made tombstones of the ids as they are."""
    seals: dict[PlatformId, str] = {}
    for post, made in zip(posts, kept, strict=True):
        if post.native_id != made.native_id:
            seals[post.platform, post.native_id] = made.native_id
        if made.reference is not None and post.reference and post.reference != made.reference:
            seals[post.platform, post.reference] = made.reference
    return seals


def _outside_window(post: Post) -> Rejection:
    """The place is the post itself, so that a repeated delivery is the same rejection."""
    place = f"post:{post.platform}\x00{post.native_id}"
    return Rejection("outside_window", place, "not in the topic's window")
