"""A day is rebuilt until its figures are as new as its posts, and never made older."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from store_values import NOW, answers, cell, day_posts, deletion, page, pending, post

from collectors.post import Checkpoint
from monitor.store import calendar
from monitor.store.engine import writing
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import CellKey, DayPost, DayPrediction, DirtyDay

DAY = NOW.date()
NEXT = DAY + timedelta(days=1)


def test_a_touched_day_is_dirty_until_it_is_replaced(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    (seen,) = store.dirty_days(topic)
    assert store.replace_day(topic, seen, [cell(topic)])
    assert store.dirty_days(topic) == []
    assert queries.cells(topic, ["v1"], DAY, NEXT) == [cell(topic)]


def test_a_day_that_changes_while_it_is_read_stays_dirty(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    (seen,) = store.dirty_days(topic)
    store.save_page(topic, "file", page(post("2")), at=NOW)
    assert not store.replace_day(topic, seen, [cell(topic)])
    assert [each.day for each in store.dirty_days(topic)] == [DAY]


def test_a_topic_is_listed_also_when_its_last_post_is_removed(
    store: Store, queries: Queries, topic: str
) -> None:
    assert topic not in queries.topics()
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.remove_source(topic, "file")
    assert queries.topics().count(topic) == 1


def test_an_older_reading_never_replaces_a_newer_one(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    (old,) = store.dirty_days(topic)
    store.save_page(topic, "file", page(post("2")), at=NOW)
    (new,) = store.dirty_days(topic)
    store.replace_day(topic, new, [cell(topic, posts=2)])
    assert not store.replace_day(topic, old, [cell(topic, posts=1)])
    assert [each.posts for each in queries.cells(topic, ["v1"], DAY, NEXT)] == [2]


def test_a_revision_never_comes_twice(store: Store, queries: Queries, topic: str) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    (first,) = store.dirty_days(topic)
    store.replace_day(topic, first, [])
    store.mark_days(topic, [DAY])
    (second,) = store.dirty_days(topic)
    assert second.revision > first.revision


def test_a_day_never_marked_is_not_replaced(store: Store, queries: Queries, topic: str) -> None:
    assert not store.replace_day(topic, DirtyDay(DAY, 1), [cell(topic)])
    assert queries.cells(topic, ["v1"], DAY, NEXT) == []


def test_replacing_a_day_leaves_no_older_cell_of_any_version(
    store: Store, queries: Queries, topic: str
) -> None:
    store.mark_days(topic, [DAY, NEXT])
    today, tomorrow = store.dirty_days(topic)
    other = cell(topic, day=NEXT)
    store.replace_day(topic, tomorrow, [other])
    store.replace_day(topic, today, [cell(topic), cell(topic, version="v2")])
    store.replace_day(topic, today, [cell(topic, posts=1)])
    found = queries.cells(topic, ["v1", "v2"], DAY, NEXT + timedelta(days=1))
    assert found == [cell(topic, posts=1), other]


def test_a_day_whose_last_post_is_removed_can_be_emptied(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, [cell(topic)])
    store.save_page(topic, "file", page(deletions=[deletion("1")]), at=NOW)
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, [])
    assert queries.cells(topic, ["v1"], DAY, NEXT) == []


def test_cells_are_of_the_range_the_versions_and_the_volume_sorted(
    store: Store, queries: Queries, topic: str
) -> None:
    volume = cell(topic, head="volume", target="", version="", label_counts={}, soft_sums={})
    cells = [
        cell(topic, platform="x"),
        cell(topic, platform="mastodon"),
        volume,
        cell(topic, version="v2"),
    ]
    store.mark_days(topic, [DAY, NEXT])
    for seen in store.dirty_days(topic):
        moved = [replace(each, day=seen.day) for each in cells]
        store.replace_day(topic, seen, moved)
    assert queries.cells(topic, ["v1"], DAY, NEXT) == [cells[1], cells[0], volume]
    assert queries.cells(topic, [], DAY, NEXT) == [volume]


def test_totals_are_of_the_versions_and_languages_asked_about_and_all_opinions(
    store: Store, queries: Queries, topic: str
) -> None:
    volume = cell(topic, head="volume", target="", version="", label_counts={}, soft_sums={})
    cells = [
        cell(topic, platform="x"),
        cell(topic, platform="mastodon"),
        cell(topic, version="v2"),
        cell(topic, version="v3"),
        cell(topic, language="de"),
        volume,
        replace(volume, language="de"),
    ]
    store.mark_days(topic, [DAY, NEXT])
    for seen in store.dirty_days(topic):
        store.replace_day(topic, seen, [replace(each, day=seen.day) for each in cells])
    found = queries.day_totals(topic, ["v1", "v2"], ["en"], DAY, NEXT)
    posts, question = volume.posts, (cells[0].head, cells[0].target)
    assert {(one.day, one.head, one.target, one.version, one.posts) for one in found} == {
        (DAY, *question, "v1", 2 * posts),
        (DAY, *question, "v2", posts),
        (DAY, "volume", "", "", posts),
    }
    assert all(type(one.posts) is int for one in found)


def test_marking_without_days_marks_all_known_ones(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.mark_days(topic, [NEXT])
    before = store.dirty_days(topic)
    store.mark_days(topic)
    after = store.dirty_days(topic)
    assert [each.day for each in after] == [DAY, NEXT]
    assert all(b.revision > a.revision for a, b in zip(before, after, strict=True))


def test_day_rows_give_posts_with_the_predictions_of_every_version(
    store: Store, queries: Queries, topic: str
) -> None:
    posts = [post("1"), post("2", kind="reply", author=None, language="de", text="")]
    store.save_page(topic, "file", page(*posts), at=NOW)
    found = pending(queries, topic)
    store.save_predictions(topic, "v1", answers(found, [("stance", "walkout")]))
    store.save_predictions(topic, "v2", answers(found, [("sentiment", "")]))
    first, second = queries.day_rows(topic, DAY)
    assert set(first.predictions) == {
        DayPrediction("stance", "walkout", "v1", "none", (1000, 2000, 7000)),
        DayPrediction("sentiment", "", "v2", "none", (1000, 2000, 7000)),
    }
    assert replace(first, predictions=()) == DayPost(
        found[0].id, "x", "public", "en", "original", "author-of-1", (), found[0].text
    )
    assert (second.kind, second.author, second.predictions) == ("reply", None, ())
    assert list(queries.day_rows(topic, NEXT)) == []


def test_a_purged_post_is_read_with_its_prediction(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    newest = pending(queries, topic)[:1]
    store.save_predictions(topic, "v1", answers(newest))
    store.purge_texts(topic, NOW + timedelta(hours=1))
    answered = [each.id for each in queries.day_rows(topic, DAY) if each.predictions]
    assert answered == [newest[0].id]


def test_a_large_day_is_streamed_whole(store: Store, queries: Queries, topic: str) -> None:
    posts = [post(str(number)) for number in range(2500)]
    store.save_page(topic, "file", page(*posts), at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic, limit=1500)))
    counts = [len(each.predictions) for each in queries.day_rows(topic, DAY)]
    assert (len(counts), sum(counts)) == (2500, 3000)


def test_a_day_s_cells_of_every_version_come_back_by_key(
    store: Store, queries: Queries, topic: str
) -> None:
    cells = {
        CellKey("x", "public", "en", "stance", "walkout", version): cell(topic, version=version)
        for version in ("v1", "v2")
    }
    store.mark_days(topic, [DAY])
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, list(cells.values()))
    assert queries.day_cells(topic, DAY) == cells
    assert queries.day_cells(topic, NEXT) == {}


NIGHT = datetime(2020, 6, 2, 3, tzinfo=UTC)
WEST, EAST = "America/Los_Angeles", "Pacific/Auckland"


def move_into(zone: str, topic: str) -> calendar.Move:
    of_zone = ZoneInfo(zone)
    return calendar.Move(topic, zone, lambda at: at.astimezone(of_zone).date(), NOW)


def keep_days(store: Store, topic: str, zone: str) -> int:
    return store.keep_days(topic, zone, move_into(zone, topic).day_of)


def posts_of(queries: Queries, topic: str, day: int) -> int:
    return len(list(queries.day_rows(topic, date(2020, 6, day))))


def test_a_zone_changed_before_the_first_count_moves_posts(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    assert keep_days(store, topic, WEST) == 1
    assert keep_days(store, topic, WEST) == 0
    assert (posts_of(queries, topic, 1), posts_of(queries, topic, 2)) == (1, 0)
    assert [each.day for each in store.dirty_days(topic)] == [DAY, NEXT]


def test_posts_that_an_earlier_program_left_in_other_days_move(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    said = replace(page(), checkpoint=Checkpoint({"timezone": WEST}))
    store.save_page(topic, "days:timezone", said, at=NOW)
    assert keep_days(store, topic, WEST) == 1
    assert posts_of(queries, topic, 1) == 1


def test_posts_of_a_process_with_another_zone_come_into_the_days_of_the_others(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    keep_days(store, topic, WEST)
    edited = post("1", created_at=NIGHT, revision=1, text="edited")
    store.save_page(topic, "file", page(edited, post("2", created_at=NIGHT)), at=NOW)
    assert (posts_of(queries, topic, 1), posts_of(queries, topic, 2)) == (2, 0)
    assert keep_days(store, topic, WEST) == 0


def test_posts_that_come_while_others_move_are_in_the_new_days(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    wanted = move_into(WEST, topic)
    with writing(engine) as connection:
        calendar.begin(connection, wanted)
        moved = calendar.move(connection, wanted, 0)
    edited = post("1", created_at=NIGHT, revision=1, text="edited")
    store.save_page(topic, "file", page(edited, post("2", created_at=NIGHT)), at=NOW)
    assert moved.last is not None
    with writing(engine) as connection:
        calendar.move(connection, wanted, moved.last)
    assert posts_of(queries, topic, 1) == len(day_posts(queries, topic)) == 2


def test_an_interrupted_move_begins_again(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    with writing(engine) as connection:
        calendar.begin(connection, move_into(WEST, topic))
    assert keep_days(store, topic, WEST) == 1
    assert posts_of(queries, topic, 1) == 1


def test_of_two_moves_the_one_begun_last_is_finished(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1", created_at=NIGHT)), at=NOW)
    with writing(engine) as connection:
        calendar.begin(connection, move_into(WEST, topic))
    keep_days(store, topic, EAST)
    with writing(engine) as connection:
        assert calendar.move(connection, move_into(WEST, topic), 0) == calendar.Moved(None, 0)
    assert keep_days(store, topic, EAST) == 0
    assert posts_of(queries, topic, 2) == 1


counts = st.dictionaries(st.sampled_from(["favor", "against", "none"]), st.integers(0, 10**12))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(labels=counts, soft=counts, sketch=st.binary(max_size=64), posts=st.integers(0, 2**31 - 1))
def test_a_cell_comes_back_as_it_was_stored(
    store: Store,
    queries: Queries,
    topic: str,
    labels: dict[str, int],
    soft: dict[str, int],
    sketch: bytes,
    posts: int,
) -> None:
    stored = cell(topic, label_counts=labels, soft_sums=soft, authors_sketch=sketch, posts=posts)
    store.mark_days(topic, [DAY])
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, [stored])
    assert queries.cells(topic, ["v1"], DAY, NEXT) == [stored]
