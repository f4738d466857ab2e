"""X API v2 as twarc writes it: pages, streamed objects, flattened posts, compliance records."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    check_time,
    mapping,
    sequence,
    take_id,
    take_language,
    take_optional_id,
    take_optional_text,
    take_text,
    take_time,
)
from collectors.lines import Flaw
from collectors.post import Deletion, Kind, Post

PLATFORM = "x"
REMOVALS = frozenset({"delete", "deactivate", "protect", "suspend"})

# Milliseconds before which no id of X's present kind was given out.
_SNOWFLAKE_START = 1_288_834_974_657
# What a post is when it refers to others in several ways: the first of these that applies.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("retweeted", "repost"),
    ("reposted", "repost"),
    ("quoted", "quote"),
    ("replied_to", "reply"),
)
_PAGE_KEYS = frozenset({"data", "includes", "errors", "meta"})
_POST_KEYS = frozenset(
    {"author_id", "conversation_id", "edit_history_tweet_ids", "edit_history_post_ids"}
)
# Fields of our own records that X's posts do not have.
_OWN_KEYS = frozenset({"platform", "self_description", "language", "kind", "reference", "deleted"})
# Users and lists have a name, counts a number of posts; a post has neither.
_OTHER_KEYS = frozenset({"name", "username", "tweet_count", "post_count"})
_COUNTRY = re.compile(r"[A-Z]{2}")
_REASON = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class _Context:
    """What a page tells beside its records: users and referenced posts by id."""

    users: Mapping[str, Record]
    posts: Mapping[str, Record]


def recognises(value: Record) -> bool:
    """Tells whether an object looks like one of X's."""
    if _is_page(value):
        return True
    is_own = not _OWN_KEYS.isdisjoint(value) or isinstance(value.get("author"), str)
    return not is_own and (not _POST_KEYS.isdisjoint(value) or _is_compliance(value))


def read(value: Record) -> Iterator[Outcome]:
    """Yields the outcomes of a line: one per record of a page, or the one of a single record.

    The posts and users in `includes` are context, no records, and so are the errors about them.
    """
    if _is_page(value):
        yield from _read_page(value)
    else:
        yield attempt(_read, value, _Context({}, {}))


def _is_page(value: Record) -> bool:
    """Tells whether an object holds records; one with an id or a text is a record itself."""
    return not _PAGE_KEYS.isdisjoint(value) and "id" not in value and "text" not in value


def _read_page(page: Record) -> Iterator[Outcome]:
    data, errors = page.get("data"), sequence(page.get("errors"))
    if data is None and not errors and "result_count" not in mapping(page.get("meta")):
        yield Flaw("missing_field", "data")
    context = _context(mapping(page.get("includes")))
    for item in data if isinstance(data, list) else [] if data is None else [data]:
        yield attempt(_read, item, context)
    for error in errors:
        if data is None or _is_about_record(mapping(error)):
            yield Flaw("platform_error", "X could not deliver what was asked for")


def _is_about_record(error: Record) -> bool:
    """Tells whether an error stands in a record's place; others are about what it refers to."""
    return error.get("parameter") in (None, "id", "ids")


def _context(includes: Record) -> _Context:
    posts = [*sequence(includes.get("tweets")), *sequence(includes.get("posts"))]
    return _Context(_by_id(sequence(includes.get("users"))), _by_id(posts))


def _by_id(items: Any) -> dict[str, Record]:
    known = [mapping(item) for item in items]
    return {item["id"]: item for item in known if isinstance(item.get("id"), str)}


def _read(item: Any, context: _Context) -> Post | Deletion:
    if not isinstance(item, dict):
        raise BadRecordError("not_an_object", type(item).__name__)
    if _is_compliance(item):
        return _deletion(item)
    if "text" not in item and not _OTHER_KEYS.isdisjoint(item):
        raise BadRecordError("not_a_post", "a count, a list or a user")
    if item.get("deleted"):
        raise BadRecordError("bad_field", "deleted is a field of our own records, not of X's")
    return _post(item, context)


def _is_compliance(item: Record) -> bool:
    return "id" in item and "action" in item and "text" not in item


def _deletion(item: Record) -> Deletion:
    """A compliance record does not say whether its id is a post's or a user's: it may be either."""
    if take_text(item, "action") not in REMOVALS:
        raise BadRecordError("not_a_removal", "a compliance record that removes nothing")
    identifier = take_id(item, "id")
    reason = take_optional_text(item, "reason") or ""
    known = reason if _REASON.fullmatch(reason) else "deleted"
    return Deletion(PLATFORM, native_id=identifier, author=identifier, reason=known)


def _post(item: Record, context: _Context) -> Post:
    native_id, revision = _identity(item)
    kind, reference = _reference(item)
    original = _original(reference, context) if reference else {}
    author = take_optional_id(item, "author_id") or take_optional_id(_author(item), "id")
    return Post(
        platform=PLATFORM,
        native_id=native_id,
        created_at=take_time(item, "created_at") if revision == 0 else _id_time(native_id),
        text=_full_text(original if kind == "repost" and "text" in original else item),
        language=_language(item),
        author=author,
        self_description=_self_description(item, author, context),
        kind=kind,
        reference=_identity(original)[0] if original else None,
        revision=revision,
        withheld_in=_withheld(item),
    )


def _identity(item: Record) -> tuple[str, int]:
    """Returns the first id of the edit history and the place of this revision in it."""
    own = take_id(item, "id")
    history = sequence(item.get("edit_history_tweet_ids") or item.get("edit_history_post_ids"))
    if own not in history[1:]:
        return own, 0
    return take_id({"id": history[0]}, "id"), history.index(own)


def _id_time(native_id: str) -> datetime:
    """Returns the second in which X gave out an id.

    A later revision says only when it was edited; the post's own time must not depend on which
    revision arrives.
    """
    if not (native_id.isascii() and native_id.isdigit() and len(native_id) < 20):
        raise BadRecordError("bad_field", "the first id of the edit history is no number")
    seconds = ((int(native_id) >> 22) + _SNOWFLAKE_START) // 1000
    return check_time(datetime.fromtimestamp(seconds, UTC), "id")


def _reference(item: Record) -> tuple[Kind, Record]:
    references = sequence(item.get("referenced_tweets") or item.get("referenced_posts"))
    by_type = {str(mapping(one).get("type")): mapping(one) for one in references}
    for name, kind in _KINDS:
        if name in by_type:
            return kind, by_type[name]
    return "original", {}


def _original(reference: Record, context: _Context) -> Record:
    """Returns the referenced post: from the page, or as twarc's flattening puts it in place."""
    return context.posts.get(take_id(reference, "id"), reference)


def _full_text(item: Record) -> str:
    """Returns the text as it was written: X gives `&`, `<` and `>` as entities."""
    long_form = mapping(item.get("note_tweet") or item.get("note_post"))
    return html.unescape(take_text(long_form if "text" in long_form else item, "text"))


def _author(item: Record) -> Record:
    return mapping(item.get("author"))


def _self_description(item: Record, author: str | None, context: _Context) -> str | None:
    return take_optional_text(context.users.get(author or "", _author(item)), "description")


def _language(item: Record) -> str | None:
    """X's codes from `qaa` to `qtz` stand for hashtags, links and the like, not for a language."""
    language = take_language(item, "lang")
    return None if language and len(language) == 3 and language.startswith("q") else language


def _withheld(item: Record) -> tuple[str, ...]:
    codes = sequence(mapping(item.get("withheld")).get("country_codes"))
    return tuple(sorted({code for code in map(str, codes) if _COUNTRY.fullmatch(code)}))
