"""Released figures: what is counted, what is estimated, what is withheld and why."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from monitor.authors import AuthorSketch
from monitor.errors import UsageError
from monitor.figures import Figures
from monitor.languages import scored_languages
from monitor.settings import load_settings
from monitor.shares.split import Split
from monitor.shares.whole import label_weights
from monitor.store.values import (
    VOLUME,
    AuditLabel,
    CoverageSpan,
    DailyAggregate,
    DayTotal,
)
from monitor.topic import Query, Target, Topic

SENTIMENT = ("negative", "neutral", "positive")
STANCE = ("favor", "against", "none")
TOPIC = Topic(
    name="walkout",
    title="Walkout",
    timezone=ZoneInfo("America/Los_Angeles"),
    start=date(2020, 6, 1),
    end=date(2020, 6, 11),
    languages=("en", "es"),
    targets=(Target("walkout", "the walkout"),),
    queries={"": Query(("walkout",), {})},
)
DAY = date(2020, 6, 1)


def aggregate(day, cell, counts, *, head=VOLUME, authors=None, reposts=0):
    """One aggregate; `counts` by label, for volume the number of opinions."""
    platform, cohort, language = cell
    labels = counts if isinstance(counts, dict) else {}
    posts = sum(labels.values()) if labels else counts
    people = posts if authors is None else authors
    sketch = AuthorSketch.of(f"{cell}{n}" for n in range(people))
    return DailyAggregate(
        topic=TOPIC.name,
        day=day,
        platform=platform,
        cohort=cohort,
        language=language,
        head=head,
        target="walkout" if head == "stance" else "",
        version="" if head == VOLUME else "v1",
        posts=posts,
        reposts=reposts,
        authors=people,
        authors_sketch=sketch,
        label_counts=labels,
        soft_sums={label: 10_000 * n for label, n in labels.items()},
    )


def scored(day, cell, sentiment, *, posts=None, authors=None):
    """Volume, sentiment and stance of one cell, all posts scored unless `posts` says more."""
    total = sum(sentiment)
    stance = {"favor": total}
    labelled = dict(zip(SENTIMENT, sentiment, strict=True))
    return [
        aggregate(day, cell, total if posts is None else posts, authors=authors),
        aggregate(day, cell, labelled, head="sentiment", authors=authors),
        aggregate(day, cell, stance, head="stance", authors=authors),
    ]


def by_version(cells, version):
    """The same answers as another version's; volumes are nobody's."""
    return [one if one.head == VOLUME else replace(one, version=version) for one in cells]


def audit_label(day, truth, predicted, cell=("x", "public", "en")):
    scores = tuple(10_000 * (label == predicted) for label in SENTIMENT)
    return AuditLabel(cell[0], day, cell[1], cell[2], truth, predicted, scores)


@dataclass
class FakeQueries:
    """The store's reads that figures need, in memory."""

    aggregates: list = field(default_factory=list)
    labels: list = field(default_factory=list)
    spans: list = field(default_factory=list)
    version: str | None = "v1"
    earlier: dict = field(default_factory=dict)
    """The labels with the answers of versions that were shown before, by version."""
    sample: bool = False
    reads: Counter = field(default_factory=Counter)

    def shown_versions(self, topic):
        return [self.version, *self.earlier] if self.version else []

    def cells(self, topic, versions, since, until):
        wanted = {"", *versions}
        return [one for one in self.aggregates if one.version in wanted]

    def day_totals(self, topic, versions, languages, since, until):
        return [
            DayTotal(one.day, one.head, one.target, one.version, one.posts)
            for one in self.cells(topic, versions, since, until)
            if one.language in languages
        ]

    def coverage(self, topic, since, until):
        return self.spans

    def audit_labels(self, topic, head, target, version, *, languages):
        counted = scored_languages(languages)
        labels = self.earlier.get(version, self.labels) if head == "sentiment" else []
        return [one for one in labels if one.language in counted]

    def label_count(self, topic, head, target, sample="random"):
        return len(self.labels) if head == "sentiment" else 0

    def has_posts(self, topic, *, source=None, besides=None):
        return self.sample


