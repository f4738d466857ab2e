"""Makes the bundled sample posts from their phrases and curve; the same files at every run.

`python config/samples/generate.py` writes them, with `--check` it only says whether the committed
files are what it makes.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from writing import Author, Authors, Labels, Writer

FOLDER = Path(__file__).parent / "facebook-walkout-2020"
ZONE = ZoneInfo("America/Los_Angeles")
STANCES = ("favor", "against", "none")
SENTIMENTS = ("negative", "neutral", "positive")
QUESTIONS = (("sentiment", ""), ("stance", "walkout"), ("stance", "leaving-posts-up"))
SCORED_LANGUAGE = "en"
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 10, 11, 10, 9, 9, 8, 8, 7, 7, 7, 6, 5, 4)
NOTE = (
    "Shares of what is really in the posts, not of the curve that they were drawn from: opinions "
    "(no reposts) in English, deleted posts taken out, by day in America/Los_Angeles."
)


@dataclass(frozen=True)
class SamplePost:
    """A post with what the files do not say of it: its labels and its author's cohort."""

    native_id: str
    created_at: datetime
    author: Author
    text: str
    language: str
    kind: str
    reference: str | None
    labels: Labels | None

    @property
    def day(self) -> date:
        """The calendar day where the company sits."""
        return self.created_at.astimezone(ZONE).date()

    def answer(self, head: str, target: str) -> str:
        """The true label for one question; only texts in the scored language have one."""
        if self.labels is None:
            raise LookupError(f"{self.native_id} carries no labels")
        return self.labels.answer(head, target)


@dataclass(frozen=True)
class Corpus:
    """All posts in the order of their time, and which of them are deleted later."""

    posts: tuple[SamplePost, ...]
    deleted: frozenset[str]
    lines: tuple[str, ...]
    audit: tuple[SamplePost, ...]

    @property
    def opinions(self) -> list[SamplePost]:
        """What figures are about: not deleted, not a repost, in the topic's language."""
        return [
            post
            for post in self.posts
            if post.kind != "repost"
            and post.language == SCORED_LANGUAGE
            and post.native_id not in self.deleted
        ]


def generate() -> Corpus:
    """The whole corpus, drawn from the committed phrases and curve with a fixed seed."""
    phrases, curve = _source("phrases"), _source("curve")
    rng, parts = random.Random(curve["seed"]), curve["parts"]
    authors = Authors(curve["authors"], phrases["descriptions"], rng)
    writer = Writer(phrases, parts, rng)
    posts = [post for day in _days(curve, rng) for post in _opinions(day, curve, authors, writer)]
    posts = _linked(posts, parts, rng)
    posts = _numbered(posts + _reposts(posts, parts, authors))
    deleted = frozenset(one.native_id for one in posts if rng.random() < parts["deleted"])
    corpus = Corpus(tuple(posts), deleted, tuple(_lines(posts, deleted, parts, rng)), ())
    return replace(corpus, audit=tuple(rng.sample(corpus.opinions, curve["audit"]["posts"])))


def _source(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / "source" / f"{name}.toml").read_text(encoding="utf-8"))


def _days(curve: Mapping[str, Any], rng: random.Random) -> Iterator[tuple[date, Mapping[str, Any]]]:
    days = {date.fromisoformat(day): said for day, said in curve["days"].items()}
    yield from days.items()
    day, tail = max(days), curve["tail"]
    while day < tail["last"]:
        day += timedelta(1)
        yield day, {**tail, "posts": rng.randint(*tail["posts"])}


