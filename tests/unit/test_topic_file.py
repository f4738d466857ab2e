"""Every mistake in a topic file is found at once, with its line and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.toml_places import find_lines
from monitor.topic import check_topic_file

GOOD = """name = "strike"
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


def _problems(folder: Path, text: str, name: str = "strike.toml") -> list[str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return [str(problem) for problem in check_topic_file(path)]


def test_a_valid_file_has_no_problem(tmp_path: Path) -> None:
    assert _problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"A strike"', '" "', "line 2, title: the text is empty"),
        ("Europe/Berlin", "Europe/Berlim", 'line 3, timezone: "Europe/Berlim" is not a known'),
        ("Europe/Berlin", "Europe/Berlim", 'did you mean "Europe/Berlin"?'),
        ("2020-03-31", "2020-03-01", "line 5, end: 2020-03-01 is not after start 2020-03-28"),
        ("2020-03-31", '"soon"', "line 5, end: 'soon' should be a valid date"),
        ("2020-03-31", "2020-03-31T10:00:00", "line 5, end: 2020-03-31 10:00:00 should be"),
        ('["de"]', '["de-AT"]', 'line 6, languages[0]: "de-AT" is not a known language code'),
        ('["de"]', '["de-AT"]', 'use "de"'),
        ('["de"]', '["en", "de", "en"]', 'line 6, languages[2]: "en" is there twice'),
        ('["de"]', "[]", "line 6, languages: the list is empty"),
        ("title =", "titel =", 'line 2, titel: unknown key "titel" (did you mean "title"?)'),
        ("title =", "titel =", 'line 1: "title" is missing (add title = …)'),
        ('name = "strike"\nti', 'name = "walk"\nti', 'line 1, name: "walk" is not the file\'s'),
        ("text =", "txt =", 'line 8, targets[0]: "text" is missing'),
        ("text =", "txt =", 'line 10, targets[0].txt: unknown key "txt" (did you mean "text"?)'),
        ('"the strike"', '"\u200b"', "line 10, targets[0].text: the text is empty"),
        ('"the strike"', "3", "line 10, targets[0].text: 3 should be a valid string"),
        ('terms = ["streik"]', "", 'line 12, queries: "terms" is missing'),
        ('["streik"]', '["streik", ""]', "line 13, queries.terms[1]: the text is empty"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    problems = _problems(tmp_path, GOOD.replace(old, new, 1))

    assert any(told in one for one in problems), problems


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[queries.blusky]\nterms = ['a']", 'unknown key "blusky" (did you mean "bluesky"?)'),
        ("[queries.reddit]\nsubredits = ['a']", "line 15, queries.reddit.subredits: unknown key"),
        ("[queries.reddit]\nsubredits = ['a']", 'did you mean "subreddits"?'),
        (
            "[queries.rss]\nfeeds = 'https://a.example'",
            "'https://a.example' should be a valid list",
        ),
        ("[queries.feed]\nfeeds = 'https://a.example'", "The feeds to read; see docs/feed.md"),
        ("[queries.feed]\nevery_entry = 'no'", "'no' should be a valid boolean"),
        (
            "[queries.mastodon]\nhashtags = ['a',\n'✊']",
            "line 16, queries.mastodon.hashtags[1]: '✊' leaves no hashtag",
        ),
        (
            "[queries.feed]\nfeeds = []\n[queries.rss]\nfeeds = []",
            "line 16, queries.rss: rss and feed are one platform",
        ),
        ("[queries.x]\nsince = 3", 'line 15, queries.x.since: unknown key "since"'),
        ("[privacy]\nminimum_authors = 2", "line 15, privacy.minimum_authors: 2 would show"),
        ("[[cohorts]]\nname = 'public'\npatterns = ['a']", 'cannot be called "public"'),
        ("[[cohorts]]\nname = 'a'\npatterns = [\n'b',\n'c(']", "line 18, cohorts[0].patterns[1]"),
        ("[[cohorts]]\nname = 'a'\npatterns = ['b*']", "fits everybody"),
        ("[[cohorts]]\nname = 'a'\npatterns = ['(b+)+$']", "repeats a repeat"),
        ("[[events]]\nat = 2020-05-01\ntitle = 'a'", "2020-05-01 is outside the window"),
        ("[[events]]\nat = 12:00:00\ntitle = 'a'", "line 15, events[0].at"),
        ("[[alerts]]\nshare = 0.5", 'line 14, alerts[0]: "name" is missing'),
        ("[[targets]]\nname = 'strike'\ntext = 'b'", 'line 15, targets[1].name: "strike" is there'),
        ("[[targets]]\nname = 'A b'\ntext = 'b'", 'line 15, targets[1].name: "A b" is not a name'),
    ],
)
def test_a_mistake_in_an_optional_table_is_told(tmp_path: Path, more: str, told: str) -> None:
    problems = _problems(tmp_path, GOOD + more)

    assert any(told in one for one in problems), problems


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2020-03-31T00:30:00+05:00", ""),
        ("2020-03-27T23:30:00Z", ""),
        ("2020-03-30T23:30:00Z", "2020-03-31 is outside the window"),
        ("2020-03-28T00:30:00+05:00", "2020-03-27 is outside the window"),
        ("2020-03-30T23:30:00", ""),
        ("0001-01-01T00:00:00+05:00", "0001-01-01 is outside the window"),
    ],
)
def test_an_event_with_an_offset_is_on_its_day_in_the_topics_zone(
    tmp_path: Path, at: str, told: str
) -> None:
    problems = _problems(tmp_path, GOOD + f"[[events]]\nat = {at}\ntitle = 'a'")

    assert [told in one for one in problems] == ([True] if told else [])