@pytest.fixture
def settings(tmp_path):
    return load_settings({"MONITOR_HOME": str(tmp_path)})


@pytest.fixture
def released(settings):
    def release(queries, topic=TOPIC, **asked):
        return Figures(queries, settings).released(topic, **asked)

    return release


def good_audit(days=10, labels=300, mix=None):
    """A classifier that is right nine times out of ten, audited on every day."""
    rng = np.random.default_rng(1)
    found = []
    for n in range(labels):
        truth = int(rng.choice(3, p=mix) if mix else rng.integers(3))
        predicted = truth if rng.random() < 0.9 else int(rng.integers(3))
        day = DAY + timedelta(n % days)
        found.append(audit_label(day, SENTIMENT[truth], SENTIMENT[predicted]))
    return found


def ten_days(cell=("x", "public", "en"), counts=(120, 100, 180)):
    return [one for n in range(10) for one in scored(DAY + timedelta(n), cell, counts)]


@dataclass
class Ledger:
    """Remembers what was released."""

    kept: dict = field(default_factory=dict)

    def release_chains(self, topic, known=None):
        return dict(self.kept)

    def keep_releases(self, topic, chains):
        self.kept |= chains
        return set()


def of(figures, **wanted):
    return [f for f in figures if all(getattr(f, name) == v for name, v in wanted.items())]


def test_a_validated_share_is_shown_with_an_interval_around_it(released):
    figures = released(FakeQueries(ten_days(), good_audit()))
    (negative,) = of(figures, day=DAY, head="sentiment", label="negative")
    assert negative.validated
    assert negative.withheld is None
    assert negative.low < negative.share < negative.high
    assert (negative.posts, negative.authors, negative.share_raw) == (400, 400, 0.3)


def test_without_enough_audit_labels_a_share_is_unvalidated_and_the_counts_are_shown(released):
    figures = released(FakeQueries(ten_days(), good_audit(labels=100)))
    (negative,) = of(figures, day=DAY, head="sentiment", label="negative")
    assert negative.withheld == "unvalidated"
    assert not negative.validated
    assert (negative.share_raw, negative.share, negative.low, negative.high) == (None,) * 4
    assert (negative.posts, negative.authors) == (400, 400)


def test_the_preview_shows_the_raw_share_only_and_stays_marked(released):
    figures = released(FakeQueries(ten_days()), include_unvalidated=True)
    (negative,) = of(figures, day=DAY, head="sentiment", label="negative")
    assert negative.withheld == "unvalidated"
    assert (negative.share_raw, negative.share, negative.low) == (0.3, None, None)


@pytest.mark.parametrize(
    ("apart", "withheld"),
    [
        pytest.param({}, None, id="everybody wrote once"),
        pytest.param({"posts": 24, "authors": 12}, None, id="enough wrote more"),
        pytest.param({"posts": 2, "authors": 1}, "small_group", id="one wrote twice"),
        pytest.param(None, "small_group", id="counted before this was known"),
    ],
)
def test_shares_by_authors_are_told_where_they_give_nobody_away_beside_posts(
    released, apart, withheld
):
    soft = dict.fromkeys(SENTIMENT, 1200000)
    units = {"authors": {"count": 360, "labels": soft, "soft": soft, "apart": apart}}
    if apart is None:
        del units["authors"]["apart"]
    cells = [replace(one, units=units) for one in ten_days()]
    figures = released(FakeQueries(cells, good_audit()), unit="authors")
    (negative,) = of(figures, day=DAY, head="sentiment", label="negative")
    assert negative.withheld == withheld
    assert (negative.share is None) == (withheld is not None)
    assert negative.share_raw is None


def test_where_everybody_wrote_once_shares_by_authors_are_not_much_less_sure_than_by_posts(
    released,
):
    cells = [replace(one, units={"authors": _voices(one.label_counts)}) for one in ten_days()]
    queries = FakeQueries(cells, good_audit())
    widths = {
        unit: np.mean([one.high - one.low for one in released(queries, unit=unit) if one.low])
        for unit in ("posts", "authors")
    }
    assert widths["authors"] < 2 * widths["posts"]


