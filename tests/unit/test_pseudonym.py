from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from collectors.post import ASSUMED_AUTHOR
from monitor.errors import ConfigurationError
from monitor.kept import ASSUMED
from monitor.pseudonym import KeyRing, load_key

DAY = date(2020, 6, 1)


def test_the_same_author_keeps_the_same_pseudonym_across_restarts(tmp_path: Path) -> None:
    first = KeyRing(tmp_path, "topic", 30).of("x", "42", DAY)
    assert KeyRing(tmp_path, "topic", 30).of("x", "42", DAY) == first


def test_two_topics_cannot_be_joined(tmp_path: Path) -> None:
    one, other = KeyRing(tmp_path, "one", 30), KeyRing(tmp_path, "other", 30)
    assert one.of("x", "42", DAY) != other.of("x", "42", DAY)


def test_the_same_id_on_two_platforms_is_two_authors(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, "topic", 30)
    assert ring.of("x", "42", DAY) != ring.of("mastodon", "42", DAY)


def test_an_assumed_author_s_pseudonym_says_so(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, "topic", 30)
    for author, is_assumed in ((f"{ASSUMED_AUTHOR}7", True), ("7", False)):
        pseudonym = ring.of("x", author, DAY)
        assert pseudonym.startswith(ASSUMED) == is_assumed
        assert ring.every("x", author) == [pseudonym]


def test_the_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    load_key(tmp_path / "topic.key")
    assert stat.S_IMODE((tmp_path / "topic.key").stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "topic.key"), range(32)))
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["topic.key"]


def test_zeros_that_an_earlier_program_left_are_replaced_by_one_new_key(tmp_path: Path) -> None:
    (tmp_path / "topic.key").write_bytes(bytes(32))
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(tmp_path / "topic.key"), range(32)))
    assert len(keys) == 1
    assert bytes(32) not in keys
    assert [path.name for path in tmp_path.iterdir()] == ["topic.key"]


@pytest.mark.parametrize("what", ["exists", "read_bytes"])
def test_a_key_that_may_not_be_read_is_a_clear_error(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    load_key(tmp_path / "topic.key")
    monkeypatch.setattr(Path, what, refuse)
    with pytest.raises(ConfigurationError, match=r"topic\.key cannot be read or made: Permission"):
        load_key(tmp_path / "topic.key")


def test_a_folder_of_keys_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file in its place")
    with pytest.raises(ConfigurationError, match=r"topic\.key cannot be read or made"):
        load_key(tmp_path / "keys" / "topic.key")


def test_a_damaged_key_is_refused_instead_of_replaced(tmp_path: Path) -> None:
    (tmp_path / "topic.key").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        load_key(tmp_path / "topic.key")
