"""Keys: one a period, destroyed when none of its pseudonyms is left, another for removals."""

import errno
import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from collectors.post import Checkpoint, Deletion, Page, Post, Rejection
from collectors.walks import place_of
from monitor.authors import AuthorSketch
from monitor.pipeline.admission import Admission
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing, Pseudonyms, load_everywhere
from monitor.topic import load_topic

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-09-01
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
JUNE, AUGUST = date(2020, 6, 2), date(2020, 8, 20)
NOW = datetime.now(UTC)


@pytest.fixture
def ring(tmp_path):
    return KeyRing(tmp_path / "keys", "strike", 30)


def admission(tmp_path, ring, removed=lambda _: {}):
    path = tmp_path / "strike.toml"
    path.write_text(TOPIC)
    return Admission(load_topic(path), ring, PostIds(b"k" * 32), removed)


def age(ring, **by):
    """Lets the keys be that old; returns their time."""
    then = time.time() - timedelta(**by).total_seconds()
    for path in ring.folder.iterdir():
        os.utime(path, (then, then))
    return then


def post(day, author="42"):
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return Post("x", f"{author}/{day}", at, "I stand with them", author=author, language="en")


def test_an_author_has_one_pseudonym_a_period(ring):
    assert ring.of("x", "42", JUNE) == ring.of("x", "42", JUNE + timedelta(1))
    assert ring.of("x", "42", JUNE) != ring.of("x", "42", AUGUST)


def test_where_a_rejection_stood_is_told_by_no_digest_without_a_key(tmp_path, ring):
    known = Rejection("author_opted_out", place_of("mastodon", "https://a.test/@ann/1"))
    page = Page(Checkpoint({}), (post(date(2031, 1, 1)),), (known,))
    first, again = (admission(tmp_path, ring).page(page).rejections for _ in range(2))
    assert [one.reason for one in first] == ["author_opted_out", "outside_window"]
    assert first == again
    other = replace(admission(tmp_path, ring), ids=PostIds(b"l" * 32)).page(page).rejections
    assert not {one.place for one in first} & {known.place, *(one.place for one in other)}


def test_a_day_s_posts_share_a_key_whenever_they_come(tmp_path, ring):
    kept = admission(tmp_path, ring).page(Page(Checkpoint({}), (post(JUNE), post(AUGUST))))
    again = admission(tmp_path, ring).page(Page(Checkpoint({}), (post(JUNE),)))
    assert again.posts[0] == kept.posts[0]
    assert kept.posts[0].author != kept.posts[1].author


def test_a_key_is_destroyed_when_no_pseudonym_of_it_is_left(ring):
    before = ring.of("x", "42", JUNE), ring.of("x", "42", AUGUST)
    late = NOW + timedelta(days=31)
    assert ring.destroy_unused([AUGUST], late, after=timedelta(days=30)) == 1
    assert ring.of("x", "42", AUGUST) == before[1]
    assert ring.of("x", "42", JUNE) != before[0]


def test_a_young_key_stays_as_posts_may_be_on_their_way(ring):
    ring.of("x", "42", JUNE)
    assert ring.destroy_unused([], NOW, after=timedelta(days=30)) == 0


def test_an_old_key_that_was_read_for_a_pseudonym_stays_as_a_young_one(ring):
    before = ring.of("x", "42", JUNE)
    age(ring, days=40)
    prepared = ring.holding().of("x", "42", JUNE)
    assert ring.destroy_unused([], NOW, after=timedelta(days=30)) == 0
    assert prepared == before == ring.of("x", "42", JUNE)


def test_a_key_that_was_read_long_ago_is_destroyed(ring):
    ring.of("x", "42", JUNE)
    age(ring, days=40)
    ring.of("x", "42", JUNE)
    age(ring, days=31)
    assert ring.destroy_unused([], NOW, after=timedelta(days=30)) == 1


@pytest.mark.parametrize("legacy", [False, True], ids=["a period's", "the only one"])
@pytest.mark.parametrize(("minutes", "is_set"), [(50, False), (70, True)])
def test_a_key_s_times_are_set_once_an_hour_however_often_it_is_read(ring, minutes, is_set, legacy):
    ring.folder.mkdir()
    if legacy:
        (ring.folder / "strike.key").write_bytes(b"k" * 32)
    ring.of("x", "42", JUNE)
    before = age(ring, minutes=minutes)
    for _ in range(2):
        ring.of("x", "42", JUNE)
    (key,) = ring.folder.iterdir()
    assert (key.stat().st_mtime > before + 1) == is_set


def test_forgetting_an_author_makes_no_key_younger(ring):
    ring.of("x", "42", JUNE)
    ring.mark("x", "42")
    age(ring, days=40)
    ring.every("x", "42")
    ring.mark("x", "42")
    assert all(path.stat().st_mtime < time.time() - 86_400 for path in ring.folder.iterdir())


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EPERM, errno.EACCES])
def test_keys_whose_times_may_not_be_set_are_read_all_the_same(ring, monkeypatch, reason):
    tried = []

    def refuse(path, *_):
        tried.append(path)
        raise OSError(reason, os.strerror(reason))

    before = ring.of("x", "42", JUNE)
    age(ring, days=40)
    monkeypatch.setattr("os.utime", refuse)
    assert ring.of("x", "42", JUNE) == before
    assert len(tried) == 1


def test_the_key_of_removals_is_never_destroyed(ring):
    mark = ring.mark("x", "42")
    ring.of("x", "42", JUNE)
    ring.destroy_unused([], NOW + timedelta(days=400), after=timedelta(days=30))
    assert ring.mark("x", "42") == mark
    assert [path.name for path in ring.folder.iterdir()] == ["strike.removals.key"]