def _voices(labels):
    soft = {label: 10_000 * count for label, count in labels.items()}
    return {"count": sum(labels.values()), "labels": soft, "soft": soft, "apart": {}}


def test_an_audit_of_one_day_validates_nothing(settings):
    queries = FakeQueries(ten_days(), good_audit(days=1))
    sentiment = next(
        v for v in Figures(queries, settings).validation(TOPIC) if v.head == "sentiment"
    )
    assert (sentiment.audit_labels, sentiment.validated) == (300, False)
    assert (sentiment.days, sentiment.days_needed) == (1, 5)


def test_each_question_is_validated_for_itself(settings):
    queries = FakeQueries(ten_days(), good_audit())
    found = {v.head: v.validated for v in Figures(queries, settings).validation(TOPIC)}
    assert found == {"sentiment": True, "stance": False}


def test_before_the_first_version_volume_and_labels_are_there_and_no_figure(settings):
    queries = FakeQueries(ten_days(), good_audit(), version=None)
    figures = Figures(queries, settings)
    assert figures.released(TOPIC) == []
    assert figures.volumes(TOPIC)[0].unscored == 400
    assert figures.validation(TOPIC)[0].audit_labels == 300


def turned(label):
    """A label that an older version always takes for the next one."""
    predicted = SENTIMENT[(SENTIMENT.index(label.truth) + 1) % 3]
    return audit_label(label.day, label.truth, predicted)


@pytest.fixture
def two_versions():
    """Six days whose texts only an older version read, which is always wrong, and four newer."""
    days = [scored(DAY + timedelta(n), ("x", "public", "en"), (120, 100, 180)) for n in range(10)]
    wrong = [scored(DAY + timedelta(n), ("x", "public", "en"), (180, 120, 100)) for n in range(6)]
    cells = [one for n in range(6) for one in by_version(wrong[n], "v0")]
    cells += [one for n in range(6, 10) for one in days[n]]
    labels = good_audit(labels=600, mix=(0.3, 0.25, 0.45))
    audit = [label for label in labels if label.day >= DAY + timedelta(6)]
    old = [turned(label) for label in labels if label.day < DAY + timedelta(6)]
    return FakeQueries(cells, audit, earlier={"v0": old})


def test_days_that_the_shown_version_cannot_answer_are_told_by_the_one_before_with_its_own_audit(
    released, two_versions
):
    figures = of(released(two_versions), head="sentiment", label="neutral")
    assert [one.version for one in figures] == ["v0"] * 6 + ["v1"] * 4
    assert all(one.low <= 0.25 <= one.high for one in figures)
    assert [one.share_raw for one in figures] == [0.3] * 6 + [0.25] * 4


def test_each_version_is_validated_for_the_days_that_it_tells_of(released, two_versions):
    two_versions.labels = two_versions.labels[:100]
    figures = of(released(two_versions), head="sentiment", label="neutral")
    assert [one.validated for one in figures] == [True] * 6 + [False] * 4
    two_versions.earlier = {"v0": two_versions.earlier["v0"][:1] * 300}
    figures = of(released(two_versions), head="sentiment", label="neutral")
    assert {one.withheld for one in figures} == {"unvalidated"}


def test_what_the_shown_version_has_answered_enough_of_it_tells_itself(released, two_versions):
    cells = two_versions.aggregates
    two_versions.aggregates = cells + by_version([c for c in cells if c.version == "v0"], "v1")
    figures = of(released(two_versions), head="sentiment", label="neutral")
    assert {one.version for one in figures} == {"v1"}


def test_no_change_is_told_from_one_version_to_another(settings, two_versions):
    changes = Figures(two_versions, settings).changes(TOPIC)
    met = DAY + timedelta(6)
    assert {one.day for one in changes if not one.level} == {
        DAY + timedelta(n) for n in range(1, 10)
    } - {met}


def test_the_share_of_all_days_takes_each_day_by_the_version_that_tells_of_it(
    settings, two_versions
):
    whole = {one.label: one for one in Figures(two_versions, settings).whole(TOPIC)}
    neutral = whole["neutral"]
    assert (neutral.version, neutral.days, neutral.posts) == ("v0+v1", 10, 4000)
    assert neutral.low < 0.25 < neutral.high
    assert neutral.high - neutral.low < 0.2


