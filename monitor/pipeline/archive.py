"""Scores Parquet files of posts into Parquet files of answers, wherever fsspec can reach.

For archives that need not, or cannot, pass through the database. A file is a partition: it is
answered whole or not at all, by itself, so that any number of workers can share a folder and
whatever was interrupted goes on with the files that lack their answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from collectors.formats.fields import BadRecordError, take_language
from monitor.errors import ConfigurationError, MonitorError, UsageError
from monitor.language import language_of
from monitor.languages import UNDETERMINED, scored_languages
from monitor.pipeline.classify import ScoresTexts, whole_answer
from monitor.redaction import redact
from monitor.topic import Topic

BATCH_ROWS = 2048
_Batch = list[dict[str, Any]]
SUFFIX = ".parquet"
_COLUMNS = ("id", "platform", "text", "language")
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("platform", pa.string()),
        ("head", pa.string()),
        ("target", pa.string()),
        ("label", pa.string()),
        ("scores", pa.list_(pa.int32())),
        ("version", pa.string()),
    ]
)
"""Scores are in 1/10,000, in the order of the head's labels. Texts are not copied."""
_MADE_OF = b"monitor.made_of"


@dataclass(frozen=True, slots=True)
class ArchiveStep:
    """Files of posts and the folder for their answers.

    Attributes:
        source: URL of a folder, a file or a pattern (`s3://bucket/posts/*.parquet`, a path).
        target: URL of a folder; an answer file has the name of its posts' file.
    """

    source: str
    target: str

    def files(self) -> list[str]:
        """The files of posts, as `answer` takes them, by name.

        Raises:
            UsageError: There are none, or two of one name.
            ConfigurationError: A package for this kind of address is missing.
        """
        system, path = _located(self.source)
        if system.isdir(path):
            path = f"{path.rstrip('/')}/*{SUFFIX}"
        found = sorted(str(name) for name in system.glob(path) if str(name).endswith(SUFFIX))
        if not found:
            raise UsageError(
                f"there are no Parquet files at {self.source}",
                hint="name a folder, a file or a pattern such as s3://bucket/posts/*.parquet",
            )
        names = Counter(_name(file) for file in found)
        if twice := sorted(name for name, count in names.items() if count > 1):
            raise UsageError(
                f"several files at {self.source} are called {', '.join(twice[:3])}",
                hint="answers are called as their posts' files are: name one folder at a time",
            )
        return found

    def answer(
        self,
        file: str,
        topic: Topic,
        scorer: ScoresTexts,
        *,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Answers one file, unless it has been with this version; returns how many posts.

        A stop leaves the file unanswered.

        Raises:
            UsageError: It is no Parquet file, or lacks `id` or `text`; or where its answers go is
                a file that holds none.
            MonitorError: The answers cannot be written.
        """
        source, _ = _located(self.source)
        target, folder = _located(self.target)
        made_of = f"{source.ukey(file)} {scorer.version} {_questions(topic)}".encode()
        answers = f"{folder.rstrip('/')}/{_name(file)}"
        if _made_of(target, answers) == made_of:
            return 0
        ask = partial(_answered, topic=topic, scorer=scorer)
        # Its own: a worker that was given up may still be at the same file.
        draft = f"{answers}.{uuid4().hex}.part"
        try:
            target.makedirs(folder, exist_ok=True)
            with source.open(file, "rb") as posts, target.open(draft, "wb") as sink:
                count = _write(sink, _until(should_stop, _batches(posts, file)), made_of, ask)
            target.mv(draft, answers)
        except _StoppedError:
            return 0
        except OSError as exc:
            raise MonitorError(
                f"{file} cannot be answered in {folder}: {exc.strerror or type(exc).__name__}",
                hint="--to is a folder where this user may write and that has room",
            ) from exc
        finally:
            if target.exists(draft):
                target.rm(draft)
        return count


class _StoppedError(Exception):
    """A stop was asked for in the middle of a file."""


def _until(should_stop: Callable[[], bool], batches: Iterator[_Batch]) -> Iterator[_Batch]:
    for batch in batches:
        if should_stop():
            raise _StoppedError
        yield batch


def _write(
    sink: Any, batches: Iterator[_Batch], made_of: bytes, ask: Callable[[_Batch], tuple[Any, int]]
) -> int:
    """Writes the answers about every batch; returns about how many posts."""
    schema = _SCHEMA.with_metadata({_MADE_OF: made_of})
    count = 0
    with pq.ParquetWriter(sink, schema) as writer:
        for batch in batches:
            table, scored = ask(batch)
            writer.write_table(table.replace_schema_metadata(schema.metadata))
            count += scored
    return count


def _name(file: str) -> str:
    return file.rsplit("/", 1)[-1]


def _located(url: str) -> tuple[Any, str]:
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as exc:
        raise ConfigurationError(
            f"addresses like {url.partition('://')[0]}:// cannot be opened: {exc}",
            hint="install fsspec's package for it: s3fs, gcsfs, adlfs",
        ) from exc
    return system, str(path)


def _questions(topic: Topic) -> str:
    """What is asked of which posts: other targets or languages make other answers."""
    asked = [(target.name, target.text) for target in topic.targets]
    return repr((asked, sorted(topic.languages)))


def _made_of(system: Any, answers: str) -> bytes | None:
    """What a file of answers was made of; None where there is none, or none that is whole.

    Raises:
        UsageError: It holds something else: the posts themselves, say.
    """
    if not system.exists(answers):
        return None
    try:
        with system.open(answers, "rb") as file:
            told = pq.read_schema(file).metadata or {}
    except (pa.ArrowException, OSError):
        return None
    if _MADE_OF not in told:
        raise UsageError(
            f"{answers} is there already and holds no answers: it is not overwritten",
            hint="name a folder of its own with --to",
        )
    return bytes(told[_MADE_OF])


def _batches(stream: Any, file: str) -> Iterator[_Batch]:
    try:
        posts = pq.ParquetFile(stream)
        names = [name for name in _COLUMNS if name in posts.schema_arrow.names]
        if missing := {"id", "text"} - set(names):
            raise UsageError(f"{file} has no column {', '.join(sorted(missing))}")
        for batch in posts.iter_batches(BATCH_ROWS, columns=names):
            yield _as_texts(batch).to_pylist()
    except (pa.ArrowException, OSError, UnicodeError) as exc:
        raise UsageError(
            f"{file} is no complete Parquet file of posts ({type(exc).__name__})",
            hint="id, text, platform and language are columns of texts or numbers",
        ) from exc


def _as_texts(batch: Any) -> Any:
    """The same columns as texts: writers store these as bytes, and ids as numbers."""
    schema = pa.schema([(name, pa.string()) for name in batch.schema.names])
    return pa.Table.from_batches([batch]).cast(schema)


def _answered(batch: _Batch, topic: Topic, scorer: ScoresTexts) -> tuple[Any, int]:
    """The answers about those posts of a batch that the topic's scoring is for."""
    posts = [(post, redact(post["text"])) for post in batch if post["id"] and post["text"]]
    welcome = scored_languages(topic.languages)
    posts = [
        (post, text)
        for post, text in posts
        if (_told_language(post) or language_of(text) or UNDETERMINED) in welcome
    ]
    texts = list(dict.fromkeys(text for _, text in posts))
    answers = _by_text(texts, topic, scorer)
    rows = [
        {
            "id": post["id"],
            "platform": post.get("platform"),
            "head": head,
            "target": target,
            "label": label,
            "scores": list(parts),
            "version": scorer.version,
        }
        for post, text in posts
        for (head, target), (label, parts) in answers[text].items()
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA), len(posts)


def _told_language(post: dict[str, Any]) -> str | None:
    """What the file says of a post's language, read as `monitor import` reads it."""
    try:
        return take_language(post, "language")
    except BadRecordError:
        return None


def _by_text(
    texts: list[str], topic: Topic, scorer: ScoresTexts
) -> Mapping[str, dict[tuple[str, str], tuple[str, tuple[int, ...]]]]:
    answers: dict[str, dict[tuple[str, str], tuple[str, tuple[int, ...]]]]
    answers = {text: {} for text in texts}
    if not texts:
        return answers
    targets = topic.target_texts
    for scores in scorer.score(texts, targets, heads=None):
        for text, row in zip(texts, scores.probabilities.tolist(), strict=True):
            answers[text][scores.head, scores.target] = whole_answer(row, scores.labels)
    return answers
