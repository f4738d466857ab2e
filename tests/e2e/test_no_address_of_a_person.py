"""Post ids that are addresses name their authors: no such address is in what the program writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from monitor.cli import run

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
NUMBERS = range(12)
WHEN = "2020-06-02T10:00:00Z"


def did(n: int) -> str:
    return f"did:plc:{chr(ord('b') + n % 7)}{chr(ord('h') + n // 7)}zzyqv34567abcdefghijkl"


def bluesky_id(n: int) -> str:
    return f"at://{did(n)}/app.bsky.feed.post/3kpost{n}"


def mastodon_id(n: int) -> str:
    return f"https://instance.test/users/quillhandle{n}/statuses/{n}"


def event(n: int, operation: str, collection: str = "app.bsky.feed.post", **record: object) -> str:
    commit = {"operation": operation, "collection": collection, "rkey": f"3kpost{n}"}
    if record:
        commit["record"] = {"createdAt": WHEN, "langs": ["en"], **record}
    return json.dumps(
        {"did": did(n), "time_us": 1591092000000000, "kind": "commit", "commit": commit}
    )


def jetstream() -> Iterator[str]:
    for n in NUMBERS:
        subject = {"uri": bluesky_id(n)}
        yield event(n, "create", text=f"I stand with the strike, as {n} do")
        yield event(n, "create", "app.bsky.feed.repost", subject=subject)
    parent = {"parent": {"uri": bluesky_id(3)}}
    yield event(20, "create", text="So do I with this strike", reply=parent)
    yield event(21, "create", text=7)
    yield event(22, "create", text="I stand", createdAt="quillhandle9")


def status(n: int, **more: object) -> str:
    account = {
        "id": str(n),
        "acct": f"quillhandle{n}",
        "url": f"https://instance.test/@quillhandle{n}",
        "note": "",
    }
    return json.dumps(
        {
            "id": str(n),
            "uri": mastodon_id(n),
            "created_at": WHEN,
            "content": f"<p>I join the strike, too, {n}</p>",
            "language": "en",
            "visibility": "public",
            "account": account,
            **more,
        }
    )


def mastodon() -> Iterator[str]:
    yield from map(status, NUMBERS)
    yield status(20, reblog=json.loads(status(1)))
    yield status(21, content=None)


PRIVATE = ["did:plc:", "zzyqv34567", "quillhandle", "app.bsky.feed", "/statuses/"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    config = tmp_path / "config" / "topics"
    config.mkdir(parents=True)
    (config / "strike.toml").write_text(TOPIC)
    monkeypatch.setenv("MONITOR_CONFIG", str(config.parent))
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    structlog.reset_defaults()  # commands configure it for their process


def command(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints; nobody is named in it."""
    status = run(list(arguments))
    printed = capfd.readouterr()
    assert status == 0, printed.err
    assert [word for word in PRIVATE if word in printed.out + printed.err] == []
    return printed.out


def label(native_id: str, annotator: str) -> str:
    """Answers to both questions: a post with one of them may be asked the other one."""
    answers = [
        {"head": "stance", "target": "strike", "label": "favor"},
        {"head": "sentiment", "label": "positive"},
    ]
    about = {"id": native_id, "annotator": annotator, "sample": "random"}
    return "\n".join(json.dumps(about | answer) for answer in answers)


def test_addresses_of_posts_go_in_and_never_come_out(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = {"jetstream": [*jetstream()], "mastodon": [*mastodon()]}
    lines["native"] = [
        json.dumps({"id": bluesky_id(n), "text": f"The strike is on {n}", "created_at": WHEN,
                    "platform": "bluesky", "author": did(n), "reference": bluesky_id(1)})
        for n in range(30, 33)
    ]  # fmt: skip
    files = {name: tmp_path / f"{name}.jsonl" for name in (*lines, "gone", "labels", "out")}
    for name, content in lines.items():
        files[name].write_text("\n".join(content))

    stored = json.loads(command(capfd, "import", *(str(files[n]) for n in lines), "-v", "--json"))
    again = json.loads(command(capfd, "import", "--json", str(files["native"])))
    files["labels"].write_text(f"{label(bluesky_id(2), 'ada')}\n{label(mastodon_id(2), 'ada')}")
    labelled = json.loads(command(capfd, "label", "import", "--json", str(files["labels"])))
    queue = command(capfd, "label", "queue")  # of what nobody has labelled
    sealed = [each["id"] for each in map(json.loads, queue.splitlines())]
    files["labels"].write_text(label(sealed[0], "ben"))
    more = json.loads(command(capfd, "label", "import", "--json", str(files["labels"])))
    exported = command(capfd, "label", "export").splitlines()
    forgotten = [
        json.loads(command(capfd, "forget", "--json", "--platform", platform, "--post", native_id))
        for platform, native_id in (("bluesky", bluesky_id(4)), ("mastodon", mastodon_id(4)))
    ]
    files["gone"].write_text(event(5, "delete"))
    removed = json.loads(command(capfd, "import", "--json", str(files["gone"])))
    refused = json.loads(command(capfd, "import", "--json", str(files["mastodon"])))
    command(capfd, "status")
    command(capfd, "export", "coverage")

    assert (stored["stored"], stored["rejected"]) == (41, 3)
    assert again["stored"] == 0
    assert (labelled["stored"], more["stored"]) == (4, 2)
    assert len({json.loads(each)["id"] for each in exported}) == 3
    assert [each["strike"] for each in forgotten] == [2, 1], "a post and its repost, and a post"
    assert removed["removed"] == 2, "a post and its repost"
    assert refused["refused"] == 1
    written = b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"I stand with the strike" in written
    assert [word for word in PRIVATE if word.encode() in written] == []


def test_the_words_that_are_looked_for_are_in_what_goes_in() -> None:
    given = "\n".join([*jetstream(), *mastodon()])
    assert [word for word in PRIVATE if word not in given] == []