def test_what_leaves_with_noise_is_the_shown_versions_alone(settings, two_versions):
    days = Figures(two_versions, settings).whole_days(TOPIC)
    assert min(day for day, _ in days) == DAY + timedelta(6)


def test_a_small_group_shows_nothing_but_that_it_is_small(released):
    figures = released(FakeQueries(scored(DAY, ("x", "public", "en"), (3, 3, 3))))
    (negative,) = of(figures, head="sentiment", label="negative")
    assert negative.withheld == "small_group"
    assert (negative.posts, negative.authors, negative.share_raw, negative.share) == (None,) * 4


def test_a_cell_is_hidden_when_a_small_one_would_follow_from_it(released):
    queries = FakeQueries(
        [
            *scored(DAY, ("x", "public", "en"), (20, 20, 20)),
            *scored(DAY, ("x", "employees", "en"), (1, 1, 1)),
        ]
    )
    split = released(queries, by=("cohort",))
    total = released(queries)
    reasons = {f.cohort: f.withheld for f in of(split, head="sentiment", label="negative")}
    assert reasons == {"employees": "small_group", "public": "complementary"}
    assert of(total, head="sentiment", label="negative")[0].posts == 63


def test_a_cell_of_posts_that_wait_for_scoring_is_unscored_rather_than_small(released):
    queries = FakeQueries(scored(DAY, ("x", "public", "en"), (1, 1, 0), posts=100))
    (negative,) = of(released(queries), head="sentiment", label="negative")
    assert (negative.withheld, negative.posts) == ("unscored", None)


def test_a_cell_scored_in_part_shows_how_many_but_no_share(released):
    queries = FakeQueries(scored(DAY, ("x", "public", "en"), (20, 20, 10), posts=100))
    (negative,) = of(released(queries), head="sentiment", label="negative")
    assert (negative.withheld, negative.posts, negative.share_raw) == ("unscored", 50, None)


@pytest.mark.parametrize(
    ("added", "authors"),
    [pytest.param(5, 25, id="few authors more"), pytest.param(3, 20, id="more of the same")],
)
def test_a_day_whose_scored_change_is_held_back_is_shown_as_it_was_last(settings, added, authors):
    cell = ("x", "public", "en")
    queries = FakeQueries(scored(DAY, cell, (8, 6, 6)))
    figures = Figures(queries, settings, ledger=Ledger())
    before = figures.released(TOPIC)
    queries.aggregates = scored(DAY, cell, (8 + added, 6, 6), authors=authors)
    assert figures.released(TOPIC) == before
    assert {(one.withheld, one.posts) for one in before} == {("unvalidated", 20)}


def test_a_day_to_which_posts_came_that_wait_for_scoring_is_unscored(settings):
    cell = ("x", "public", "en")
    queries = FakeQueries(scored(DAY, cell, (8, 6, 6)))
    figures = Figures(queries, settings, ledger=Ledger())
    figures.released(TOPIC)
    queries.aggregates = scored(DAY, cell, (8, 6, 6), posts=23)
    assert {one.withheld for one in figures.released(TOPIC)} == {"unscored"}


def test_posts_in_other_languages_are_not_waited_for(released):
    queries = FakeQueries(
        [
            *scored(DAY, ("x", "public", "en"), (20, 20, 10)),
            aggregate(DAY, ("x", "public", "de"), 500),
        ]
    )
    figures = released(queries, by=("language",))
    (negative,) = of(figures, head="sentiment", label="negative")
    assert (negative.language, negative.withheld) == ("en", "unvalidated")


def test_a_day_that_was_hardly_collected_is_incomplete(released):
    start = datetime(2020, 6, 1, 7, tzinfo=UTC)  # local midnight
    spans = [CoverageSpan("x", start, start + timedelta(hours=6), "complete", "")]
    figures = released(FakeQueries(ten_days(), good_audit(), spans=spans))
    (first,) = of(figures, day=DAY, head="sentiment", label="negative")
    (second,) = of(figures, day=DAY + timedelta(1), head="sentiment", label="negative")
    assert (first.coverage, first.withheld, first.share) == (0.25, "incomplete", None)
    assert (second.coverage, second.withheld) == (None, None)


