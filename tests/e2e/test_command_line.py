"""The command line as a user meets it, each command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command_line import ROOT, Place

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-08
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.add_topic("strike", TOPIC)
    return made


def write_posts(path: Path, count: int = 40) -> Path:
    lines = [
        {
            "id": f"p{n}",
            "text": f"@boss{n} I stand with the strike, day {n}",
            "created_at": f"2020-06-0{1 + n % 5}T10:00:00Z",
            "author": f"handle{n}",
            "self_description": "secretly a worker",
            "platform": "x",
        }
        for n in range(count)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_second_import_of_a_file_stores_nothing_new(place: Place, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts.jsonl")
    assert place.json("import", posts, "--json")["stored"] == 40
    again = place.json("import", posts, "--json")
    assert (again["stored"], again["repeated"]) == (0, 40)


def test_a_file_covers_days_of_the_topic_s_time_zone(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.add_topic("strike", TOPIC.replace("UTC", "America/Los_Angeles"))
    place.run("import", write_posts(tmp_path / "posts.jsonl", 1))
    told = place.json("export", "coverage", "--format", "json")
    hours = sorted(one["hour"] for one in told if one["status"] == "complete")
    assert len(hours) == 24
    assert (hours[0][:13], hours[-1][:13]) == ("2020-06-01T07", "2020-06-02T06")


def test_options_may_stand_before_or_after_the_command(place: Place, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts.jsonl")
    before = place.json("--topic", "strike", "--json", "import", posts)
    after = place.json("import", "--topic", "strike", "--json", posts)
    assert before["topic"] == after["topic"] == "strike"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["--topic", "none", "status"], 2, "topics in", id="unknown topic"),
        pytest.param(["import", "nowhere.jsonl"], 1, "nowhere.jsonl", id="no such file"),
        pytest.param(["export", "aggregates", "--by", "author"], 2, "author", id="bad split"),
        pytest.param(["export", "aggregates", "--since", "yesterday"], 2, "2020-06-01", id="day"),
        pytest.param(["frobnicate"], 2, "No such command", id="unknown command"),
        pytest.param(["models", "promote", "0123456789ab"], 1, "0123456789ab", id="no version"),
        pytest.param(["retrain"], 1, "no labelled posts", id="nothing to train on"),
        pytest.param(["forget", "--platform", "x", "--author", ""], 2, "empty", id="no author"),
        pytest.param(["forget", "--platform", "x", "--post", " "], 2, "empty", id="no post"),
        pytest.param(["forget", "--platform", "", "--post", "1"], 2, "empty", id="no platform"),
        pytest.param(["forget", "--platform", "x", "--author", "\udcff"], 2, "UTF-8", id="a byte"),
        pytest.param(["collect", "x"], 2, "not enabled", id="a source that is off"),
    ],
)
def test_errors_say_what_happened_and_what_to_do(
    place: Place, arguments: list[str], code: int, says: str
) -> None:
    assert says in place.run(*arguments, code=code)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param("whole --since 2020-06-01 --unit texts", "--since, --unit", id="whole"),
        pytest.param("whole --until 2020-06-02 --by platform", "--until, --by", id="whole split"),
        pytest.param("labels --by cohort", "--by", id="labels"),
        pytest.param("coverage --unit posts", "--unit", id="coverage"),
        pytest.param("changes --include-unvalidated", "--include-unvalidated", id="changes"),
    ],
)
def test_an_export_refuses_options_that_it_would_not_look_at(
    place: Place, arguments: str, says: str
) -> None:
    what = arguments.partition(" ")[0]
    said = place.run("export", *arguments.split(), code=2)
    assert f"{says}: not for `monitor export {what}`" in said


def test_coverage_begins_with_the_topic_however_early_the_first_day(
    place: Place, tmp_path: Path
) -> None:
    place.run("import", write_posts(tmp_path / "posts.jsonl", 5))
    asked = ("export", "coverage", "--format", "json")
    assert place.json(*asked, "--since", "0001-01-01") == place.json(*asked)


def test_garbage_is_counted_and_the_rest_is_kept(place: Place, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts.jsonl", 5)
    with posts.open("ab") as file:
        file.write(
            b"\n{broken\n\xff\xfe\n" + b"x" * 10_000_000 + b'\n{"id": 1, "text": "no date"}\n'
        )
    counts = place.json("import", posts, "--json")
    assert (counts["stored"], counts["rejected"], counts["records"]) == (5, 4, 9)


def test_a_file_of_garbage_alone_ends_with_1(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "noise.jsonl"
    path.write_bytes(os.urandom(5000))
    assert "could be read" in place.run("import", path, "--format", "jsonl", code=1)


def test_topics_check_explains_every_mistake_with_its_place(place: Place) -> None:
    place.add_topic("wrong", TOPIC.replace('"strike"', '"wrong"', 1).replace("UTC", "Mars"))
    said = place.run("topics", "check", code=2)
    assert "line 4" in said
    assert "Mars" in said


def test_topics_check_says_which_target_is_asked_the_other_way_round(place: Place) -> None:
    place.add_topic(
        "wrong",
        TOPIC.replace('"strike"', '"wrong"', 1).replace(
            'text = "the strike"', 'text = "ending the strike"'
        ),
    )
    said = place.run("topics", "check")
    assert "'ending the strike' is asked as 'the strike', favor and against exchanged" in said
    assert said.count("exchanged") == 1


def test_score_answers_in_order_with_probabilities(place: Place) -> None:
    lines = [
        {"id": "a", "text": "I love it"},
        {"id": "b", "text": "I hate the strike", "target": "the strike"},
        {"id": "c", "text": ""},
    ]
    printed = place.run("score", stdin="\n".join(map(json.dumps, lines)))
    answers = [json.loads(line) for line in printed.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    assert [set(answer) for answer in answers] == [
        {"id", "sentiment", "version"},
        {"id", "sentiment", "stance", "version"},
        {"id", "sentiment", "version"},
    ]
    for answer in answers:
        assert sum(answer["sentiment"].values()) == pytest.approx(1, abs=2e-4)
    assert not (place.home / "monitor.db").exists()


def test_score_asks_about_the_option_where_a_line_names_no_target(place: Place) -> None:
    named = (None, "", " ", "\u200b")
    lines = [{"id": n, "text": "fine", "target": own} for n, own in enumerate(named)]
    printed = place.run("score", "--target", "x", stdin="\n".join(map(json.dumps, lines)))
    assert ["stance" in json.loads(line) for line in printed.splitlines()] == [True] * 4


def test_score_tells_bad_lines_and_scores_the_others(place: Place) -> None:
    lines = ('{"id": 1, "text": "fine"}', "not json", '{"id": 1e999, "text": "fine"}')
    said = place.run("score", stdin="\n".join(lines), code=1)
    assert '"id": 1' in said
    assert "line 2: not JSON" in said
    assert "line 3: field 'id' is not a finite number" in said  # no JSON could tell it
    assert "Infinity" not in said


def test_no_handle_name_or_description_reaches_what_the_program_writes(
    place: Place, tmp_path: Path
) -> None:
    posts = write_posts(tmp_path / "posts.jsonl")
    printed = place.run("import", posts, "-v")
    printed += place.run("run", "--until-idle", "-v")
    printed += place.run("export", "aggregates", "--by", "platform,cohort,language")
    printed += place.run("status")
    written = b"".join(p.read_bytes() for p in place.home.rglob("*") if p.is_file())
    for n in range(40):
        for private in (f"handle{n}", f"@boss{n}", "secretly"):
            assert private not in printed
            assert private.encode() not in written


def test_forgetting_an_author_removes_their_posts_for_good(place: Place, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts.jsonl")
    place.run("import", posts)
    assert place.json("forget", "--platform", "x", "--author", "handle7", "--json") == {"strike": 1}
    again = place.json("import", posts, "--json")
    assert (again["stored"], again["refused"]) == (0, 1)


def test_labels_go_in_out_and_in_again(place: Place, tmp_path: Path) -> None:
    place.run("import", write_posts(tmp_path / "posts.jsonl"))
    queue = tmp_path / "queue.jsonl"
    place.run("label", "queue", "--count", "10", "--output", queue)
    asked = [json.loads(line) for line in queue.read_text().splitlines()]
    assert len(asked) == 20
    answers = [
        q | {"label": "favor" if q["head"] == "stance" else "neutral", "annotator": "a"}
        for q in asked
    ]
    queue.write_text("\n".join(map(json.dumps, answers)))
    assert place.json("label", "import", queue, "--json")["stored"] == 20
    exported = tmp_path / "labels.jsonl"
    place.run("label", "export", "--output", exported)
    again = place.json("label", "import", exported, "--json")
    assert (again["stored"], again["repeated"]) == (0, 20)


def test_real_posts_make_the_sample_go(tmp_path: Path) -> None:
    place = Place(tmp_path, settings={"MONITOR_CONFIG": str(ROOT / "config")})
    place.run("collect")
    assert place.json("status", "--json")["sample"] is True
    posts = write_posts(tmp_path / "posts.jsonl")
    assert place.json("import", posts, "--json")["sample_removed"] > 3000
    place.run("collect")
    status = place.json("status", "--json")
    assert (status["posts"], status["sample"], status["labels"]) == (40, False, 0)


def test_ctrl_c_ends_the_daemon_within_ten_seconds(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        settings={"MONITOR_CONFIG": str(ROOT / "config"), "MONITOR_DASHBOARD__PORT": "0"},
    )
    daemon = place.start("run")
    assert daemon.stdout is not None
    for line in daemon.stdout:
        if "job_finished" in line:  # it is at work now, and scoring comes next
            break
    started = time.monotonic()
    os.killpg(daemon.pid, signal.SIGINT)
    try:
        daemon.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(daemon.pid, signal.SIGKILL)
        raise
    assert time.monotonic() - started < 10
    assert daemon.returncode == 0


def test_a_used_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    place = Place(
        tmp_path,
        settings={"MONITOR_CONFIG": str(ROOT / "config"), "MONITOR_DASHBOARD__PORT": "0"},
    )
    first = place.start("serve")
    assert first.stdout is not None
    port = first.stdout.readline().split(":")[3].split()[0]
    try:
        said = place.run("serve", code=2, more={"MONITOR_DASHBOARD__PORT": port})
        assert f"127.0.0.1:{port}" in said
        assert "MONITOR_DASHBOARD__PORT" in said
    finally:
        first.terminate()
        first.communicate(timeout=20)
