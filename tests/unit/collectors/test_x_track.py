"""How far a query has been read: what is asked next, and what a checkpoint holds of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from collectors.post import Window
from collectors.x_records import Answered, Mark, id_before, read_answer
from collectors.x_track import Reading, Track

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=3), NOW + timedelta(days=3))
OVERLAP = timedelta(minutes=1)


def mark(at: datetime) -> Mark:
    return Mark(str(int(id_before(at)) + 1), at)


def answered(*marks: Mark) -> Answered:
    data = [{"id": one.id, "text": "", "created_at": one.at.isoformat()} for one in marks]
    return read_answer({"data": data, "meta": {}})


def test_an_id_holds_its_time() -> None:
    assert mark(NOW).tells_time
    assert not Mark("1234", NOW).tells_time
    assert int(id_before(NOW)) < int(mark(NOW).id) <= int(id_before(NOW + timedelta(seconds=1)))


def test_an_earlier_id_is_that_of_an_earlier_post() -> None:
    assert mark(NOW).earlier(OVERLAP) == mark(NOW - OVERLAP).id
    assert Mark("1234", NOW).earlier(OVERLAP) == "1234"


def test_the_first_walk_asks_from_the_windows_start() -> None:
    reading = Track().begin(WINDOW, NOW, OVERLAP)
    assert reading.bounds(WINDOW, NOW) == {"start_time": "2026-09-07T12:00:00Z"}


def test_a_window_that_is_over_has_an_end() -> None:
    later = WINDOW.end + timedelta(days=1)
    reading = Track().begin(WINDOW, later, OVERLAP)
    assert reading.bounds(WINDOW, later)["end_time"] == "2026-09-13T12:00:00Z"


def test_the_next_walk_asks_from_a_little_below_the_newest_post() -> None:
    newest = mark(NOW - timedelta(hours=1))
    reading = Track(newest=newest).begin(WINDOW, NOW, OVERLAP)
    assert reading.bounds(WINDOW, NOW) == {"since_id": newest.earlier(OVERLAP)}


def test_an_interrupted_walk_goes_on_below_its_oldest_post() -> None:
    high, low = mark(NOW - timedelta(hours=1)), mark(NOW - timedelta(hours=2))
    reading = Track().begin(WINDOW, NOW, OVERLAP).after(answered(high, low))
    assert (reading.top, reading.low) == (high, low)
    assert reading.bounds(WINDOW, NOW) == {
        "since_id": id_before(WINDOW.start),
        "until_id": low.id,
    }


@pytest.mark.parametrize("since", [None, "5"], ids=["times", "ids"])
def test_times_and_ids_are_never_mixed(since: str | None) -> None:
    low = Mark("17", NOW - timedelta(hours=2))
    reading = Reading(NOW, WINDOW.start, since).after(answered(low))
    names = set(reading.bounds(WINDOW, WINDOW.end + timedelta(days=1)))
    assert names in ({"start_time", "end_time"}, {"since_id", "until_id"})


def test_a_server_without_times_in_its_ids_is_asked_by_time_again() -> None:
    low = Mark("17", NOW - timedelta(hours=2))
    reading = Reading(NOW, WINDOW.start).after(answered(low))
    assert reading.bounds(WINDOW, NOW)["end_time"] == "2026-09-10T10:00:01Z"


def test_a_finished_walk_moves_the_track_on() -> None:
    track, top = Track(), mark(NOW - timedelta(hours=1))
    track.reading = track.begin(WINDOW, NOW, OVERLAP).after(answered(top))
    track.finish()
    assert (track.newest, track.complete_to, track.reading) == (top, NOW, None)


def test_an_older_post_never_moves_the_track_back() -> None:
    newest = mark(NOW)
    track = Track(newest=newest)
    track.advance(mark(NOW - timedelta(hours=1)), NOW)
    assert track.newest == newest


def test_what_is_out_of_reach_lacks_until_it_is_reported() -> None:
    track, reach = Track(complete_to=WINDOW.start + timedelta(hours=1)), NOW - timedelta(days=1)
    track.begin(WINDOW, NOW, OVERLAP)
    track.raise_floor(reach, WINDOW)
    again = Track.of(json.loads(json.dumps(track.state())), NOW)
    again.raise_floor(reach + timedelta(hours=1), WINDOW)  # Interrupted, and later by an hour.
    again.finish()
    assert again.lacking == [(WINDOW.start + timedelta(hours=1), reach + timedelta(hours=1))]


def test_nothing_lacks_where_all_below_has_come() -> None:
    track, reach = Track(complete_to=NOW - timedelta(minutes=5)), NOW - timedelta(days=1)
    track.begin(WINDOW, NOW, OVERLAP)
    track.raise_floor(reach, WINDOW)
    track.finish()
    assert track.lacking == []


def test_a_checkpoint_holds_a_track_as_json() -> None:
    track = Track(newest=mark(NOW), complete_to=NOW, lacking=[(WINDOW.start, NOW)])
    track.reading = track.begin(WINDOW, NOW, OVERLAP).after(answered(mark(NOW)))
    assert Track.of(json.loads(json.dumps(track.state())), NOW) == track


def test_a_window_that_has_come_is_not_asked_again() -> None:
    assert Track(complete_to=WINDOW.end + OVERLAP).is_done(WINDOW, OVERLAP)
    assert not Track(complete_to=WINDOW.end).is_done(WINDOW, OVERLAP)
    assert not Track().is_done(WINDOW, OVERLAP)


def test_a_clock_that_was_ahead_does_not_end_a_window() -> None:
    state = Track(complete_to=WINDOW.end + OVERLAP).state()
    again = Track.of(state, NOW)
    assert again.complete_to == NOW
    assert not again.is_done(WINDOW, OVERLAP)
