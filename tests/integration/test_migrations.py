"""Every database that a released program has written can be opened by this one, with its rows.

`revisions/<revision>.<database>.sql` is a dump (`sqlite3 .dump`, `pg_dump --inserts`) of a small
database as the program of that revision wrote it. It is made once, when the revision is
released, and never changed: a new revision in `monitor/store/migrations/versions` needs both.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import new_database, postgres_server
from sqlalchemy import Engine, delete, insert, inspect, select, text, update

import monitor.store.migrations
from monitor.authors import AuthorSketch
from monitor.cli import cli
from monitor.commands.call import Call
from monitor.errors import StoreError
from monitor.releases import Atom, Chain, Terms, Vintage, revise
from monitor.store.engine import known_revisions, migrate, open_engine, reading, writing
from monitor.store.queries import Queries
from monitor.store.releases import ReleaseKey, chains, pack
from monitor.store.rows import AGGREGATES, AUDIT_LOG, POSTS, RELEASES, Row
from monitor.store.values import VOLUME, DailyAggregate

__all__ = ["postgres_server"]

SEEDS = Path(__file__).parent / "revisions"
SCRIPTS = ScriptDirectory(str(Path(monitor.store.migrations.__file__).parent))
REVISIONS = sorted(script.revision for script in SCRIPTS.walk_revisions())
ROWS = {
    "posts": 3,
    "predictions": 4,
    "labels": 1,
    "tombstones": 2,
    "rejections": 1,
    "coverage": 1,
    "checkpoints": 1,
    "targets": 1,
    "days": 1,
    "aggregates": 1,
    "model_versions": 1,
    "shown_versions": 1,
    "job_runs": 1,
    "leases": 1,
    "audit_log": 1,
    "tallies": 2,  # of older databases they are counted on the way
}
LATER = {
    "reads": "0002",
    "scoring": "0002",
    "unscored": "0002",
    "releases": "0003",
    "training_posts": "0003",
    "accesses": "0003",
    "privacy_budgets": "0003",
    "users": "0004",
    "sessions": "0004",
    "api_tokens": "0004",
    "label_marks": "0004",
    "tasks": "0004",
    "incidents": "0004",
    "sealings": "0005",
    "alert_rules": "0008",
    "chosen_posts": "0006",
    "removed_answers": "0009",
}
"""Tables that came with a later revision: its dump has a row in each, earlier ones have none."""

DAY = date(2020, 6, 1)
CELL = ("x", "public", "en")
WROTE = select(POSTS.c.author).where(POSTS.c.author.is_not(None), POSTS.c.kind != "repost")


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database."""
    return str(request.param)


@pytest.fixture
def database_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'monitor.db'}"
    else:
        with new_database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open, empty database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def plant(url: str, kind: str, revision: str) -> None:
    """Fills an empty database with what the program of a revision wrote."""
    script = (SEEDS / f"{revision}.{kind}.sql").read_text(encoding="utf-8")
    if kind == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(script)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(script.encode())


def row_counts(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in (*ROWS, *LATER)
        }


def differences(engine: Engine) -> list[Any]:
    """What the migrated schema lacks or has too much of."""
    with reading(engine) as connection:
        return compare_metadata(MigrationContext.configure(connection), Row.metadata)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_is_brought_up_to_date_with_its_rows(
    database_url: str, kind: str, revision: str
) -> None:
    plant(database_url, kind, revision)
    engine = open_engine(database_url)
    migrate(engine)
    counts, missing = row_counts(engine), differences(engine)
    examples = Queries(engine).examples("walkout")
    engine.dispose()
    later = {name: int(revision >= since) for name, since in LATER.items()}
    assert counts == ROWS | later
    assert missing == []
    assert [(each.text, each.label) for each in examples] == [("an invented text – 🪧", "favor")]


def volume_of(authors: Iterable[str], **changes: Any) -> DailyAggregate:
    sketch = AuthorSketch.of(authors)
    volume = DailyAggregate(
        "walkout", DAY, *CELL, VOLUME, "", "",
        posts=3, reposts=11, authors=AuthorSketch.count(sketch), authors_sketch=sketch,
        label_counts={}, soft_sums={},
    )  # fmt: skip
    return replace(volume, **changes)


def plant_reposts(
    engine: Engine, state: DailyAggregate, shown: DailyAggregate, answered: Iterable[str]
) -> None:
    """A counted day with reposts, an earlier state of it that was shown, and who was answered."""
    asked = {"head": "stance", "target": "walkout", "version": "v1", "reposts": 0}
    stance = replace(state, **asked, authors_sketch=AuthorSketch.of(answered))
    atom = Atom(CELL, 0, None, AuthorSketch.hashes(shown.authors_sketch))
    vintage = Vintage(datetime(2020, 6, 2, tzinfo=UTC), frozenset({CELL}), {CELL: shown})
    with writing(engine) as connection:
        connection.execute(delete(AGGREGATES))
        connection.execute(insert(AGGREGATES), [asdict(state), asdict(stance)])
        content = pack(Chain((vintage,), (atom,)))
        connection.execute(
            update(RELEASES).where(RELEASES.c.head == VOLUME).values(content=content)
        )


def volume_chain(engine: Engine) -> Chain:
    with reading(engine) as connection:
        found = chains(connection, "walkout")
    return found[ReleaseKey(DAY, VOLUME, "", "")].chain