def test_a_days_figures_do_not_depend_on_the_range_asked_for(released):
    queries = FakeQueries(ten_days(), good_audit())
    everything = released(queries)
    part = released(queries, since=DAY + timedelta(3), until=DAY + timedelta(5))
    assert part == [f for f in everything if 3 <= (f.day - DAY).days < 5]
    assert len(part) == 2 * 6


def test_the_order_of_stored_rows_makes_no_difference(released):
    cells = [*ten_days(), *ten_days(("x", "employees", "es"), (30, 10, 20))]
    first = released(FakeQueries(cells, good_audit()), by=("cohort", "language"))
    again = released(FakeQueries(cells[::-1], good_audit()), by=("language", "cohort"))
    assert again == first


def test_figures_change_when_what_they_are_made_of_changes(settings):
    queries = FakeQueries(ten_days(), good_audit())
    figures = Figures(queries, settings)
    before = figures.released(TOPIC)
    queries.aggregates = ten_days(counts=(200, 100, 100))
    after = figures.released(TOPIC)
    assert (before[0].posts, after[0].posts) == (400, 400)
    assert of(after, label="negative")[0].share > of(before, label="negative")[0].share


def test_figures_come_sorted_and_name_what_they_are_not_split_by(released):
    figures = released(FakeQueries(ten_days()), by=("cohort",))
    order = [(f.day, f.platform, f.cohort, f.language, f.head, f.target, f.label) for f in figures]
    assert order == sorted(order)
    assert (figures[0].platform, figures[0].cohort, figures[0].language) == ("all", "public", "all")


def test_an_unknown_dimension_is_refused_with_those_known(released):
    with pytest.raises(UsageError, match=re.escape("'author'")) as caught:
        released(FakeQueries(), by=("author",))
    assert "platform" in caught.value.hint


def test_sample_posts_mark_every_figure_and_volume(settings):
    figures = Figures(FakeQueries(ten_days(), sample=True), settings)
    assert {f.sample for f in figures.released(TOPIC)} == {True}
    assert {v.sample for v in figures.volumes(TOPIC)} == {True}


def test_volume_counts_opinions_their_authors_reposts_and_what_is_not_scored(settings):
    cells = scored(DAY, ("x", "public", "en"), (20, 20, 10), posts=60)
    cells[0] = replace(cells[0], reposts=7)
    (volume,) = Figures(FakeQueries(cells), settings).volumes(TOPIC)
    assert (volume.posts, volume.reposts, volume.authors, volume.unscored) == (60, 7, 60, 10)


GERMAN = ("x", "public", "de")
"""A cell in a language that the topic had once."""


def test_answers_in_a_language_that_the_topic_has_no_more_are_in_no_figure(settings):
    german = ten_days(GERMAN, counts=(300, 0, 0))
    queries = FakeQueries([*ten_days(), *german], good_audit())
    figures = Figures(queries, settings)
    total = of(figures.released(TOPIC), day=DAY, head="sentiment")
    split = of(figures.released(TOPIC, by=("language",)), day=DAY, head="sentiment")
    assert {one.language for one in split} == {"en"}
    assert [(one.posts, one.share_raw) for one in total] == [
        (one.posts, one.share_raw) for one in split
    ]
    assert figures.whole(TOPIC)[0].posts == 4000
    assert sum(figures.whole_days(TOPIC)[DAY, ("sentiment", "")].values()) == 400
    volume = figures.volumes(TOPIC)[0]
    assert (volume.posts, volume.unscored) == (700, 300)


def test_a_total_stays_shown_when_a_large_language_is_taken_off(settings):
    german = ten_days(GERMAN, counts=(300, 0, 0))
    figures = Figures(FakeQueries([*ten_days(), *german], good_audit()), settings, ledger=Ledger())
    before = figures.released(replace(TOPIC, languages=("en", "de")))
    after = figures.released(TOPIC)
    assert [of(one, day=DAY, head="sentiment")[0].posts for one in (before, after)] == [700, 400]


