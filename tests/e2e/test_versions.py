"""A model version's life: made from labels, promoted, shown, rolled back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Place
from test_command_line import TOPIC

OPINIONS = {
    "positive": ("a wonderful day for everybody number {n}", "so glad about item {n}, well done"),
    "negative": ("a terrible day, number {n} is a disgrace", "so angry about item {n}, shameful"),
}


def write(path: Path, lines: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.mark.timeout(600)
def test_a_version_is_made_promoted_shown_and_rolled_back(tmp_path: Path) -> None:
    place = Place(tmp_path, settings={"MONITOR_CLASSIFY__BASE": "standard"})
    place.add_topic("strike", TOPIC)
    posts, labels = [], []
    for n in range(60):
        label = ("positive", "negative")[n % 2]
        text = OPINIONS[label][n // 2 % 2].format(n=n)
        posts.append({"id": f"p{n}", "text": text, "created_at": "2020-06-02T10:00:00Z",
                      "author": f"a{n}"})  # fmt: skip
        labels.append({"id": f"p{n}", "head": "sentiment", "label": label, "sample": "random"})
    place.run("import", write(tmp_path / "posts.jsonl", posts))
    place.run("run", "--until-idle")
    shipped = place.json("status", "--json")["shown"]
    before = place.run("export", "aggregates", "--include-unvalidated")
    place.run("label", "import", write(tmp_path / "labels.jsonl", labels))

    made = place.json("retrain", "--json")
    assert not made["promoted"]
    assert place.json("status", "--json")["shown"] == shipped

    place.run("models", "promote", made["version"])
    status = place.json("status", "--json")
    assert (status["champion"], status["shown"], status["pending"]) == (
        made["version"], made["version"], 0,
    )  # fmt: skip
    stages = {v["version"]: v["stage"] for v in place.json("models", "list", "--json")}
    assert stages[made["version"]] == "champion"

    place.run("models", "rollback")
    assert place.json("status", "--json")["shown"] == shipped
    assert place.run("export", "aggregates", "--include-unvalidated") == before
