"""When an alert rule holds, when it is over, and when nothing can be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alarms.evidence import DriftedDay, Evidence, Finding, Hours, Spending
from monitor.alarms.judge import judge
from monitor.alert_rule import AlertTable
from monitor.store.values import JobRun, SourceState
from monitor.topic import check_topic_file, load_topic
from tests.dashboard_fakes import NOW, figure, volume

TODAY = NOW.date()
SHARE = {"kind": "share", "target": "walkout", "label": "favor", "above": 0.6}


def rule(**fields: Any) -> dict[str, Any]:
    return AlertTable.model_validate({"name": "rule", **fields}).model_dump()


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def evidence(**fields: Any) -> Evidence:
    empty: dict[str, Any] = {"figures": [], "volumes": [], "sources": [], "runs": []}
    return Evidence(**(empty | fields), today=TODAY, now=NOW)


def at(share: float, ago: int = 1, width: float = 0.04, **fields: Any) -> Any:
    low, high = share - width / 2, share + width / 2
    return figure(day(ago), share=share, low=low, high=high, **fields)


def state(rules: dict[str, Any], **fields: Any) -> str:
    return judge(rules, evidence(**fields)).state


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.63, "firing"), (0.61, "between"), (0.59, "quiet"), (0.5, "quiet")],
    ids=["beyond", "touching", "back", "far"],
)
def test_a_share_fires_with_its_whole_interval_and_ends_by_the_hysteresis(
    share: float, expected: str
) -> None:
    assert state(rule(**SHARE), figures=[at(share)]) == expected


def test_below_is_the_mirror_of_above() -> None:
    below = rule(**SHARE | {"above": None, "below": 0.4})
    assert [state(below, figures=[at(s)]) for s in (0.37, 0.39, 0.5)] == [
        "firing", "between", "quiet",
    ]  # fmt: skip


def test_only_released_well_covered_days_that_are_over_count() -> None:
    for hidden in (
        at(0.7, ago=0),
        at(0.7, coverage=0.5),
        at(0.7, label="against"),
        at(0.7, cohort="employees"),
        replace(at(0.7), share=None, low=None, high=None, withheld="too_uncertain"),
    ):
        assert state(rule(**SHARE), figures=[hidden]) == "unknown"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2020-06-20T23:30", "firing"),
        ("2020-06-21T02:30", "firing"),
        ("2020-06-21T03:00", "quiet"),
    ],
    ids=["in the evening", "within the grace", "after it"],
)
def test_the_grace_begins_when_a_day_ends_by_the_topic_s_clocks(now: str, expected: str) -> None:
    """It began at midnight in UTC: in America in the afternoon."""
    there = ZoneInfo("America/Los_Angeles")
    at_now = datetime.fromisoformat(now).replace(tzinfo=there)
    yesterday = figure(date(2020, 6, 19), share=0.7, low=0.68, high=0.72)
    given = replace(
        evidence(figures=[yesterday]),
        today=at_now.date(),
        now=at_now.astimezone(UTC),
        timezone=there,
    )
    assert judge(rule(**SHARE, grace_hours=3), given).state == expected


def test_without_new_figures_an_alert_is_closed_after_its_grace() -> None:
    assert state(rule(**SHARE), figures=[at(0.7, ago=3)]) == "firing"
    found = judge(rule(**SHARE), evidence(figures=[at(0.7, ago=4)]))
    assert (found.state, "without knowing more" in found.message) == ("quiet", True)


def test_a_change_takes_two_days_beyond_all_before() -> None:
    change = rule(kind="change", target="walkout", label="favor", days=5)
    before = [at(0.5 + 0.005 * (n % 3), ago=n) for n in range(3, 8)]
    assert state(change, figures=[*before, at(0.6, 2), at(0.6, 1)]) == "firing"
    assert state(change, figures=[*before, at(0.4, 2), at(0.4, 1)]) == "firing"
    assert state(change, figures=[*before, at(0.5, 2), at(0.6, 1)]) == "quiet"
    assert state(change, figures=[*before[:3], at(0.6, 2), at(0.6, 1)]) == "unknown"


def test_a_change_is_not_judged_across_two_model_versions() -> None:
    change = rule(kind="change", target="walkout", label="favor", days=5)
    before = [at(0.5, ago=n, version="v1") for n in range(3, 8)]
    found = judge(change, evidence(figures=[*before, at(0.6, 2), at(0.6, 1)]))
    assert (found.state, found.message) == (
        "unknown",
        "another model version tells of the days before",
    )


@pytest.mark.parametrize(
    ("last", "before", "expected"),
    [
        ((2, 1), range(3, 8), "firing"),
        ((2, 1), range(4, 14, 2), "firing"),
        ((2, 1), range(9, 14), "unknown"),
        ((4, 1), range(5, 10), "unknown"),
    ],
    ids=["in a row", "with days between", "long ago", "not in a row"],
)
def test_a_change_is_of_two_days_in_a_row_and_compared_with_days_near_them(
    last: tuple[int, int], before: range, expected: str
) -> None:
    change = rule(kind="change", target="walkout", label="favor", days=5)
    figures = [at(0.5, ago=n) for n in before] + [at(0.6, ago=n) for n in last]
    assert state(change, figures=figures) == expected


@pytest.mark.parametrize(("first", "expected"), [(7, "firing"), (8, "unknown")])
def test_the_usual_volume_is_that_of_days_near_it(first: int, expected: str) -> None:
    spike = rule(kind="volume", times=3, least=50, days=5)
    usual = [volume(day(n), 100) for n in range(first, first + 5)]
    assert state(spike, volumes=[*usual, volume(day(1), 300)]) == expected


def test_a_spike_is_measured_against_the_usual_days() -> None:
    spike = rule(kind="volume", times=3, least=50, days=5)
    usual = [volume(day(n), 100) for n in range(2, 7)]
    told = [state(spike, volumes=[*usual, volume(day(1), n)]) for n in (300, 290, 100)]
    assert told == ["firing", "between", "quiet"]
    quiet = [volume(day(n), 5) for n in range(2, 7)]
    assert state(spike, volumes=[*quiet, volume(day(1), 40)]) != "firing"


def source(name: str, ago: timedelta, page: timedelta = timedelta()) -> SourceState:
    """A source by when its newest post was posted, and its last page stored."""
    return SourceState(name, 5, NOW - ago, NOW - page, {})


ASKED: dict[str, Any] = {"asked": ["x"], "collected": {"x": NOW}}


def test_a_silent_source_is_named() -> None:
    silent, talking = source("x", timedelta(hours=30)), source("file", timedelta())
    found = judge(rule(kind="silence"), evidence(sources=[silent, talking], **ASKED))
    assert (found.state, "from x for 24 hours" in found.message) == ("firing", True)
    assert state(rule(kind="silence", source="file"), sources=[silent, talking]) == "quiet"
    assert state(rule(kind="silence"), sources=[silent]) == "quiet"  # it was switched off


def test_an_imported_file_or_a_source_that_was_switched_off_is_not_silent() -> None:
    """It would last for ever, and nobody would hear of a source that falls silent meanwhile."""
    old = [source(name, timedelta(days=30)) for name in ("file", "reddit")]
    talking = source("x", timedelta())
    assert state(rule(kind="silence"), sources=[*old, talking], **ASKED) == "quiet"
    assert state(rule(kind="silence", source="file"), sources=old, **ASKED) == "firing"


def test_a_source_that_answers_without_a_post_is_silent() -> None:
    empty = source("x", timedelta(days=7), page=timedelta(minutes=5))
    assert state(rule(kind="silence"), sources=[empty], **ASKED) == "firing"
    unread = source("x", timedelta(hours=2), page=timedelta(days=7))
    assert state(rule(kind="silence"), sources=[unread], **ASKED) == "quiet"


def test_the_program_s_own_downtime_is_no_silence() -> None:
    silent = source("x", timedelta(hours=90))
    for asked, expected in ((80, "quiet"), (60, "firing"), (0, "firing")):
        last = {"x": NOW - timedelta(hours=asked)}
        fields: dict[str, Any] = {"sources": [silent], "asked": ["x"], "collected": last}
        assert state(rule(kind="silence"), **fields) == expected
    assert state(rule(kind="silence"), sources=[silent], asked=["x"]) == "quiet"  # never yet


@pytest.mark.parametrize("hours", [0.5, 24.0, 24.25, 24.9])
def test_no_rule_tells_the_minute_of_a_source_s_last_post(hours: float) -> None:
    silence = rule(kind="silence", hours=hours)
    told = {
        tuple(
            judge(
                silence,
                replace(
                    evidence(sources=[source("x", timedelta(minutes=minute))], asked=["x"]),
                    now=NOW + later,
                    collected={"x": NOW + later},
                ),
            ).state
            for later in (timedelta(minutes=7 * n) for n in range(300))
        )
        for minute in (1, 30, 60)
    }
    assert len(told) == 1


def test_after_a_topic_s_end_nobody_has_to_speak() -> None:
    silent = source("x", timedelta(days=3))
    assert state(rule(kind="silence"), sources=[silent], **ASKED, is_over=True) == "quiet"


def test_a_job_fires_after_failures_in_a_row() -> None:
    def runs(*statuses: Any) -> list[JobRun]:
        return [JobRun(9 - n, "job", "t", NOW, NOW, s, {}, "") for n, s in enumerate(statuses)]

    thrice = rule(kind="jobs", failures=3)
    assert state(thrice, runs=runs("running", "failed", "failed", "failed")) == "firing"
    assert state(thrice, runs=runs("ok", "failed", "failed", "failed")) == "quiet"
    assert state(thrice, runs=runs("failed", "failed")) == "quiet"


def hours(posts: int, *earlier: int, **fields: Any) -> Hours:
    known: dict[str, Any] = {"end": NOW, "covered": True}
    return Hours(posts=posts, earlier=earlier, **(known | fields))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (hours(300, 90, 100, 110), "firing"),
        (hours(290, 90, 100, 110), "between"),
        (hours(100, 90, 100, 110), "quiet"),
        (hours(40, 1, 1, 1), "between"),
        (hours(300, 90, 100), "unknown"),
        (hours(300, 90, 100, 110, covered=False), "unknown"),
        (hours(300, 90, 100, 110, end=NOW - timedelta(hours=50)), "quiet"),
        (None, "unknown"),
    ],
    ids=["many", "nearly", "usual", "few", "young", "gap", "old", "before"],
)
def test_hours_are_compared_with_the_same_hours_of_earlier_days(
    found: Hours | None, expected: str
) -> None:
    spike = rule(kind="spike", times=3, least=50, days=3)
    assert state(spike, hours=lambda _: found) == expected


def test_what_is_told_of_hours_gives_no_count_away() -> None:
    found = judge(rule(kind="spike", days=3), evidence(hours=lambda _: hours(12345, 90, 100, 110)))
    assert "3 times as many posts as usual" in found.message
    assert not any(count in found.message for count in ("12345", "12,345", "100"))


@pytest.mark.parametrize(
    ("used", "expected", "state_of_it"),
    [(100, 500, "quiet"), (950, 960, "firing"), (500, 1200, "firing")],
    ids=["within", "nearly used", "too fast"],
)
def test_a_source_over_its_budget_is_named(used: int, expected: int, state_of_it: str) -> None:
    spent = [Spending("x", used, 1000, expected)]
    found = judge(rule(kind="budget"), evidence(budgets=spent))
    assert found.state == state_of_it
    assert (f"x has used {used:,}" in found.message) == (state_of_it == "firing")
    assert state(rule(kind="budget", source="reddit"), budgets=spent) == "unknown"


def test_drift_takes_two_days_in_a_row() -> None:
    def told(*deviations: float, head: str = "stance") -> str:
        newest = enumerate(reversed(deviations), start=1)
        drift = [DriftedDay(day(ago), head, "walkout", one) for ago, one in newest]
        return state(rule(kind="drift", target="walkout"), drift=drift)

    assert told(1.0, 7.0, 6.0) == "firing"
    assert told(1.0, 1.0, 6.0) == "between"
    assert told(7.0, 6.0, 1.0) == "quiet"
    assert told(6.0) == "unknown"
    assert told(7.0, 6.0, head="sentiment") == "unknown"


def test_a_message_says_what_was_seen() -> None:
    found = judge(rule(**SHARE), evidence(figures=[at(0.65)]))
    assert isinstance(found, Finding)
    for told in ("65%", "63% to 67%", "above 60%", "towards walkout", str(day(1))):
        assert told in found.message


@pytest.mark.parametrize(
    "asked", [SHARE, {"kind": "change", "target": "walkout", "label": "favor", "days": 3}]
)
def test_a_message_says_what_a_share_rests_on(asked: dict[str, Any]) -> None:
    figures = [*(at(0.4, n) for n in (5, 4, 3)), at(0.7, 2)]
    figures.append(at(0.71, 1, posts=1200, authors=800, coverage=0.996))
    message = judge(rule(**asked), evidence(figures=figures)).message
    assert (
        f"71% (69% to 73%) on {day(1)} (1,200 posts by 800 authors, 99% of the day collected)"
    ) in message


def test_a_message_about_a_day_whose_coverage_nobody_knows_tells_none() -> None:
    found = judge(rule(**SHARE), evidence(figures=[at(0.7, coverage=None)]))
    assert "(120 posts by 90 authors), with its whole interval" in found.message


def test_a_message_rounds_the_interval_outwards() -> None:
    found = judge(rule(**SHARE), evidence(figures=[at(0.7, width=0.0472)]))
    assert "70% (67% to 73%)" in found.message


TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-05-26
end = 2020-07-01
languages = ["en"]
[[targets]]
name = "strike"
text = "the strike"
[queries]
terms = ["strike"]
[[alerts]]
name = "loud"
"""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('kind = "noise"', "kind"),
        ('kind = "share"\nlabel = "favor"', "above or below"),
        ('kind = "share"\nabove = 0.5', "label"),
        ('kind = "share"\nlabel = "favor"\nabove = 0.5\nbelow = 0.1', "above or below"),
        ('kind = "volume"\ntime = 3', "time"),
        ('kind = "share"\nlabel = "favour"\nabove = 0.5', 'no label "favour" here'),
        ('kind = "change"\nlabel = "favor"\ntarget = "strik"', 'did you mean "strike"?'),
        ('kind = "change"\nlabel = "favor"\ncohort = "bosses"', 'no cohort "bosses"'),
        ('kind = "silence"\nwindow_hours = 2', 'window_hours: "silence" does not go by it'),
        ('kind = "silence"\nwindow_hours = 2', "known here: hours, source"),
        ('kind = "volume"\nabove = 0.5', 'alerts[0].above: "volume" does not go by it'),
        ('kind = "volume"\ncohort = "public"', 'alerts[0].cohort: "volume" does not go by it'),
        ('kind = "volume"\ntarget = "strik"', 'alerts[0].target: "volume" does not go by it'),
        ('kind = "share"\nlabel = "favor"\nabove = 0.5\nhours = 2.0', '"share" does not go by it'),
        ('kind = "silence"\nsource = "twitter"', 'no source "twitter" here'),
        ('kind = "silence"\nsource = "blusky"', 'did you mean "bluesky"?'),
        ('kind = "budget"\nsource = "file"', 'no source "file" here'),
        ('kind = ["share"]\nsource = "twitter"', "kind"),
        ("", "kind"),
    ],
)
def test_a_rule_that_makes_no_sense_is_found_with_its_line(
    tmp_path: Path, lines: str, told: str
) -> None:
    path = tmp_path / "strike.toml"
    path.write_text(f"{TOPIC}{lines}\n")
    problems = "\n".join(str(one) for one in check_topic_file(path))
    assert told in problems and "line" in problems


