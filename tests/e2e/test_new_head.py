"""A new question is one file and its labels: asked, labelled, learnt, judged, shown, taken back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from monitor.bootstrap.application import Application
from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.labelling import label_step
from monitor.bootstrap.scoring import classify, pending
from monitor.commands.daemon import dashboard_server
from monitor.labelfiles.shapes import SHAPES
from monitor.pipeline.classify import questions_of
from monitor.pipeline.label_items import exported_items, queue_items
from monitor.retraining import Deed, retrain_topic, roll_back
from tests.desk_fakes import kept_post
from tests.new_head import NAME, new_head
from tests.small_installation import fill, opened, write_topic
from tests.tiny_model import make_tiny_model

POSTS, LABELS = 150, 120
TEXTS = {"yes": "I will be there tomorrow, count me in, {n}", "no": "there is news about it, {n}"}
QUESTION = (NAME, "strike")
LABEL = "/topics/strike/label"


def truth(number: int) -> str:
    return "no" if number % 3 else "yes"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Application]:
    """Posts that a base without the head has scored and counted; then the head's file comes."""
    write_topic(tmp_path, ', { name = "board", text = "the board" }')
    shipped = make_tiny_model(tmp_path / "shipped")
    made = opened(tmp_path, shipped, {"MONITOR_AUDIT__MINIMUM_LABELS": str(LABELS)})
    fill(
        made,
        (
            kept_post(str(n), TEXTS[truth(n)].format(n=n))._replace(author=f"author {n}")
            for n in range(POSTS)
        ),
    )
    with new_head(tmp_path / "heads"):
        yield made


def score_and_count(app: Application) -> int:
    scored = classify(app, app.topic("strike"))["posts"]
    aggregate(app, app.topic("strike"))
    return scored


@pytest.fixture
def page(app: Application) -> Iterator[httpx.Client]:
    server = dashboard_server(app)
    server.start()
    same = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(
        base_url=server.url, headers=same, follow_redirects=True, timeout=60
    ) as client:
        yield client
    server.stop()


def import_labels(app: Application, folder: Path, count: int = LABELS) -> None:
    lines = [
        {"id": str(n), "head": NAME, "target": "strike", "label": truth(n), "annotator": "a",
         "sample": "random"}
        for n in range(count)
    ]  # fmt: skip
    path = folder / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    counts = label_step(app, app.topic("strike")).import_file(app.topic("strike"), path).counts
    assert counts["stored"] + counts["repeated"] == count, counts


def asked_of(page: httpx.Client) -> dict[str, str]:
    """The hidden fields of the question that is asked."""
    hidden = r'name="(csrf|post|text_digest|sample|head|target)" value="([^"]*)"'
    return dict(re.findall(hidden, page.get(LABEL).text))


def say(page: httpx.Client, form: dict[str, str], choice: str) -> None:
    page.post(LABEL, data=form | {"choice": choice}).raise_for_status()


def heads_of_figures(app: Application) -> set[tuple[str, str]]:
    figures = app.figures.released(app.topic("strike"), include_unvalidated=True)
    return {(one.head, one.target) for one in figures}


def retrained(app: Application) -> Deed:
    return retrain_topic(app, app.topic("strike"), who="test", promote="auto")


def test_a_question_without_a_classifier_holds_nothing_up_and_is_told(
    app: Application, page: httpx.Client
) -> None:
    before = app.queries.shown_version("strike")
    assert pending(app, app.topic("strike")) == 0
    assert score_and_count(app) == 0
    assert app.queries.shown_version("strike") == before is not None
    assert heads_of_figures(app) == {("sentiment", ""), ("stance", "strike"), ("stance", "board")}
    volumes = app.figures.volumes(app.topic("strike"))
    assert {one.unscored for one in volumes} <= {0, None}
    told = {(one.head, one.target): one for one in app.figures.validation(app.topic("strike"))}
    assert not told[QUESTION].answered
    assert told["stance", "strike"].answered
    text = page.get("/topics/strike").text
    assert f"no classifier yet, {LABELS} more checked posts needed" in text
    assert "This question has no classifier yet" in text


def test_it_can_be_queued_labelled_on_the_page_and_exported(
    app: Application, page: httpx.Client
) -> None:
    topic = app.topic("strike")
    items, questions = queue_items(
        app.queries, topic, None, choose="random", limit=10, random_part=1.0
    )
    assert len(items) == 10
    assert QUESTION in questions
    form = asked_of(page)
    while form["head"] != NAME:  # stance comes first
        say(page, form, "none")
        form = asked_of(page)
    text = page.get(LABEL).text
    assert "Does the author announce to take part in the strike?" in text
    assert "They say that they will." in text
    say(page, form, "yes")
    assert asked_of(page)["target"] == "board"
    say(page, asked_of(page), "off_topic")
    said = {(one.head, one.target): one.label for one in app.queries.examples("strike")}
    assert (said[NAME, "board"], said[QUESTION]) == ("no", "no")
    kept = exported_items(app.queries, topic, texts=False)
    for name, shape in SHAPES.items():
        written = shape.write(kept, questions_of(topic))
        assert NAME in written, name


@pytest.mark.timeout(600)
def test_it_is_learnt_judged_promoted_shown_and_rolled_back(
    app: Application, page: httpx.Client, tmp_path: Path
) -> None:
    topic, shipped = app.topic("strike"), app.registry.shipped()
    import_labels(app, tmp_path)
    deed = retrained(app)
    version = deed.retrained.version
    assert deed.promoted, deed.retrained.reason
    assert "the labels' mix alone, as the champion does not answer" in deed.retrained.reason
    assert version.learnt == ((NAME, "the strike"),)
    assert not version.answers(NAME, "the board")
    assert not shipped.answers(NAME, "the strike")

    assert app.queries.shown_version("strike") == shipped.id
    assert pending(app, topic) == POSTS
    assert score_and_count(app) == POSTS
    assert app.queries.shown_version("strike") == version.id
    assert heads_of_figures(app) == {
        ("sentiment", ""), ("stance", "strike"), ("stance", "board"), QUESTION,
    }  # fmt: skip
    shares = {one.label: one.share for one in app.figures.released(topic) if one.head == NAME}
    assert shares["yes"] == pytest.approx(1 / 3, abs=0.1)
    text = page.get("/topics/strike").text
    assert "Announces towards the strike" in text
    assert text.count("This question has no classifier yet") == 1  # towards the board

    roll_back(app, topic, who="test")
    assert QUESTION not in heads_of_figures(app)
    assert pending(app, topic) == 0


@pytest.mark.timeout(600)
def test_the_next_version_is_judged_beside_the_one_that_learnt_it(
    app: Application, tmp_path: Path
) -> None:
    import_labels(app, tmp_path)
    first = retrained(app).retrained.version
    same = retrained(app)
    assert not same.promoted
    assert same.retrained.is_champion
    assert "nothing that the champion has not learnt" in same.retrained.reason
    assert app.registry.get(first.id).verdict == first.verdict
    import_labels(app, tmp_path, POSTS)
    again = retrained(app).retrained
    better = next(check for check in again.verdict.checks if check.name == "better")
    assert "of the champion (" in better.told
    assert again.version.learnt == first.learnt