def test_who_only_reposted_is_no_author_of_a_volume_any_more(database_url: str, kind: str) -> None:
    plant(database_url, kind, "0009")
    engine = open_engine(database_url)
    with reading(engine) as connection:
        wrote = set(connection.execute(WROTE).scalars())
    state = volume_of([*wrote, "purged", *map(str, range(11))])
    plant_reposts(engine, state, state, ["purged"])
    migrate(engine)
    cells = Queries(engine).cells("walkout", [], DAY, DAY + timedelta(days=1))
    chain = volume_chain(engine)
    engine.dispose()
    assert wrote
    assert cells == [volume_of([*wrote, "purged"])]
    assert chain.vintages[0].base == {CELL: cells[0]}
    assert [atom.authors for atom in chain.atoms] == [frozenset()]


def test_what_was_shown_of_a_day_with_reposts_lets_no_later_change_of_few_out(
    database_url: str, kind: str
) -> None:
    plant(database_url, kind, "0009")
    engine = open_engine(database_url)
    people = [f"author {n}" for n in range(20)]
    shown = volume_of([*people, *map(str, range(11))], posts=20)
    state = replace(shown, posts=19)
    plant_reposts(engine, state, shown, people)
    migrate(engine)
    live = {CELL: volume_of(people[1:], posts=19)}
    chain = volume_chain(engine)
    engine.dispose()
    revised = revise(chain, live, Terms(10, datetime(2020, 6, 3, tzinfo=UTC)))
    assert revised == chain


def test_versions_that_were_shown_before_are_found_in_the_log(database_url: str, kind: str) -> None:
    plant(database_url, kind, "0010")
    engine = open_engine(database_url)
    switches = [("walkout", "v2"), ("gone", "v9"), ("walkout", "v0"), ("walkout", "v2")]
    with writing(engine) as connection:
        for topic, version in switches:
            connection.execute(
                insert(AUDIT_LOG).values(
                    logged_at=datetime(2020, 6, 2, tzinfo=UTC),
                    actor="pipeline",
                    action="version_shown",
                    details={"topic": topic, "version": version},
                )
            )
    migrate(engine)
    shown = {topic: Queries(engine).shown_versions(topic) for topic in ("walkout", "gone")}
    engine.dispose()
    assert shown == {"walkout": ["v1", "v2", "v0"], "gone": []}


def contents(engine: Engine) -> dict[str, list[Any]]:
    """Every row of every table."""
    with reading(engine) as connection:
        names = inspect(connection).get_table_names()
        return {name: list(connection.execute(text(f"SELECT * FROM {name}"))) for name in names}


@pytest.fixture
def doctor(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """What `monitor doctor` says, with an empty home."""
    monkeypatch.setenv("MONITOR_DATABASE_URL", database_url)

    def run() -> str:
        call = Call()
        cli.main(["doctor"], obj=call, standalone_mode=False)
        call.app._opened.dispose()
        structlog.reset_defaults()  # it would go on writing to the test's captured stream
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("revision", [REVISIONS[0], "0004", REVISIONS[-2]])
def test_doctor_says_that_a_database_is_older_and_leaves_it_as_it_is(
    database_url: str,
    engine: Engine,
    kind: str,
    revision: str,
    doctor: Callable[[], str],
    tmp_path: Path,
) -> None:
    plant(database_url, kind, revision)
    before = contents(engine)
    said = doctor()
    assert f"at revision {revision}, this program wants {REVISIONS[-1]}\n" in said
    assert "any other command migrates it" in said
    assert contents(engine) == before
    assert not (tmp_path / "home/keys").exists()


def test_doctor_seals_no_post_ids(
    database_url: str, engine: Engine, kind: str, doctor: Callable[[], str], tmp_path: Path
) -> None:
    plant(database_url, kind, "0004")
    migrate(engine)
    before = contents(engine)
    assert "warning database: post ids of walkout are not sealed yet" in doctor()
    assert contents(engine) == before
    assert not (tmp_path / "home/keys").exists()


def test_doctor_finds_nothing_wrong_with_a_database_that_is_not_there_yet(
    doctor: Callable[[], str],
) -> None:
    assert "\nok      database: " in doctor()


def test_an_empty_database_gets_the_schema_of_the_tables(engine: Engine) -> None:
    migrate(engine)
    assert differences(engine) == []
    assert set(inspect(engine).get_table_names()) == {*ROWS, *LATER, "alembic_version"}


def test_a_database_newer_than_the_program_is_refused_untouched(engine: Engine) -> None:
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999") as caught:
        migrate(engine)
    assert "Update" in caught.value.hint
    with reading(engine) as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    assert version == "9999"


def test_a_database_of_something_else_is_refused_untouched(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE posts (mine TEXT)"))
    with pytest.raises(StoreError):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["posts"]


def test_threads_that_migrate_at_once_all_find_it_done(engine: Engine) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: migrate(engine), range(3)))
    assert differences(engine) == []


def test_processes_that_migrate_at_once_all_find_it_done(database_url: str) -> None:
    code = (
        "import sys; from monitor.store.engine import known_revisions, migrate, open_engine;"
        "migrate(open_engine(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, database_url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors


def test_making_a_table_anew_on_sqlite_does_not_take_its_dependants_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remake_posts(config: Config, revision: str) -> None:
        config.attributes["connection"].execute(text("DELETE FROM posts"))

    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    plant(url, "sqlite", REVISIONS[-1])
    engine = open_engine(url)
    with writing(engine) as connection:  # so that there is a step to take
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{REVISIONS[-2]}'"))
    monkeypatch.setattr("monitor.store.migration.command.upgrade", remake_posts)
    migrate(engine)
    counts = row_counts(engine)
    engine.dispose()
    assert (counts["posts"], counts["predictions"], counts["labels"]) == (0, 4, 1)


def test_the_files_of_the_steps_begin_with_their_revisions() -> None:
    """What the program takes for the newest revision, without asking Alembic, is Alembic's."""
    assert known_revisions() == set(REVISIONS)
    assert max(known_revisions()) == SCRIPTS.get_current_head()