def test_answers_in_a_language_that_the_topic_has_no_more_hide_no_lack_of_others(released):
    day = [
        *scored(DAY, ("x", "public", "en"), (40, 0, 0), posts=400),
        *scored(DAY, GERMAN, (400, 0, 0)),
    ]
    figures = of(released(FakeQueries(day, good_audit())), head="sentiment")
    assert {one.withheld for one in figures} == {"unscored"}


def test_audit_labels_in_a_language_that_the_topic_has_no_more_validate_nothing(settings):
    labels = [replace(one, language="de") for one in good_audit()]
    labels += [replace(one, language="und") for one in good_audit(labels=100)]
    figures = Figures(FakeQueries(ten_days(), labels), settings)
    assert figures.validation(TOPIC)[0].audit_labels == 100


def test_what_is_not_scored_is_not_told_where_the_cell_of_a_question_is_hidden(settings):
    def day(english):
        return [
            *scored(DAY, ("x", "public", "en"), (english, 0, 0), authors=9),
            aggregate(DAY, ("x", "public", "de"), 5, authors=5),
        ]

    queries = FakeQueries(day(15))
    figures = Figures(queries, settings, ledger=Ledger())
    before = figures.volumes(TOPIC)
    queries.aggregates = day(14)
    assert figures.volumes(TOPIC) == before
    assert [(one.posts, one.unscored) for one in before] == [(20, None)]


def test_the_volume_of_a_small_group_is_hidden(settings):
    queries = FakeQueries([aggregate(DAY, ("x", "public", "en"), 9)])
    (volume,) = Figures(queries, settings).volumes(TOPIC)
    assert volume.withheld == "small_group"
    assert (volume.posts, volume.reposts, volume.authors, volume.unscored) == (None,) * 4


def test_a_day_is_provisional_until_it_is_over_where_the_topic_is(settings):
    def figures(now):
        found = Figures(FakeQueries(ten_days()), settings, clock=lambda: now).released(TOPIC)
        return {figure.day for figure in found if figure.provisional}

    midnight = datetime(2020, 6, 10, 7, tzinfo=UTC)
    assert figures(midnight - timedelta(seconds=1)) == {date(2020, 6, 9), date(2020, 6, 10)}
    assert figures(midnight) == {date(2020, 6, 10)}
    assert figures(midnight + timedelta(days=1)) == set()


def test_changes_are_those_of_shown_days_only(settings):
    queries = FakeQueries(ten_days(), good_audit())
    changes = Figures(queries, settings).changes(TOPIC, since=DAY + timedelta(2))
    assert {one.head for one in changes} == {"sentiment"}
    daily = [one for one in changes if not one.level]
    assert len(daily) == 8 * 3
    assert all(one.low <= 0 <= one.high for one in daily)  # every day is like the others
    assert not [one for one in changes if one.level]


@pytest.mark.parametrize("asked", ["changes", "whole", "drift"])
def test_a_day_that_is_recounted_meanwhile_is_told_of_in_one_state(settings, monkeypatch, asked):
    queries = FakeQueries(ten_days(), good_audit())
    expected = getattr(Figures(queries, settings), asked)(TOPIC)
    estimated = Split.figures

    def recounted(*args, **terms):
        found = estimated(*args, **terms)
        queries.aggregates = queries.aggregates[3:]
        return found

    monkeypatch.setattr(Split, "figures", recounted)
    assert getattr(Figures(queries, settings), asked)(TOPIC) == expected


def test_changes_and_all_days_together_are_rounded_as_figures_are(tmp_path):
    rounding = {"MONITOR_HOME": str(tmp_path), "MONITOR_RELEASE__ROUND_COUNTS_TO": "1500"}
    figures = Figures(FakeQueries(ten_days(), good_audit()), load_settings(rounding))
    told = figures.whole(TOPIC)
    assert {(one.posts, one.audited) for one in told} == {(4500, 0)}
    shares = [(one.share, one.low, one.high) for one in told]
    shares += [(one.difference, one.low, one.high) for one in figures.changes(TOPIC)]
    assert all(one == round(one, 2) for three in shares for one in three)