@pytest.mark.parametrize("zone", ['"Nowhere"', "[]", "3"])
def test_without_a_known_zone_an_event_is_on_the_day_that_is_written(
    tmp_path: Path, zone: str
) -> None:
    event = "[[events]]\nat = 2020-03-31T00:30:00+05:00\ntitle = 'a'"
    problems = _problems(tmp_path, GOOD.replace('"Europe/Berlin"', zone) + event)

    assert [one.split(",")[0] for one in problems] == ["line 3", "line 15"]


def test_options_that_a_platform_declares_are_taken(tmp_path: Path) -> None:
    more = "[queries.reddit]\nsubreddits = ['a']\nsearch_in = []\nevery_post = true\n"
    more += "[queries.mastodon]\nhashtags = ['a']\nwords = ['b']\n"
    more += "[queries.rss]\nfeeds = ['https://a.example/f']\ncomments = []\nevery_entry = false\n"
    assert _problems(tmp_path, GOOD + more) == []


def test_all_mistakes_are_told_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = GOOD.replace("Europe/Berlin", "Nowhere").replace("de", "xx").replace('"A strike"', '""')

    problems = _problems(tmp_path, text)

    assert [one.split(",")[0] for one in problems] == ["line 2", "line 3", "line 6"]


def test_a_syntax_error_has_its_place(tmp_path: Path) -> None:
    problems = _problems(tmp_path, GOOD.replace("2020-03-31", "31 March"))

    assert problems[0].startswith("line 5, column")


def test_a_file_that_breaks_off_has_its_place(tmp_path: Path) -> None:
    problems = _problems(tmp_path, 'name = "strike"\ntitle = """a')

    assert problems[0].startswith("line 2, end of the file: not TOML")


def test_a_missing_file_and_a_binary_one_are_problems(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")

    assert "cannot be read" in str(check_topic_file(binary)[0])
    assert "cannot be read" in str(check_topic_file(tmp_path / "absent.toml")[0])


@given(st.text(max_size=200))
def test_no_text_makes_the_check_fail(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "strike.toml"
    path.write_text(text, encoding="utf-8", errors="replace")

    assert check_topic_file(path)


def test_lines_are_found_through_every_way_of_writing() -> None:
    text = '''# comment with = and [x]
a.b = 1
"c d" = """two
lines ] = """ # more
[e]
f = [ # [
  "x,]",
  [1, 2],
  {g = 1, "h.i" = 2},
]
[[j]]
k = 'q#'
[j.l]
m = 2020-01-01 10:00:00
[[j]]
k = 1.5
'''

    lines = find_lines(text)

    assert lines[("a", "b")] == 2
    assert lines[("c d",)] == 3
    assert lines[("e", "f", 1, 0)] == 8
    assert lines[("e", "f", 2, "h.i")] == 9
    assert lines[("j", 0, "l", "m")] == 14
    assert lines[("j", 1)] == 15
    assert lines[("j", 1, "k")] == 16
