"""The nightly run lets what was said of removed posts go, by the topic's own minimum."""

from pathlib import Path

from collectors.post import Checkpoint
from monitor.bootstrap.application import open_application
from monitor.bootstrap.removal import purge
from monitor.kept import KeptDeletion, KeptPage
from monitor.store.values import HumanLabel, Prediction
from tests.contract.store_values import NOW, post
from tests.small_installation import write_topic

PEOPLE = 12


def test_a_purge_drops_removed_answers_once_the_topics_minimum_of_people_has_gone(
    tmp_path: Path,
) -> None:
    write_topic(tmp_path)
    places = {"MONITOR_HOME": str(tmp_path / "home"), "MONITOR_CONFIG": str(tmp_path / "config")}
    app = open_application(places, clock=lambda: NOW)  # before authors are purged
    topic, question = app.topic("strike"), ("sentiment", "")
    posts = tuple(post(str(n)) for n in range(PEOPLE))
    app.store.save_page("strike", "file", KeptPage(Checkpoint({}), posts), at=NOW)
    waiting = app.queries.pending("strike", "v1", [question], languages=["en"], limit=PEOPLE)
    scored = [
        Prediction(one.id, one.text_digest, *question, "neutral", (1, 1, 1)) for one in waiting
    ]
    app.store.save_predictions("strike", "v1", scored)
    said = [HumanLabel(one.native_id, "x", *question, "neutral", "ann", "random") for one in posts]
    app.store.save_labels("strike", said, at=NOW)
    left = []
    for number in range(topic.minimum_authors):
        app.store.remove("strike", KeptDeletion("x", str(number), None, "deleted"), at=NOW)
        purge(app, topic)
        left.append(len(app.queries.audit_labels("strike", *question, "v1")))
    assert left == [PEOPLE] * (topic.minimum_authors - 1) + [PEOPLE - topic.minimum_authors]