def test_all_shown_days_together_have_a_share_with_a_narrower_interval(settings):
    figures = Figures(FakeQueries(ten_days(), good_audit()), settings)
    (whole,) = [one for one in figures.whole(TOPIC) if one.label == "negative"]
    (day,) = of(figures.released(TOPIC), day=DAY, head="sentiment", label="negative")
    assert (whole.since, whole.until, whole.days) == (DAY, DAY + timedelta(10), 10)
    assert (whole.posts, whole.audited) == (4000, 300)
    assert whole.low < whole.share < whole.high
    assert whole.high - whole.low < day.high - day.low


@pytest.mark.parametrize(
    ("hours", "coverage"),
    [
        pytest.param([240], 1.0, id="all"),
        pytest.param([228], 0.95, id="half of the last day"),
        pytest.param([], None, id="nothing known"),
        pytest.param([24], None, id="nothing known of some days"),
    ],
)
def test_all_shown_days_together_tell_what_they_rest_on(settings, hours, coverage):
    start = datetime(2020, 6, 1, 7, tzinfo=UTC)  # local midnight
    spans = [CoverageSpan("x", start, start + timedelta(hours=n), "complete", "") for n in hours]
    figures = Figures(FakeQueries(ten_days(), good_audit(), spans=spans), settings)
    assert {one.days for one in figures.whole(TOPIC)} == {10}
    authors = {one.day: one.authors for one in figures.released(TOPIC)}
    found = {(one.author_days, one.coverage) for one in figures.whole(TOPIC)}
    assert found == {(sum(authors.values()), coverage)}


@pytest.mark.parametrize(
    ("limits", "withheld"),
    [
        pytest.param({}, "unvalidated", id="too few labels of the shown days"),
        pytest.param({"AUDIT__MINIMUM_LABELS": "20"}, None, id="enough of them"),
        pytest.param(
            {"AUDIT__MINIMUM_LABELS": "20", "RELEASE__MAXIMUM_INTERVAL_WIDTH": "0.17"},
            "too_uncertain",
            id="too wide an interval",
        ),
    ],
)
def test_all_shown_days_together_rest_on_enough_labels_of_these_days(tmp_path, limits, withheld):
    start = datetime(2020, 6, 1, 7, tzinfo=UTC)  # local midnight
    spans = [CoverageSpan("x", start, start + timedelta(days=9), "gap", "unavailable")]
    given = {f"MONITOR_{name}": value for name, value in limits.items()}
    settings = load_settings({"MONITOR_HOME": str(tmp_path), **given})
    whole = Figures(FakeQueries(ten_days(), good_audit(), spans=spans), settings).whole(TOPIC)
    assert {(one.days, one.audited, one.withheld) for one in whole} == {(1, 30, withheld)}
    assert {one.share is None for one in whole} == {withheld is not None}


def test_all_shown_days_together_are_not_told_of_by_labels_of_the_first_of_them(settings):
    queries = FakeQueries(ten_days(), good_audit(days=5))
    figures = Figures(queries, settings)
    assert of(figures.released(TOPIC), head="sentiment", withheld=None)
    assert {(one.share, one.withheld) for one in figures.whole(TOPIC)} == {(None, "unvalidated")}


def test_of_all_shown_days_together_labels_count_as_their_days_posts_do():
    posts = {DAY + timedelta(n): 100 for n in range(10)}
    days = [0] * 80 + [3] * 20 + [4] * 20 + [7] * 20
    labels = [audit_label(DAY + timedelta(n), "neutral", "neutral") for n in days]
    assert label_weights(posts, labels) is None  # nobody has looked at the last two days
    labels += [audit_label(DAY + timedelta(9), "neutral", "neutral")] * 10
    weights = label_weights(posts, labels)
    assert [weights[:80].sum(), weights[80:100].sum(), weights[-10:].sum()] == pytest.approx(
        [30] * 3
    )


def test_without_a_shown_day_there_is_nothing_of_all(settings):
    assert Figures(FakeQueries(ten_days()), settings).whole(TOPIC) == []
