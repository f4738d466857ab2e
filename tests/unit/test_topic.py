"""What a topic knows of its days, its cohorts and its queries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import platforms
from collectors.source import Query
from monitor.dashboard.api_models import topic_model
from monitor.errors import ConfigurationError, UsageError
from monitor.live import Live
from monitor.settings import load_settings
from monitor.testing import FakeClock
from monitor.topic import Topic, load_topic, load_topics

TOPICS = Path(__file__).parents[2] / "config" / "topics"
WALKOUT = load_topic(TOPICS / "facebook-walkout-2020.toml")
SMALLEST = """
name = "berlin"
title = "A strike"
timezone = "Europe/Berlin"
start = 2020-03-28
end = 2020-03-31
languages = ["de"]
[[targets]]
name = "strike"
text = "the strike"
[queries]
terms = ["streik"]
"""


def _load(folder: Path, text: str) -> Topic:
    path = folder / "berlin.toml"
    path.write_text(text, encoding="utf-8")
    return load_topic(path)


def test_the_smallest_file_gets_its_defaults(tmp_path: Path) -> None:
    topic = _load(tmp_path, SMALLEST)

    assert (topic.minimum_authors, topic.cohorts, topic.events) == (10, (), ())
    assert (topic.alerts, topic.sample) == ((), None)
    assert topic.query_for("x").terms == ("streik",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('["de", "en"]', ("de", "en")),
        ('["nb"]', ("no", "nb", "nn")),
        ('["nn", "en", "no", "nb"]', ("no", "en", "nb", "nn")),
        ('["fil"]', ("tl", "fil")),
    ],
)
def test_languages_are_those_that_posts_are_kept_under(
    tmp_path: Path, written: str, meant: tuple[str, ...]
) -> None:
    topic = _load(tmp_path, SMALLEST.replace('["de"]', written))

    assert topic.languages == meant


def test_others_are_told_one_code_of_each_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = _load(tmp_path, SMALLEST.replace('["de"]', '["nb", "fil"]'))
    asked = list[Query]()
    source = replace(platforms.load("hackernews"), make=lambda query, _: asked.append(query))
    monkeypatch.setattr(platforms, "load", lambda _: source)
    settings = load_settings({"MONITOR_HOME": str(tmp_path)})

    Live(settings, FakeClock(), lambda _: 0).collector(topic, "hackernews", lambda: False)

    assert asked[0].languages == ("no", "tl")
    assert topic_model(topic).languages == ["no", "tl"]


def test_the_window_runs_from_local_midnight_to_local_midnight(tmp_path: Path) -> None:
    topic = _load(tmp_path, SMALLEST)  # the clocks go forward on 29 March

    assert topic.window.start == datetime(2020, 3, 27, 23, tzinfo=UTC)
    assert topic.window.end == datetime(2020, 3, 30, 22, tzinfo=UTC)


def test_a_window_beyond_what_a_clock_can_tell_is_refused() -> None:
    with pytest.raises(UsageError, match="9999-12-31T23:59:00"):
        WALKOUT.window_of(date(2020, 6, 1), datetime(9999, 12, 31, 23, 59))  # noqa: DTZ001


def test_days_leave_out_the_end(tmp_path: Path) -> None:
    topic = _load(tmp_path, SMALLEST)

    assert topic.days() == [date(2020, 3, 28), date(2020, 3, 29), date(2020, 3, 30)]


@given(st.integers(0, 3 * 86_400 - 3601))
def test_every_moment_of_the_window_has_one_of_its_days(seconds: int) -> None:
    moment = WALKOUT.window.start + timedelta(seconds=seconds)

    assert WALKOUT.day_of(moment) in WALKOUT.days()
    assert WALKOUT.day_of(WALKOUT.window.start - timedelta(seconds=1)) not in WALKOUT.days()
    assert WALKOUT.day_of(WALKOUT.window.end) not in WALKOUT.days()


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2020-03-29", datetime(2020, 3, 28, 23, tzinfo=UTC)),
        ("2020-03-29T12:00:00", datetime(2020, 3, 29, 10, tzinfo=UTC)),
        ("2020-03-29T12:00:00-07:00", datetime(2020, 3, 29, 19, tzinfo=UTC)),
    ],
    ids=["date", "local", "offset"],
)
def test_an_event_is_an_instant_however_it_is_written(
    tmp_path: Path, written: str, instant: datetime
) -> None:
    topic = _load(tmp_path, f'{SMALLEST}\n[[events]]\nat = {written}\ntitle = "then"')

    assert topic.events[0].at == instant


@pytest.mark.parametrize(
    "says",
    [
        "Software engineer @facebook",
        "I work at FB",
        "Proud facebook employee",
        "ex-Google, now at Facebook",
        "Now @facebook. Formerly Google",
        "Designer at Facebook. Views my own, not Facebook's",
        "Engineer, Facebook",
        "fb product designer",
    ],
)
def test_people_who_say_so_are_employees(says: str) -> None:
    assert WALKOUT.cohort_of(says) == "employees"


@pytest.mark.parametrize(
    "says",
    [
        None,
        "",
        "ex-Facebook",
        "Former Facebook designer",
        "formerly @facebook, now baking",
        "Prev: Facebook",
        "find me @facebook",
        "mail@facebook.com",
        "Facebook ads expert",
        "I do not work at Facebook",
        "Engineer at Facebook until 2019",
        "Reporter covering Facebook",
        "used to work at Facebook",
    ],
)
def test_everybody_else_is_the_public(says: str | None) -> None:
    assert WALKOUT.cohort_of(says) == "public"


def test_a_source_without_a_query_of_its_own_uses_the_portable_one() -> None:
    assert WALKOUT.query_for("file") == WALKOUT.query_for("")
    assert WALKOUT.query_for("reddit").options["subreddits"]


def test_a_source_query_without_terms_keeps_the_portable_ones(tmp_path: Path) -> None:
    topic = _load(tmp_path, f'{SMALLEST}\n[queries.reddit]\nsubreddits = ["berlin"]')

    assert topic.query_for("reddit").terms == ("streik",)


def test_the_built_in_topic_tells_the_story_in_order_and_names_nobody() -> None:
    days = [WALKOUT.day_of(event.at).isoformat() for event in WALKOUT.events]

    assert days == ["2020-05-26", "2020-05-29", "2020-05-29", "2020-06-01", *days[4:]]
    assert [target.name for target in WALKOUT.targets] == ["walkout", "leaving-posts-up"]
    assert all("Zuckerberg" not in event.title for event in WALKOUT.events)


def test_loading_a_folder_gives_topics_by_name() -> None:
    topics = load_topics(TOPICS)

    assert list(topics) == sorted(topics)
    assert topics[WALKOUT.name] == WALKOUT


def test_loading_a_missing_folder_says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        load_topics(tmp_path / "absent")


def test_loading_a_wrong_file_names_every_mistake(tmp_path: Path) -> None:
    wrong = SMALLEST.replace("Europe/Berlin", "Europe/Berlim").replace('"de"', '"xx"')

    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, wrong)

    assert "Berlim" in str(caught.value)
    assert '"xx"' in str(caught.value)
    assert caught.value.hint


def test_feeds_may_be_asked_by_their_former_name(tmp_path: Path) -> None:
    topic = _load(tmp_path, f'{SMALLEST}\n[queries.rss]\nterms = ["ausstand"]')

    assert topic.query_for("feed").terms == ("ausstand",)