def _opinions(
    of_day: tuple[date, Mapping[str, Any]],
    curve: Mapping[str, Any],
    authors: Authors,
    writer: Writer,
) -> Iterator[SamplePost]:
    day, said = of_day
    rng = authors.rng
    for _ in range(said["posts"]):
        cohort = "employees" if rng.random() < said["employees"] else "public"
        author = authors.draw(cohort)
        if rng.random() < curve["parts"]["other_languages"]:
            language, labels = rng.choice(["es", "es", "de", "fr"]), None
            text = writer.write_foreign(language)
        else:
            language, labels = SCORED_LANGUAGE, _drawn_labels(said, cohort, curve, rng)
            known = day >= curve["walkout"]["known_from"]
            text = writer.write(labels, cohort, walkout_known=known)
        yield SamplePost("", _moment(day, rng), author, text, language, "original", None, labels)


def _drawn_labels(
    said: Mapping[str, Any], cohort: str, curve: Mapping[str, Any], rng: random.Random
) -> Labels:
    walkout = rng.choices(STANCES, said[f"walkout_{cohort}"])[0]
    decisions = curve["decision_given_walkout"].get(walkout, said["decision"])
    decision = rng.choices(STANCES, decisions)[0]
    moods = curve["sentiment_given"][f"{walkout}_{decision}"]
    return Labels(walkout, decision, rng.choices(SENTIMENTS, moods)[0])


def _moment(day: date, rng: random.Random) -> datetime:
    hour = rng.choices(range(24), HOURS)[0]
    local = datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)), ZONE)
    return local.astimezone(UTC)


def _linked(
    posts: Sequence[SamplePost], parts: Mapping[str, float], rng: random.Random
) -> list[SamplePost]:
    """Makes some posts replies to, or quotes of, an earlier one of their platform.

    Until `_numbered` a reference is the index of the other post.
    """
    linked = list[SamplePost]()
    earlier: dict[str, list[int]] = {}
    for index, original in enumerate(sorted(posts, key=_when)):
        post = original
        known = earlier.setdefault(post.author.platform, [])
        roll = rng.random()
        other = rng.choice(known[-60:]) if known else None
        if other is not None and roll < parts["replies"]:
            name = linked[other].author.name.replace("-", "_")
            text = f"@{name} {post.text}" if rng.random() < 0.6 else post.text
            post = replace(post, kind="reply", reference=str(other), text=text)
        elif other is not None and roll < parts["replies"] + parts["quotes"]:
            post = replace(post, kind="quote", reference=str(other))
        known.append(index)
        linked.append(post)
    return linked


def _reposts(
    posts: Sequence[SamplePost], parts: Mapping[str, float], authors: Authors
) -> list[SamplePost]:
    """Repetitions of posts within two days, by people of the same platform."""
    rng, last = authors.rng, posts[-1].day
    reposts = []
    for index, post in enumerate(posts):
        if rng.random() >= parts["reposts"]:
            continue
        later = post.created_at + timedelta(minutes=rng.randint(2, 2000))
        author = authors.draw(post.author.cohort, platform=post.author.platform)
        repost = replace(post, kind="repost", reference=str(index), author=author, created_at=later)
        if repost.day <= last:
            reposts.append(repost)
    return reposts


def _numbered(posts: Sequence[SamplePost]) -> list[SamplePost]:
    """In the order of time, with an id each, and references that name ids."""
    order = sorted(range(len(posts)), key=lambda index: posts[index].created_at)
    ids = {
        index: f"sample-{posts[index].author.platform}-{number:05d}"
        for number, index in enumerate(order, start=1)
    }
    return [
        replace(
            posts[index],
            native_id=ids[index],
            reference=None if (other := posts[index].reference) is None else ids[int(other)],
        )
        for index in order
    ]


def _when(post: SamplePost) -> datetime:
    return post.created_at


