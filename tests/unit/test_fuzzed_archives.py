"""A backup that a stranger or a broken disk has made: refused, and nothing of it escapes."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutations import mutated

from monitor.archive import MANIFEST, pack, unpack
from monitor.errors import MonitorError
from monitor.sealing import Seal, write_new_key

MEBIBYTE = 1 << 20


def archive(folder: Path) -> bytes:
    (folder / "one").write_bytes(b"a database, so to say" * 50)
    (folder / "two").write_bytes(bytes(range(256)))
    made = io.BytesIO()
    pack(made, {"database/monitor.db": folder / "one", "keys/strike.key": folder / "two"}, {"n": 1})
    return made.getvalue()


def handmade(files: dict[str, bytes], listed: object) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as one:
        for name, content in files.items():
            one.writestr(name, content)
        one.writestr(MANIFEST, json.dumps(listed))
    made.seek(0)
    return made


@given(seed=st.integers(0, 2**32), data=st.data())
@settings(max_examples=300)
def test_a_damaged_archive_is_either_refused_or_whole(
    seed: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    good = archive(folder)
    whole = unpack(io.BytesIO(good), None, most_bytes=MEBIBYTE)
    to = folder / "out"
    try:
        found = unpack(io.BytesIO(mutated(good, seed)), to, most_bytes=MEBIBYTE)
    except MonitorError:
        pass
    else:
        assert found.files == whole.files
    written = {path.relative_to(folder).parts[0] for path in folder.rglob("*")}
    assert written <= {"one", "two", "out"}


@given(content=st.binary(max_size=400))
@settings(max_examples=200)
def test_bytes_that_are_no_archive_are_refused(content: bytes) -> None:
    with pytest.raises(MonitorError):
        unpack(io.BytesIO(content), None, most_bytes=MEBIBYTE)


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "keys/../../evil", "keys/.hidden", "keys\\..\\evil", "keys/a\0b",
     "models/a/b/c/d/e", "elsewhere/file", "keys/", "keys//x", "database/" + "n" * 300 + "/../x"],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    listed = {"files": {name: {"bytes": 4, "sha256": "x"}}}
    with pytest.raises(MonitorError):
        unpack(handmade({name: b"evil"}, listed), tmp_path / "out", most_bytes=MEBIBYTE)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "listed",
    [[], {}, {"files": []}, {"files": {"keys/x": 1}}, {"files": {"keys/x": {"bytes": "many"}}},
     {"files": {"keys/x": {"bytes": -1, "sha256": ""}}}, {"files": {"keys/x": {}}}, None, "text"],
)  # fmt: skip
def test_a_manifest_that_makes_no_sense_is_refused(listed: object) -> None:
    with pytest.raises(MonitorError):
        unpack(handmade({"keys/x": b"x"}, listed), None, most_bytes=MEBIBYTE)


def test_what_swells_beyond_its_manifest_stops_there(tmp_path: Path) -> None:
    listed = {"files": {"keys/x": {"bytes": 10, "sha256": ""}}}
    bomb = handmade({"keys/x": b"\0" * (200 * MEBIBYTE)}, listed)
    tracemalloc.start()
    try:
        with pytest.raises(MonitorError, match="not what the manifest says"):
            unpack(bomb, tmp_path / "out", most_bytes=MEBIBYTE)
        assert tracemalloc.get_traced_memory()[1] < 20 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out/keys/x").stat().st_size <= 2 * MEBIBYTE


def test_what_says_that_it_does_not_fit_is_refused_before_it_is_written(tmp_path: Path) -> None:
    listed = {"files": {"keys/x": {"bytes": 10**15, "sha256": ""}}}
    with pytest.raises(MonitorError, match="there is room for"):
        unpack(handmade({"keys/x": b"x"}, listed), tmp_path / "out", most_bytes=MEBIBYTE)
    assert not (tmp_path / "out").exists()


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_damaged_locked_file_never_opens(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sealed")
    write_new_key(folder / "key")
    seal = Seal((folder / "key").read_text())
    locked, opened = io.BytesIO(), io.BytesIO()
    seal.lock(io.BytesIO(b"a secret" * 100), locked)
    changed = mutated(locked.getvalue(), seed)
    try:
        seal.open(io.BytesIO(changed), opened)
    except MonitorError:
        return
    assert opened.getvalue() == b"a secret" * 100
