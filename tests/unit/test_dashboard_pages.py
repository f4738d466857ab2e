"""What a topic's page says: headlines, tables, notes, charts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import altair as alt
import pytest

from monitor.dashboard import charts, tables
from monitor.dashboard.blocks import UNIT_WORDS
from monitor.dashboard.charts import Frame
from monitor.dashboard.downloads import told_below
from monitor.dashboard.drawing import draw, on_paper
from monitor.dashboard.headline import answer_sentence, busiest_week_card, latest_day_card
from monitor.dashboard.pages import TopicPage, ordered_questions, topic_page
from monitor.dashboard.selection import Selection
from monitor.dashboard.series import (
    SharesSeries,
    shares_series,
    version_notes,
    volume_series,
    withheld_notes,
)
from monitor.dashboard.shifts import change_points_told, shifts_of
from monitor.dashboard.topic_data import TopicData
from monitor.dashboard.truth import load_truth
from monitor.dashboard.turnover import Turnover
from monitor.figure import Figure
from monitor.shares.rollup import Unit
from monitor.validation import Validation
from tests.dashboard_fakes import (
    FIRST,
    NOW,
    TOPIC,
    FakeFigures,
    FakeQueries,
    change,
    figure,
    volume,
    write_truth,
)

MONDAY = date(2020, 6, 1)
JUNE = (MONDAY, date(2020, 6, 30))
FRAME = Frame(MONDAY, MONDAY + timedelta(days=6), {MONDAY: "1, 2"}, MONDAY + timedelta(30))


def one_day(day: date, favor: float | None, against: float | None, **fields: Any) -> list[Figure]:
    return [figure(day, "favor", favor, **fields), figure(day, "against", against, **fields)]


def series_of(figures: list[Figure]) -> SharesSeries:
    return shares_series(figures, [("stance", "walkout")])[0]


def page(
    figures: FakeFigures | None = None,
    selection: Selection | None = None,
    *,
    now: datetime = NOW,
    **data: Any,
) -> TopicPage:
    figures = figures or FakeFigures()
    selection = selection or Selection()
    overall = figures.released(TOPIC, include_unvalidated=selection.preview)
    given: dict[str, Any] = {
        "topic": TOPIC,
        "selection": selection,
        "overall": overall,
        "volumes": figures.volumes(TOPIC),
        "split": figures.released(TOPIC, by=selection.by) if selection.by else overall,
        "split_volumes": figures.volumes(TOPIC, by=selection.by),
        "changes": figures.changes(TOPIC, by=selection.by),
        "validations": figures.validation(TOPIC),
        "sources": FakeQueries().sources(TOPIC.name),
        "turnover": Turnover("0123456789abcdef"),
        "has_posts": True,
        "truth": None,
    }
    return topic_page(TopicData(**given | data), now)


@pytest.mark.parametrize(
    ("favor", "against", "lead"),
    [
        (0.6, 0.2, "More posts supported the virtual walkout than opposed it."),
        (0.2, 0.6, "More posts opposed the virtual walkout than supported it."),
        (
            0.4,
            0.35,
            "Neither support for the virtual walkout nor opposition to it clearly leads.",
        ),
    ],
    ids=["support", "opposition", "overlapping"],
)
def test_a_side_leads_only_where_the_intervals_part(
    favor: float, against: float, lead: str
) -> None:
    card = latest_day_card(series_of(one_day(MONDAY, favor, against)), TOPIC, date(2020, 6, 9))
    assert card is not None
    assert card.lead == lead


def test_a_day_tells_shares_intervals_posts_authors_and_coverage() -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2, coverage=0.9))
    card = latest_day_card(series, TOPIC, date(2020, 6, 9))
    assert card is not None
    assert card.facts == ("60% supported it (54–66%).", "20% opposed it (14–26%).")
    assert card.basis == (
        "120 scored posts by 90 authors, with 95% intervals. Collection covered 90% of the day."
    )


def test_a_day_that_is_not_over_is_no_headline() -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2) + one_day(date(2020, 6, 2), 0.1, 0.8))
    card = latest_day_card(series, TOPIC, date(2020, 6, 2))
    assert card is not None
    assert card.title == "Monday 1 June 2020"


def test_a_withheld_latest_day_is_told_beside_the_last_one_with_figures() -> None:
    hidden = one_day(date(2020, 6, 2), None, None, withheld="incomplete")
    series = series_of(one_day(MONDAY, 0.6, 0.2) + hidden)
    card = latest_day_card(series, TOPIC, date(2020, 6, 9))
    assert card is not None
    assert card.when == "Latest day with figures"
    assert "Tuesday 2 June 2020 is withheld because collection covered too little" in card.basis


def test_a_day_with_every_share_is_told_rather_than_a_later_one_with_some() -> None:
    partly = [
        figure(date(2020, 6, 2), "favor", 0.6),
        figure(date(2020, 6, 2), "against", None, withheld="too_uncertain"),
    ]
    series = series_of(one_day(MONDAY, 0.6, 0.2) + partly)
    card = latest_day_card(series, TOPIC, date(2020, 6, 9))
    assert card is not None
    assert card.title == "Monday 1 June 2020"
    assert "Part of Tuesday 2 June 2020 is withheld because the 95% interval" in card.basis


def test_one_withheld_share_is_told_in_words() -> None:
    figures = [
        figure(MONDAY, "favor", 0.6),
        figure(MONDAY, "against", None, withheld="too_uncertain"),
    ]
    card = latest_day_card(series_of(figures), TOPIC, date(2020, 6, 9))
    assert card is not None
    assert card.facts[1].startswith("How many opposed it is withheld because the 95% interval")


def test_the_busiest_week_tells_its_range_and_its_leaders() -> None:
    days = one_day(MONDAY, 0.7, 0.2) + one_day(date(2020, 6, 3), 0.4, 0.38)
    volumes = volume_series([volume(MONDAY, 900), volume(date(2020, 6, 20), 100)])[0]
    card = busiest_week_card(series_of(days), volumes, JUNE)
    assert card is not None
    assert card.title == "1 to 7 June 2020"
    assert card.lead == "Support led on 1 day, neither side led on 1 day."
    assert card.facts[0] == "40% (34–46%, 3 June) to 70% (64–76%, 1 June) supported it."


def test_the_busiest_week_tells_what_its_days_rest_on() -> None:
    days = one_day(MONDAY, 0.7, 0.2) + one_day(date(2020, 6, 2), None, None, withheld="incomplete")
    days += one_day(date(2020, 6, 3), 0.4, 0.38, posts=2000, authors=300, coverage=0.6)
    counts = [volume(MONDAY, 900), volume(date(2020, 6, 2), None), volume(date(2020, 6, 3), 2100)]
    card = busiest_week_card(series_of(days), volume_series(counts)[0], JUNE)
    assert card is not None
    assert card.basis == (
        "3,000 posts in the week, without those of 1 withheld day; figures on 2 of 3 days, each of "
        "120 to 2,000 scored posts by 90 to 300 authors, with 95% intervals. Collection covered "
        "60% to 100% of each of these days."
    )


def test_a_busiest_week_with_figures_of_one_day_tells_that_day() -> None:
    days = one_day(MONDAY, 0.7, 0.2)
    card = busiest_week_card(series_of(days), volume_series([volume(MONDAY, 900)])[0], JUNE)
    assert card is not None
    assert card.facts[0] == "70% (64–76%, 1 June) supported it."
    assert card.basis == (
        "900 posts in the week; figures on 1 of 1 day, each of 120 scored posts by 90 authors, "
        "with 95% intervals. Collection covered 100% of each of these days."
    )


def test_a_busiest_week_without_a_figure_rests_on_none() -> None:
    days = one_day(MONDAY, None, None, withheld="unvalidated")
    card = busiest_week_card(series_of(days), volume_series([volume(MONDAY, 900)])[0], JUNE)
    assert card is not None
    assert card.basis == "900 posts in the week; figures on 0 of 1 day."


@pytest.mark.parametrize(
    ("coverage", "end"),
    [
        (0.5, "by 90 authors, 50% of the day collected."),
        (0.94, "by 90 authors, 94% of the day collected."),
        (1.0, "by 90 authors."),
        (None, "by 90 authors."),
    ],
)
def test_the_sentence_on_top_tells_how_much_of_its_day_was_collected_if_not_all(
    coverage: float | None, end: str
) -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2, coverage=coverage))
    assert answer_sentence(series, TOPIC, date(2020, 6, 9)).endswith(end)


def test_no_released_volume_is_no_busiest_week() -> None:
    volumes = volume_series([volume(MONDAY, None)])[0]
    assert busiest_week_card(series_of(one_day(MONDAY, 0.7, 0.2)), volumes, JUNE) is None


@pytest.mark.parametrize(
    ("selection", "today", "title", "posts"),
    [
        (Selection(), date(2020, 6, 20), "1 to 7 June 2020", "1,456 posts in the week; "),
        (
            Selection(since=date(2020, 6, 4), until=date(2020, 6, 8)),
            date(2020, 6, 20),
            "4 to 7 June 2020",
            "543 posts in 4 days of the week; figures on 4 of 4 days, ",
        ),
        (
            Selection(since=MONDAY, until=date(2020, 6, 2)),
            date(2020, 6, 20),
            "1 June 2020",
            "460 posts in 1 day of the week; figures on 1 of 1 day, ",
        ),
        (
            Selection(until=MONDAY),
            date(2020, 6, 20),
            "27 to 31 May 2020",
            "879 posts in 5 days of the week; ",
        ),
        (
            Selection(),
            date(2020, 6, 3),
            "1 to 3 June 2020",
            "913 posts in 3 days of the week; ",
        ),
    ],
    ids=["whole", "cut before", "one day", "cut by the topic", "not over"],
)
def test_a_busiest_week_names_and_counts_only_the_days_that_are_shown(
    selection: Selection, today: date, title: str, posts: str
) -> None:
    figures = FakeFigures(days=min(20, (today - FIRST).days + 1))
    asked = {"since": selection.since, "until": selection.until}
    found = {
        "overall": figures.released(TOPIC, **asked),
        "volumes": figures.volumes(TOPIC, **asked),
    }
    now = datetime.combine(today, NOW.timetz())
    card = page(figures, selection, now=now, **found).sections[0].cards[1]
    assert (card.title, card.basis[: len(posts)]) == (title, posts)


def test_notes_say_why_days_are_withheld() -> None:
    figures = one_day(MONDAY, None, None, withheld="small_group")
    figures += one_day(date(2020, 6, 2), None, None, withheld="small_group")
    assert withheld_notes(series_of(figures), 10) == [
        "1–2 June: withheld because fewer than 10 different authors posted."
    ]


def test_notes_name_the_label_where_only_one_is_withheld() -> None:
    figures = [
        figure(MONDAY, "favor", 0.6),
        figure(MONDAY, "against", None, withheld="too_uncertain"),
    ]
    assert withheld_notes(series_of(figures), 10)[0].startswith("1 June, opposes: withheld")


def test_notes_say_which_days_another_version_than_the_shown_one_tells_of() -> None:
    figures = one_day(MONDAY, 0.6, 0.2, version="v1")
    figures += one_day(date(2020, 6, 2), 0.6, 0.2, version="v1")
    figures += one_day(date(2020, 6, 3), None, None, withheld="small_group", version="v1")
    figures += one_day(date(2020, 6, 4), 0.6, 0.2, version="v2")
    assert version_notes(series_of(figures), "v2") == [
        "1–2 June: figures of version v1, as the shown one has not answered enough of these posts "
        "(nor can it, once their texts are taken out). No change is told from one version to "
        "another."
    ]
    assert version_notes(series_of(figures[-2:]), "v2") == []


def test_the_page_and_its_pictures_name_every_version_that_tells_of_a_day() -> None:
    figures = FakeFigures()
    first, *rest = figures.released(TOPIC)
    overall = [
        replace(one, version="fedcba9876543210") if one.day == first.day else one
        for one in (first, *rest)
    ]
    shown = page(figures, overall=overall, split=overall)
    assert shown.versions == ("0123456789abcdef", "fedcba9876543210")
    assert told_below(shown).endswith("Model 0123456789ab and fedcba987654.")
    assert told_below(page(figures)).endswith("Model 0123456789ab.")
    only = [replace(one, version="fedcba9876543210") for one in overall]
    assert told_below(page(figures, overall=only)).endswith("Model fedcba987654.")
    assert told_below(page(figures, overall=[])).endswith("Model 0123456789ab.")
    notes = [note for block in shown.sections[0].blocks for note in block.notes]
    assert any("figures of version fedcba987654" in note for note in notes)


def test_the_table_says_in_words_what_the_chart_does_not_draw() -> None:
    figures = one_day(MONDAY, 0.6, 0.2)
    figures += one_day(date(2020, 6, 2), None, None, withheld="small_group", posts=None)
    table = tables.shares_table(series_of(figures), TOPIC, {}, today=FRAME.today)
    assert table.columns == ("Day", "supports", "opposes", "Scored posts", "Authors", "Coverage")
    assert [cell.text for cell in table.rows[0]] == ["1 June", "60%", "20%", "120", "90", "100%"]
    assert table.rows[1][1].detail == "because fewer than 10 different authors posted"


def test_the_table_has_the_truth_beside_the_estimate() -> None:
    known = {MONDAY: {"favor": 0.58}}
    table = tables.shares_table(
        series_of(one_day(MONDAY, 0.6, 0.2)), TOPIC, known, today=FRAME.today
    )
    assert table.rows[0][1].detail == "54–66%, truth 58%"


def test_every_row_of_a_table_is_as_wide_as_its_head() -> None:
    blocks = [one for section in page().sections for one in section.blocks]
    widths = {
        (len(one.table.columns), sum(cell.span for cell in row))
        for one in blocks
        for row in one.table.rows
    }
    assert widths == {(7, 7)}


def test_a_withheld_share_never_reaches_a_chart() -> None:
    figures = one_day(MONDAY, 0.6, 0.2)
    figures += one_day(date(2020, 6, 3), None, None, withheld="small_group", share_raw=0.123)
    spec = charts.shares_chart(series_of(figures), FRAME, {})
    drawn = {row["day"] for row in spec["datasets"]["figures"] if row["share"] is not None}
    assert drawn == {"2020-06-01"}
    assert "0.123" not in json.dumps(spec)


def test_days_without_figures_break_the_line() -> None:
    figures = one_day(MONDAY, 0.6, 0.2) + one_day(date(2020, 6, 3), 0.6, 0.2)
    spec = charts.shares_chart(series_of(figures), FRAME, {})
    gaps = {row["day"] for row in spec["datasets"]["figures"] if row["share"] is None}
    assert gaps == {"2020-06-02"}


def test_charts_are_valid_vega_lite() -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2))
    specs = [
        charts.shares_chart(series, FRAME, {MONDAY: {"favor": 0.5}}),
        charts.preview_chart(series, FRAME),
        charts.volume_chart(volume_series([volume(MONDAY)])[0], FRAME),
    ]
    assert [alt.Chart.from_dict(spec).to_dict()["height"] for spec in specs] == [260, 160, 160]


def test_days_that_are_not_whole_are_hollow_in_every_chart() -> None:
    for spec in (
        charts.shares_chart(series_of(one_day(MONDAY, 0.6, 0.2)), FRAME, {}),
        charts.volume_chart(volume_series([volume(MONDAY)])[0], FRAME),
    ):
        fills = [layer["encoding"].get("fill", {}) for layer in spec["layer"]]
        hollow = {"test": "datum.partial", "value": "var(--card)"}
        assert hollow in [fill.get("condition") for fill in fills]


def test_a_preview_tells_no_percentage() -> None:
    shown = page(FakeFigures(validated=False), Selection(preview=True)).sections[0].blocks[0]
    assert shown.is_preview
    assert shown.spec is not None
    assert "tooltip" not in json.dumps(shown.spec)
    assert "%" not in json.dumps([[cell.text for cell in row[1:-1]] for row in shown.table.rows])


def test_without_audit_nothing_is_drawn_and_the_page_says_what_is_missing() -> None:
    section = page(FakeFigures(validated=False)).sections[0]
    assert [one.spec for one in section.blocks] == [None]
    assert section.cards == ()
    assert section.audit == "138 more checked posts needed"


def test_the_gate_speaks_of_the_shown_versions_days_where_others_are_told() -> None:
    lacking = Validation("stance", "walkout", 20, 150, validated=False)
    told = page(validations=[lacking]).sections[0].withheld
    assert told.startswith("Shares of days that version 0123456789ab tells of are withheld until")
    told = page(FakeFigures(validated=False), validations=[lacking]).sections[0].withheld
    assert told.startswith("Its shares are withheld until people have checked the model: 130 more")


def test_checked_posts_of_too_few_days_are_told() -> None:
    lopsided = Validation("stance", "walkout", 400, 150, validated=False, days=1, days_needed=5)
    shown = page(FakeFigures(validated=False), validations=[lopsided])
    assert shown.audit[0].missing == "checked posts of 1 day are too few, 5 needed"


def test_stance_towards_each_target_comes_before_sentiment() -> None:
    assert ordered_questions(TOPIC) == [
        ("stance", "walkout"),
        ("stance", "leaving-posts-up"),
        ("sentiment", ""),
    ]
    assert [section.title for section in page().sections] == [
        "Stance towards the virtual walkout",
        "Stance towards the decision to leave the posts up",
        "Sentiment",
    ]


def test_a_split_has_a_block_per_group_under_the_same_headline() -> None:
    section = page(selection=Selection(by=("cohort",))).sections[0]
    assert [one.group for one in section.blocks] == ["employees", "public"]
    assert section.cards == page().sections[0].cards


def test_events_of_one_day_share_a_line_on_the_chart() -> None:
    spec = page().sections[0].blocks[0].spec
    assert spec is not None
    numbers = {row["day"]: row["number"] for row in spec["datasets"]["events"]}
    assert numbers == {"2020-05-29": "1, 2", "2020-06-01": "3"}


def test_keys_on_a_page_are_unique() -> None:
    shown = page(selection=Selection(by=("platform",)))
    assert shown.volume is not None
    keys = [one.key for section in (*shown.sections, shown.volume) for one in section.blocks]
    assert len(set(keys)) == len(keys) == 8


def test_nothing_stored_is_an_empty_page() -> None:
    shown = page(FakeFigures(days=0), has_posts=False)
    assert (shown.sections, shown.volume, shown.has_posts) == ((), None, False)


def test_the_known_truth_is_drawn_beside_what_is_shown_where_asked(tmp_path: Path) -> None:
    write_truth(tmp_path)
    truth = load_truth(tmp_path, TOPIC)
    drawn = page(truth=truth, selection=Selection(truth=True)).sections[0].blocks[0].spec
    plain = page(truth=truth).sections[0].blocks[0].spec
    assert drawn is not None
    assert plain is not None
    known = [row for row in drawn["datasets"]["truth"] if row["share"] is not None]
    assert len(known) == 57
    assert {row["day"] for row in drawn["datasets"]["truth"]} - {row["day"] for row in known} == {
        "2020-06-13"
    }
    assert plain["datasets"]["truth"] == []


def test_no_truth_is_claimed_for_platforms(tmp_path: Path) -> None:
    write_truth(tmp_path)
    selection = Selection(by=("platform",), truth=True)
    shown = page(truth=load_truth(tmp_path, TOPIC), selection=selection)
    spec = shown.sections[0].blocks[0].spec
    assert spec is not None
    assert spec["datasets"]["truth"] == []


def test_the_table_of_volume_tells_how_much_of_it_is_copies() -> None:
    days = [
        volume(MONDAY, copies=30),
        volume(MONDAY + timedelta(1)),
        volume(MONDAY + timedelta(2), None),
    ]
    (series,) = volume_series(days)
    table = tables.volume_table(series, TOPIC, today=NOW.date())
    assert table.columns[1:3] == ("Posts", "Of them copies")
    told, unknown = (row[2] for row in table.rows[:2])
    assert (told.text, told.detail) == ("30", "25%")
    assert unknown.text == "not known"
    assert table.rows[2][1].is_reason
    assert {sum(cell.span for cell in row) for row in table.rows} == {len(table.columns)}


def test_change_points_are_told_drawn_and_marked_in_the_table() -> None:
    block = page().sections[0].blocks[0]
    assert block.turns == (
        "Monday 1 June 2020: supports +12 points (+7 to +17), opposes +12 points (+7 to +17), "
        "neither +12 points (+7 to +17).",
    )
    assert block.spec is not None
    drawn = block.spec["datasets"]["changes"]
    assert [one["day"] for one in drawn] == ["2020-06-01"]
    assert [row[0].text for row in block.table.rows if row[0].detail == "change point"] == [
        "1 June"
    ]


def test_every_day_is_compared_with_the_day_before_in_a_table() -> None:
    table = page().sections[0].blocks[0].changes
    assert table is not None
    assert len(table.rows) == 20  # nineteen differences and a change point
    assert [cell.text for cell in table.rows[0][:3]] == ["28 May", "27 May", "+12 points"]
    assert table.rows[5][1].text == "the level up to 31 May"


def test_days_of_several_years_are_told_with_their_year() -> None:
    later = [*FakeFigures().volumes(TOPIC), volume(date(2021, 6, 1))]
    shown = page(volumes=later, split_volumes=later)
    block = shown.sections[0].blocks[0]
    assert shown.volume is not None
    assert block.changes is not None
    assert block.table.rows[0][0].text == "27 May 2020"
    assert shown.volume.blocks[0].table.rows[-1][0].text == "1 June 2021"
    assert [cell.text for cell in block.changes.rows[0][:2]] == ["28 May 2020", "27 May 2020"]
    assert block.changes.rows[5][1].text == "the level up to 31 May 2020"


@pytest.mark.parametrize(
    ("last", "told"),
    [(MONDAY + timedelta(days=6), ">1 Jun<"), (date(2021, 6, 1), ">1 Jan 2021<")],
    ids=["one year", "two years"],
)
def test_a_time_axis_tells_the_year_where_there_are_several(last: date, told: str) -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2))
    spec = charts.shares_chart(series, replace(FRAME, last=last), {})
    assert told in draw(on_paper(spec, "", ""), "svg").decode()


def test_a_change_point_of_a_new_year_says_since_which_year_nothing_is_known() -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2))
    late = change(date(2021, 1, 4), since=date(2020, 12, 30), level=True)
    (told,) = change_points_told(shifts_of(series, [late]), series.labels)
    assert told.endswith("; nothing is known of the days after 30 December 2020.")


def test_a_change_point_behind_hidden_days_says_since_when_nothing_is_known() -> None:
    series = series_of(one_day(MONDAY, 0.6, 0.2))
    late = change(date(2020, 6, 5), since=date(2020, 6, 1), level=True, difference=-0.2)
    told = change_points_told(shifts_of(series, [late]), series.labels)
    assert told == (
        "Friday 5 June 2020: supports −20 points (−25 to −15); "
        "nothing is known of the days after 1 June.",
    )


def test_without_a_change_point_nothing_of_it_is_drawn() -> None:
    block = page(FakeFigures(validated=False)).sections[0].blocks[0]
    assert (block.turns, block.changes) == ((), None)


@pytest.mark.parametrize(
    ("unit", "said"),
    [("authors", "of the authors' voices, "), ("texts", "of the different texts, ")],
)
def test_shares_of_another_unit_are_called_so(unit: Unit, said: str) -> None:
    shown = page(selection=Selection(unit=unit))
    assert said in shown.answer
    assert shown.unit_told != page().unit_told
    assert UNIT_WORDS[unit] in shown.sections[0].blocks[0].label