def _lines(
    posts: Sequence[SamplePost],
    deleted: frozenset[str],
    parts: Mapping[str, float],
    rng: random.Random,
) -> Iterator[str]:
    """The lines of the file as they arrive: mostly in the order of time, some late, some twice."""
    arrivals: list[tuple[float, str]] = []
    for index, post in enumerate(posts):
        late = rng.uniform(20, 900) if rng.random() < parts["late"] else 0.0
        arrivals.append((index + late, _post_line(post)))
        if rng.random() < parts["repeated"]:
            arrivals.append((index + late + rng.uniform(1, 400), _post_line(post)))
        if post.native_id in deleted:
            # Some deletions arrive before a late post does, and it must not come back.
            arrivals.append((index + rng.uniform(0.5, 700), _deletion_line(post)))
    return (line for _, line in sorted(arrivals))


def _post_line(post: SamplePost) -> str:
    fields = {
        "id": post.native_id,
        "created_at": post.created_at.isoformat().replace("+00:00", "Z"),
        "platform": post.author.platform,
        "author": post.author.name,
        "self_description": post.author.self_description,
        "language": post.language,
        "kind": post.kind,
        "reference": post.reference,
        "text": post.text,
    }
    return _json({name: value for name, value in fields.items() if value is not None})


def _deletion_line(post: SamplePost) -> str:
    return _json({"id": post.native_id, "platform": post.author.platform, "deleted": True})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def label_lines(corpus: Corpus) -> Iterator[str]:
    """The audit labels: every question about every drawn post."""
    for post in corpus.audit:
        for head, target in QUESTIONS:
            record = {"id": post.native_id, "platform": post.author.platform, "head": head}
            answer = {"label": post.answer(head, target)}
            source = {"annotator": "sample-truth", "sample": "random"}
            yield _json(record | ({"target": target} if target else {}) | answer | source)


def truth(corpus: Corpus) -> dict[str, Any]:
    """The shares that figures made from these posts should find."""
    days = []
    for day in sorted({post.day for post in corpus.opinions}):
        of_day = [post for post in corpus.opinions if post.day == day]
        for cohort in ("all", "employees", "public"):
            posts = [one for one in of_day if cohort in ("all", one.author.cohort)]
            days += [_shares(day, cohort, question, posts) for question in QUESTIONS if posts]
    return {"note": NOTE, "days": days}


def _shares(
    day: date, cohort: str, question: tuple[str, str], posts: Sequence[SamplePost]
) -> dict[str, Any]:
    head, target = question
    names = SENTIMENTS if head == "sentiment" else STANCES
    answers = [post.answer(head, target) for post in posts]
    shares = {name: round(answers.count(name) / len(answers), 6) for name in names}
    where = {"day": day.isoformat(), "cohort": cohort, "head": head, "target": target}
    return {**where, "shares": shares, "posts": len(posts)}


def files(corpus: Corpus) -> dict[str, bytes]:
    """The content of every generated file, `posts.jsonl` not yet compressed."""
    truth_lines = ",\n".join(f"  {_json(one)}" for one in truth(corpus)["days"])
    return {
        "posts.jsonl": _text(corpus.lines),
        "labels.jsonl": _text(label_lines(corpus)),
        "truth.json": f'{{"note": {_json(NOTE)},\n"days": [\n{truth_lines}\n]}}\n'.encode(),
    }


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def committed(name: str) -> bytes:
    """A committed file's content; the compressed one is compared by what is in it."""
    if name == "posts.jsonl":
        return gzip.decompress((FOLDER / "posts.jsonl.gz").read_bytes())
    return (FOLDER / name).read_bytes()


def write(name: str, content: bytes) -> None:
    """Writes one generated file, the posts compressed without a time stamp."""
    if name == "posts.jsonl":
        content, name = gzip.compress(content, mtime=0), "posts.jsonl.gz"
    (FOLDER / name).write_bytes(content)


def main(arguments: Sequence[str]) -> int:
    """Writes the files, or with `--check` compares them; returns the exit code."""
    made = files(generate())
    if "--check" not in arguments:
        for name, content in made.items():
            write(name, content)
        return 0
    differing = [name for name, content in made.items() if committed(name) != content]
    print(f"differs: {', '.join(differing)}" if differing else "the files are what is made here")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
