"""People's answers find their post, and the annotators' majority is what is read."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from store_values import NOW, QUESTIONS, answers, label, page, pending, post, repost

from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import (
    AuditLabel,
    LabelOutcome,
    LabelSample,
    StoredLabel,
    UnlabelledPost,
)


@pytest.fixture(autouse=True)
def posts(store: Store, topic: str) -> None:
    both = [post("twice"), post("twice", platform="mastodon")]
    store.save_page(topic, "file", page(post("1"), post("2"), *both), at=NOW)


def test_labels_are_stored_repeated_changed_or_without_a_post(store: Store, topic: str) -> None:
    first = store.save_labels(topic, [label("1"), label("2"), label("99")], at=NOW)
    again = store.save_labels(
        topic, [label("1"), label("2", "against"), label("1", annotator="ben")], at=NOW
    )
    assert first == LabelOutcome(stored=2, unknown_post=1)
    assert again == LabelOutcome(stored=1, repeated=1, changed=1)


def test_a_label_without_platform_needs_an_id_of_one_post_only(store: Store, topic: str) -> None:
    given = [label("1", platform=None), label("twice", platform=None)]
    outcome = store.save_labels(topic, given, at=NOW)
    assert outcome == LabelOutcome(stored=1, unknown_post=1)


def test_a_label_with_platform_finds_the_post_of_that_platform(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("twice", platform="mastodon")], at=NOW)
    assert [(e.native_id, e.platform) for e in queries.examples(topic)] == [("twice", "mastodon")]


def test_a_later_answer_in_the_same_file_wins(store: Store, queries: Queries, topic: str) -> None:
    outcome = store.save_labels(topic, [label("1", "favor"), label("1", "none")], at=NOW)
    assert outcome == LabelOutcome(stored=1, changed=1)
    assert [each.label for each in queries.examples(topic)] == ["none"]


@pytest.mark.parametrize("decides", [False, True], ids=["corrected", "settled"])
def test_an_older_answer_that_is_given_again_changes_nothing(
    store: Store, queries: Queries, topic: str, decides: bool
) -> None:
    monday, tuesday, wednesday = (NOW + timedelta(days=n) for n in range(3))
    older = label("1", "favor", at=monday)
    store.save_labels(topic, [older], at=monday)
    store.save_labels(topic, [label("1", "against", decides=decides)], at=tuesday)
    stored = _stored(queries, topic)
    assert store.save_labels(topic, [older], at=wednesday) == LabelOutcome(repeated=1)
    assert _stored(queries, topic) == stored == [("against", "random", decides, tuesday)]


def test_of_two_answers_the_one_that_was_given_later_is_kept_whatever_their_order(
    store: Store, queries: Queries, topic: str
) -> None:
    first = label("1", "favor", at=NOW)
    later = label("1", "none", at=NOW + timedelta(days=1))
    same_moment = label("2", "favor", at=NOW)
    edited = label("2", "none", at=NOW)
    both = [later, first, same_moment, edited]
    outcome = store.save_labels(topic, both, at=NOW + timedelta(days=2))
    assert outcome == LabelOutcome(stored=2, repeated=1, changed=1)
    assert [each.label for each in queries.examples(topic)] == ["none", "none"]


@pytest.mark.parametrize("sample", ["active", "other"])
def test_an_answer_that_tells_no_time_takes_no_post_out_of_the_audit(
    store: Store, queries: Queries, topic: str, sample: LabelSample
) -> None:
    when_chosen = label("1", "favor", sample=sample)
    store.save_labels(topic, [when_chosen], at=NOW)
    in_its_turn = label("1", "against")
    assert store.save_labels(topic, [in_its_turn], at=NOW) == LabelOutcome(changed=1)
    assert store.save_labels(topic, [when_chosen], at=NOW) == LabelOutcome(repeated=1)
    assert _stored(queries, topic) == [("against", "random", False, NOW)]


def test_a_later_answer_keeps_a_post_in_the_audit_however_it_was_chosen(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1", "against")], at=NOW)
    later = label("1", "favor", sample="active", at=NOW + timedelta(days=1))
    assert store.save_labels(topic, [later], at=NOW) == LabelOutcome(changed=1)
    assert _stored(queries, topic) == [("favor", "random", False, NOW + timedelta(days=1))]


def test_an_answer_that_is_dated_in_the_future_can_be_corrected(
    store: Store, queries: Queries, topic: str
) -> None:
    """Such were taken once."""
    store.save_labels(topic, [label("1", at=NOW + timedelta(days=9999))], at=NOW)
    right = label("1", "against", at=NOW + timedelta(days=1))
    found = store.save_labels(topic, [right], at=NOW + timedelta(days=1))
    assert found == LabelOutcome(changed=1)
    assert _stored(queries, topic) == [("against", "random", False, NOW + timedelta(days=1))]


def test_an_answer_that_tells_no_time_unsettles_nothing(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1", "against", decides=True)], at=NOW)
    assert store.save_labels(topic, [label("1", "favor")], at=NOW) == LabelOutcome(repeated=1)
    assert _stored(queries, topic) == [("against", "random", True, NOW)]


def test_a_label_about_a_text_that_was_edited_since_is_not_taken(
    store: Store, queries: Queries, topic: str
) -> None:
    read = label("1", text_digest=post("1").text_digest)
    edited = post("1", text="an edited text", revision=1)
    assert store.save_labels(topic, [read], at=NOW) == LabelOutcome(stored=1)
    store.save_page(topic, "file", page(edited, state=2), at=NOW)
    other = label("2", text_digest=post("2").text_digest)
    outcome = store.save_labels(topic, [read, other], at=NOW)
    assert outcome == LabelOutcome(stored=1, edited_post=1)
    assert [each.native_id for each in queries.examples(topic)] == ["2"]
    again = label("1", text_digest=edited.text_digest)
    assert store.save_labels(topic, [again], at=NOW) == LabelOutcome(stored=1)


def test_a_label_that_names_no_text_is_taken(store: Store, topic: str) -> None:
    edited = post("1", text="an edited text", revision=1)
    store.save_page(topic, "file", page(edited, state=2), at=NOW)
    assert store.save_labels(topic, [label("1")], at=NOW) == LabelOutcome(stored=1)


def test_a_label_about_a_purged_text_is_taken(store: Store, topic: str) -> None:
    store.purge_texts(topic, NOW.replace(year=2021))
    read = label("1", text_digest=post("1").text_digest)
    assert store.save_labels(topic, [read], at=NOW) == LabelOutcome(stored=1)


@pytest.mark.parametrize(
    ("given", "truth"),
    [
        (["favor"], ["favor"]),
        (["favor", "favor", "none"], ["favor"]),
        (["favor", "none"], []),
        (["favor", "none", "against", "none"], ["none"]),
    ],
    ids=["one", "majority", "even", "plurality"],
)
def test_the_majority_of_annotators_is_the_truth(
    store: Store, queries: Queries, topic: str, given: list[str], truth: list[str]
) -> None:
    several = [label("1", answer, annotator=f"a{n}") for n, answer in enumerate(given)]
    store.save_labels(topic, several, at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    audit = queries.audit_labels(topic, "stance", "walkout", "v1")
    assert [each.truth for each in audit] == truth
    assert [each.label for each in queries.examples(topic)] == truth


def test_an_audit_label_carries_post_and_prediction(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1"), label("2", sample="active")], at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    expected = AuditLabel("x", NOW.date(), "public", "en", "favor", "none", (1000, 2000, 7000))
    assert queries.audit_labels(topic, "stance", "walkout", "v1") == [expected]
    assert queries.audit_labels(topic, "stance", "walkout", "v2") == []
    assert queries.audit_labels(topic, "stance", "other", "v1") == []


def test_random_labels_alone_decide_where_there_are_some(
    store: Store, queries: Queries, topic: str
) -> None:
    mixed = [
        label("1", "favor", annotator="a"),
        label("1", "none", annotator="b", sample="active"),
        label("1", "none", annotator="c", sample="other"),
        label("2", "none", annotator="a", sample="active"),
    ]
    store.save_labels(topic, mixed, at=NOW)
    found = [(e.native_id, e.label, e.sample) for e in queries.examples(topic)]
    assert found == [("1", "favor", "random"), ("2", "none", "active")]


def test_label_count_counts_posts_not_labels(store: Store, queries: Queries, topic: str) -> None:
    given = [label("1"), label("1", annotator="ben"), label("2", sample="active")]
    store.save_labels(topic, given, at=NOW)
    assert queries.label_count(topic, "stance", "walkout") == 1
    assert queries.label_count(topic, "stance", "walkout", "active") == 1
    assert queries.label_count(topic, "sentiment", "") == 0


def test_a_purged_post_is_no_example_but_stays_in_the_audit(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1")], at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.purge_texts(topic, NOW.replace(year=2021))
    assert queries.examples(topic) == []
    assert len(queries.audit_labels(topic, "stance", "walkout", "v1")) == 1


def test_labels_come_out_as_they_went_in(store: Store, queries: Queries, topic: str) -> None:
    store.save_labels(topic, [label("1"), label("1", "none", annotator="ben")], at=NOW)
    day = NOW.date()
    both = [("favor", "ann"), ("none", "ben")]
    assert queries.labels(topic, day, day + timedelta(days=1)) == [
        StoredLabel(
            topic, day, "x", "1", "stance", "walkout", answer, annotator, "random", NOW, False
        )
        for answer, annotator in both
    ]
    assert queries.labels(topic, day + timedelta(days=1), day + timedelta(days=9)) == []


def test_the_draw_takes_opinions_with_text_in_the_languages_once(
    store: Store, queries: Queries, topic: str
) -> None:
    others = [repost("3", of="1"), post("4", language="fi"), post("5", text="")]
    store.save_page(topic, "file", page(*others), at=NOW)
    drawn = queries.unlabelled(topic, QUESTIONS, ["en"], limit=99)
    # The text of "twice" was posted on two platforms: it is asked once.
    assert sorted(each.native_id for each in drawn) == ["1", "2", "twice"]
    assert UnlabelledPost("1", "x", post("1").text, post("1").text_digest) in drawn


def test_the_draw_is_the_same_until_it_is_labelled_and_then_goes_on(
    store: Store, queries: Queries, topic: str
) -> None:
    every = queries.unlabelled(topic, [("stance", "walkout")], ["en"], limit=99)
    first = queries.unlabelled(topic, [("stance", "walkout")], ["en"], limit=1)
    assert first == every[:1]
    answered = label(first[0].native_id, platform=first[0].platform)
    store.save_labels(topic, [answered], at=NOW)
    assert queries.unlabelled(topic, [("stance", "walkout")], ["en"], limit=99) == every[1:]
    assert queries.unlabelled(topic, QUESTIONS, ["en"], limit=99) == every


def test_an_active_label_does_not_spare_a_post_the_draw(
    store: Store, queries: Queries, topic: str
) -> None:
    before = queries.unlabelled(topic, QUESTIONS, ["en"], limit=99)
    store.save_labels(topic, [label("1", sample="active")], at=NOW)
    assert queries.unlabelled(topic, QUESTIONS, ["en"], limit=99) == before


def test_labels_are_new_to_a_version_that_was_made_without_them_whatever_their_time(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(*(post(str(n)) for n in range(4))), at=NOW)
    store.save_labels(topic, [label("0", at=NOW - timedelta(days=9))], at=NOW)
    assert queries.labels_new_to(topic, "v1", NOW) == 0
    store.log("test", "retrained", {"topic": topic, "version": "v1", "answers": 1})
    assert queries.labels_new_to(topic, "v1", NOW) == 0
    store.save_labels(topic, [label("1", at=NOW - timedelta(days=8))], at=NOW)
    store.save_labels(topic, [label("2", at=NOW + timedelta(days=1))], at=NOW)
    assert queries.labels_new_to(topic, "v1", NOW) == 2
    store.log("test", "retrained", {"topic": topic, "version": "v1", "answers": 3})
    store.save_labels(topic, [label("2", "against", at=NOW + timedelta(days=2))], at=NOW)
    assert queries.labels_new_to(topic, "v1", NOW + timedelta(days=1)) == 1


def test_copies_that_take_a_label_are_not_new_to_a_version(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1", at=NOW - timedelta(days=9))], at=NOW)
    assert queries.labels_since(topic, None) == 1
    store.log("test", "retrained", {"topic": topic, "version": "v1", "answers": 1})
    copy = post("copy", text=post("1").text)
    store.save_page(topic, "file", page(copy), at=NOW)
    store.save_labels(topic, [label("copy", at=NOW - timedelta(days=9))], at=NOW)
    assert queries.labels_new_to(topic, "v1", NOW) == 0


def test_an_answer_that_copies_have_taken_is_one_that_came(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("copy", text=post("1").text)), at=NOW)
    both = [label("1"), label("copy"), label("1", "none", annotator="ben"), label("2")]
    store.save_labels(topic, both, at=NOW)
    assert queries.labels_since(topic, None) == 3
    assert queries.labels_since(topic, NOW - timedelta(days=1)) == 3
    assert queries.labels_since(topic, NOW) == 0


def _stored(queries: Queries, topic: str) -> list[tuple[str, LabelSample, bool, datetime]]:
    day = NOW.date()
    found = queries.labels(topic, day, day + timedelta(days=1))
    return [(each.label, each.sample, each.decides, each.labelled_at) for each in found]
