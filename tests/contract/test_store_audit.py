"""What people said of a post stays in the audit that is shown when the post goes, until many go."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine, select
from store_values import NOW, answers, deletion, label, page, pending, post

from monitor.kept import KeptDeletion
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import REMOVED_ANSWERS
from monitor.store.store import Store
from monitor.store.values import AuditLabel

STANCE = ("stance", "walkout")
FEW = 3


def fill(
    store: Store,
    queries: Queries,
    topic: str,
    *,
    authors: tuple[str | None, ...],
    source: str = "file",
) -> None:
    """Audited posts, a number each, the first of them against."""
    posts = [post(str(number), author=author) for number, author in enumerate(authors)]
    store.save_page(topic, source, page(*posts), at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    said = [label(str(n), "favor" if n else "against") for n in range(len(authors))]
    store.save_labels(topic, said, at=NOW)


def remove(store: Store, topic: str, *numbers: int) -> None:
    for number in numbers:
        store.remove(topic, deletion(str(number)), at=NOW)


def audit(queries: Queries, topic: str, version: str = "v1") -> list[AuditLabel]:
    return queries.audit_labels(topic, *STANCE, version)


def held(engine: Engine, topic: str) -> list[dict[str, object]]:
    with reading(engine) as connection:
        statement = select(REMOVED_ANSWERS).where(REMOVED_ANSWERS.c.topic == topic)
        return [dict(row) for row in connection.execute(statement).mappings()]


@pytest.mark.parametrize("how", ["deleted", "erased", "edited"])
def test_the_audit_is_the_same_after_one_person_s_post_has_gone(
    store: Store, queries: Queries, topic: str, how: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben", "carla"))
    before = audit(queries, topic)
    if how == "edited":
        edited = post("0", author="anna", text="another text", revision=1)
        store.save_page(topic, "file", page(edited), at=NOW)
    else:
        demand = deletion("0") if how == "deleted" else deletion(author="anna")
        store.remove(topic, demand, at=NOW)
    assert len(before) == FEW
    assert audit(queries, topic) == before
    assert len(queries.examples(topic)) == FEW - 1
    assert queries.labels(topic, date.min, date.max) != []


def test_the_audit_leaves_languages_out_that_a_topic_has_no_more(
    store: Store, queries: Queries, topic: str
) -> None:
    posts = [post("1"), post("2", language="fr"), post("3", language="und")]
    store.save_page(topic, "file", page(*posts), at=NOW)
    wanted = queries.pending(topic, "v1", [STANCE], languages=["en", "fr"], limit=9)
    store.save_predictions(topic, "v1", answers(wanted))
    store.save_labels(topic, [label(each.native_id) for each in posts], at=NOW)
    assert len(audit(queries, topic)) == len(posts)
    counted = queries.audit_labels(topic, *STANCE, "v1", languages=["en"])
    assert {one.language for one in counted} == {"en", "und"}


def test_of_a_removed_post_nothing_stays_but_its_cell_and_its_answers(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben"))
    remove(store, topic, 0)
    (row,) = held(engine, topic)
    assert row.pop("id") and "anna" not in str(row.pop("author"))
    assert row == {
        "topic": topic,
        "version": "v1",
        "head": "stance",
        "target": "walkout",
        "day": NOW.date(),
        "platform": "x",
        "cohort": "public",
        "language": "en",
        "truth": "against",
        "predicted": "none",
        "scores": "1000,2000,7000",
    }


def test_removed_answers_leave_the_audit_when_enough_people_s_are_among_them(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben", "carla", "dora"))
    remove(store, topic, 0, 1)
    assert store.let_go_removed_answers(topic, FEW) == 0
    assert len(audit(queries, topic)) == 4
    remove(store, topic, 2)
    assert store.let_go_removed_answers(topic, FEW) == FEW
    assert [each.truth for each in audit(queries, topic)] == ["favor"]


def test_many_posts_of_one_person_and_of_unknown_ones_are_not_many_people(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "anna", "anna", "ben", None, None))
    remove(store, topic, *range(6))
    assert store.let_go_removed_answers(topic, FEW) == 0
    assert len(audit(queries, topic)) == 6


def test_people_of_another_day_or_language_are_no_company(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben"))
    other = post("9", author="carla", language="de")
    store.save_page(topic, "file", page(other), at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic, languages=["de"])))
    store.save_labels(topic, [label("9")], at=NOW)
    remove(store, topic, 0, 1, 9)
    assert store.let_go_removed_answers(topic, FEW) == 0


def test_labels_that_come_meanwhile_are_counted_at_once(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben"))
    remove(store, topic, 0)
    store.save_page(topic, "file", page(post("8")), at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.save_labels(topic, [label("8")], at=NOW)
    assert [each.truth for each in audit(queries, topic)] == ["against", "favor", "favor"]


def test_an_erased_author_is_told_from_others_and_cannot_be_known_again(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "anna", "ben", "carla"))
    remove(store, topic, 0)
    (before,) = held(engine, topic)
    erased = KeptDeletion("x", None, "anna", "erased", aliases=("ben",))
    store.remove(topic, erased, at=NOW)
    authors = [row["author"] for row in held(engine, topic)]
    assert before["author"] not in authors
    assert len(authors) == FEW and len(set(authors)) == 2
    remove(store, topic, 3)
    assert store.let_go_removed_answers(topic, FEW) == 4


def test_removed_answers_go_with_their_version_and_wait_for_the_text_of_their_target(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben"))
    store.sync_targets(topic, {"walkout": "the walkout"})
    store.save_predictions(topic, "v2", answers(pending(queries, topic, version="v2")))
    remove(store, topic, 0)
    store.drop_versions(topic, ["v1"])
    assert (len(audit(queries, topic)), len(audit(queries, topic, "v2"))) == (0, 2)
    store.sync_targets(topic, {"walkout": "the strike"})
    assert audit(queries, topic, "v2") == []
    store.sync_targets(topic, {"walkout": "the walkout"})
    assert len(audit(queries, topic, "v2")) == 2


def test_bundled_sample_posts_are_nobodys(store: Store, queries: Queries, topic: str) -> None:
    fill(store, queries, topic, authors=("anna", "ben"), source="sample")
    remove(store, topic, 0)
    assert len(audit(queries, topic)) == 1


def test_a_source_is_removed_as_if_it_had_never_been(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, queries, topic, authors=("anna", "ben"))
    store.remove_source(topic, "file")
    assert audit(queries, topic) == []