def test_a_key_whose_destruction_was_cut_short_is_not_used_again(ring, monkeypatch):
    def die(_):
        raise SystemExit

    before = ring.of("x", "42", JUNE)
    late = NOW + timedelta(days=31)
    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(SystemExit):
        ring.destroy_unused([], late, after=timedelta(days=30))
    monkeypatch.undo()
    assert ring.of("x", "42", JUNE) not in {before, Pseudonyms(bytes(32)).of("x", "42")}


def test_what_is_left_of_a_key_is_destroyed_by_the_next_call(ring):
    ring.of("x", "42", JUNE)
    (key,) = ring.folder.iterdir()
    key.rename(key.with_name(f".{key.name}.0a1b2c3d.destroyed"))
    assert ring.destroy_unused([], NOW, after=timedelta(days=30)) == 1
    assert list(ring.folder.iterdir()) == []


def test_the_one_key_of_an_earlier_program_serves_until_it_is_destroyed(ring):
    ring.folder.mkdir()
    (ring.folder / "strike.key").write_bytes(b"k" * 32)
    assert ring.of("x", "42", JUNE) == ring.of("x", "42", AUGUST)
    os.utime(ring.folder / "strike.key", (0, 0))
    ring.destroy_unused([], NOW, after=timedelta(days=30))
    assert ring.of("x", "42", JUNE) != ring.of("x", "42", AUGUST)


def test_a_removal_names_the_author_under_every_key(tmp_path, ring):
    names = {ring.of("x", "42", JUNE), ring.of("x", "42", AUGUST)}
    kept = admission(tmp_path, ring).deletion(Deletion("x", author="42"))
    assert {kept.author, *kept.aliases} == names
    assert kept.mark not in names


def test_a_removal_says_when_an_account_was_closed_and_that_it_is_open_again(tmp_path, ring):
    admit = admission(tmp_path, ring)
    closed = admit.deletion(Deletion("x", author="42", at=NOW))
    opened = admit.deletion(Deletion("x", author="42", at=NOW, is_revoked=True))
    assert (closed.at, closed.is_revoked) == (NOW, False)
    assert (opened.at, opened.is_revoked, opened.mark) == (NOW, True, closed.mark)


def test_who_was_removed_is_refused_under_a_key_that_is_made_later(tmp_path, ring):
    gone = ring.mark("x", "42")
    admit = admission(tmp_path, ring, lambda marks: {mark: NOW for mark in marks if mark == gone})
    kept = admit.page(Page(Checkpoint({}), (post(AUGUST), post(AUGUST, "43"))))
    assert [(one.author, one.mark, one.at) for one in kept.reminders] == [
        (kept.posts[0].author, gone, NOW)
    ]
    assert kept.deletions == ()


def test_who_was_removed_everywhere_is_refused_by_a_topic_that_comes_later(tmp_path, ring):
    gone = load_everywhere(ring.folder).mark("x", "42")
    admit = admission(tmp_path, ring, lambda marks: {mark: None for mark in marks if mark == gone})
    kept = admit.page(Page(Checkpoint({}), (post(AUGUST), post(AUGUST, "43"))))
    # Its own mark goes into the topic: by one mark in several of them these could be joined.
    assert [(one.author, one.mark, one.at) for one in kept.reminders] == [
        (kept.posts[0].author, ring.mark("x", "42"), None)
    ]


def test_a_post_that_was_removed_everywhere_is_refused_with_what_repeats_it(tmp_path, ring):
    address = "at://did:plc:somebody/app.bsky.feed.post/\ud800"
    gone = load_everywhere(ring.folder).mark_post("x", address)
    admit = admission(tmp_path, ring, lambda marks: {mark: None for mark in marks if mark == gone})
    quote = replace(post(AUGUST), kind="quote", reference=address)
    repost = replace(quote, kind="repost")
    seal = admit.ids.seal(address)
    for one in (replace(post(AUGUST), native_id=address), repost):
        (reminder,) = admit.page(Page(Checkpoint({}), (one,))).reminders
        assert (reminder.native_id, reminder.author, reminder.revision) == (seal, None, None)
    assert admit.page(Page(Checkpoint({}), (quote,))).reminders == ()


def test_no_key_for_every_topic_is_made_before_somebody_is_removed(tmp_path, ring):
    asked = []
    admit = admission(tmp_path, ring, lambda marks: asked.extend(marks) or {})
    admit.page(Page(Checkpoint({}), (post(AUGUST),)))
    assert asked == [ring.mark("x", "42")]
    assert not list(ring.folder.glob("_*"))


def test_the_key_for_every_topic_is_no_topic_s(tmp_path, ring):
    mark = load_everywhere(ring.folder).mark("x", "42")
    age(ring, days=400)
    for topic in ("strike", "removals", "every-topic"):
        replace(ring, topic=topic).destroy_unused([], NOW, after=timedelta(days=30))
        assert replace(ring, topic=topic).mark("x", "42") != mark
    assert load_everywhere(ring.folder).mark("x", "42") == mark


def test_a_sketch_outlives_the_pseudonyms_it_was_made_of(ring):
    sketch = AuthorSketch.of(ring.of("x", str(n), JUNE) for n in range(500))
    assert AuthorSketch.count(AuthorSketch.union([sketch, sketch])) == 500


def test_beyond_2048_authors_a_sketch_errs_by_the_stated_2_2_percent():
    errors = [
        AuthorSketch.count(AuthorSketch.of(f"{seed}/{n}" for n in range(6000))) / 6000 - 1
        for seed in range(12)
    ]
    assert sum(error**2 for error in errors) / 12 < (1.6 * 0.022) ** 2