@pytest.mark.parametrize(
    "lines",
    [
        'kind = "silence"\nsource = "file"\nhours = 2.0',
        'kind = "silence"\nsource = "sample"\ngrace_hours = 1.0',
        'kind = "silence"\nsource = "reddit"\ncool_down_hours = 1.0',
        'kind = "budget"\nsource = "x"\npart = 0.5',
        'kind = "jobs"\nfailures = 2',
        'kind = "drift"\nhead = "sentiment"',
    ],
)
def test_a_rule_of_keys_that_its_kind_goes_by_is_taken(tmp_path: Path, lines: str) -> None:
    path = tmp_path / "strike.toml"
    path.write_text(f"{TOPIC}{lines}\n")
    assert check_topic_file(path) == []


def test_a_good_rule_reaches_the_topic_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "strike.toml"
    path.write_text(f'{TOPIC}kind = "volume"\n')
    (found,) = load_topic(path).alerts
    assert (found["name"], found["times"], found["cool_down_hours"]) == ("loud", 3.0, 24.0)


def test_a_rule_about_stance_is_about_the_headline_unless_it_says_another(tmp_path: Path) -> None:
    path = tmp_path / "strike.toml"
    path.write_text(f'{TOPIC}kind = "share"\nlabel = "favor"\nabove = 0.6\n')
    (found,) = load_topic(path).alerts
    assert found["target"] == "strike"
