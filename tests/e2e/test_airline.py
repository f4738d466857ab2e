"""A real dated series from import to validated daily figures, against people's own labels."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from command_line import Place

LABELS_DRAWN = 300
EVERY = 10
"""Of the series' posts every so many-th is used: the days keep their mix, scoring is short."""

TOPIC = """
name = "airline"
title = "Tweets to six airlines"
timezone = "UTC"
start = 2015-02-16
end = 2015-02-25
languages = ["en"]

[[targets]]
name = "airline"
text = "the airline"

[queries]
terms = ["airline"]
"""


def truth(posts: list[dict[str, Any]]) -> dict[str, float]:
    """Each day's share of negative posts, as people labelled them."""
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for post in posts:
        days[post["created_at"][:10]][post["label"]] += 1
    return {day: counts["negative"] / counts.total() for day, counts in days.items()}


def negative(figures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [f for f in figures if f["head"] == "sentiment" and f["label"] == "negative"]


@pytest.mark.timeout(1200)
def test_a_new_series_is_withheld_until_audited_and_right_afterwards(
    shared_data: Path, tmp_path: Path
) -> None:
    series = shared_data / "series_airline2015" / "posts.jsonl"
    lines = series.read_text(encoding="utf-8").splitlines()[::EVERY]
    posts = [json.loads(line) for line in lines]
    (tmp_path / "posts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    place = Place(tmp_path)
    place.add_topic("airline", TOPIC)

    imported = place.json("import", tmp_path / "posts.jsonl", "--assume-distinct-authors", "--json")
    assert (imported["records"], imported["stored"]) == (len(posts), len(posts))
    place.run("run", "--until-idle")
    first = place.json("export", "aggregates", "--format", "json")
    shown = [figure for figure in negative(first) if figure["posts"] is not None]
    hidden = len(posts) - sum(figure["posts"] for figure in shown)
    assert hidden < 10  # only a day of fewer authors than may be shown
    assert {figure["withheld"] for figure in shown} == {"unvalidated"}
    assert all(figure["share"] is None and figure["share_raw"] is None for figure in shown)

    labels = tmp_path / "audit.jsonl"
    drawn = random.Random(0).sample(posts, LABELS_DRAWN)
    labelled = [
        {"id": p["id"], "head": "sentiment", "label": p["label"], "annotator": "people",
         "sample": "random"}
        for p in drawn
    ]  # fmt: skip
    labels.write_text("\n".join(map(json.dumps, labelled)))
    assert place.json("label", "import", labels, "--json")["stored"] == LABELS_DRAWN
    assert place.json("retrain", "--promote", "auto", "--json")["promoted"] is True

    exported = place.run("export", "aggregates", "--format", "json")
    figures = negative(json.loads(exported))
    released = {f["day"]: f["share"] for f in figures if f["share"] is not None}
    by_people = truth(posts)
    assert len(released) >= len(by_people) - 1
    errors = [abs(share - by_people[day]) for day, share in released.items()]
    assert sum(errors) / len(errors) <= 0.05

    place.run("run", "--until-idle")
    assert place.run("export", "aggregates", "--format", "json") == exported
