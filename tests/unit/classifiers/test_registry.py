import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers.errors import ModelFilesError, PromotionError, UnknownVersionError
from classifiers.integrity import verify
from classifiers.model_card import model_card
from classifiers.model_config import WEIGHTS_FILES
from classifiers.registry import PRETRAINED, SMALL, ModelVersion, Registry
from classifiers.version import content_id, read_version, write_version


@pytest.fixture
def registry(tmp_path: Path, tiny: Path) -> Registry:
    return Registry(tmp_path / "models", tiny)


def add(registry: Registry, version_id: str, topic: str = "walkout") -> ModelVersion:
    shipped = registry.shipped()
    version = replace(
        shipped,
        id=version_id,
        topic=topic,
        base=shipped.id,
        parent=shipped.id,
        stage="candidate",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return registry.add(registry.workspace(), version)


def test_the_shipped_version_is_every_topics_first_champion(registry: Registry) -> None:
    assert registry.champion("walkout") == registry.shipped()
    assert registry.list("walkout") == [registry.shipped()]


def test_a_version_survives_writing_and_reading(tiny: Path, tmp_path: Path) -> None:
    version = replace(
        read_version(tiny), metrics={"a": {"b": 0.5}}, confusion={"stance/x": [[1, 2], [3, 4]]}
    )
    write_version(tmp_path, version)
    assert read_version(tmp_path) == version


def test_a_new_version_is_a_candidate_until_promoted(registry: Registry) -> None:
    assert add(registry, "aaaaaaaaaaaa").stage == "candidate"
    assert registry.promote("walkout", "aaaaaaaaaaaa").stage == "champion"
    assert registry.champion("walkout").id == "aaaaaaaaaaaa"
    assert [v.stage for v in registry.list("walkout")] == ["retired", "champion"]


def test_promoting_the_champion_again_changes_nothing(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    assert registry.rollback("walkout") == registry.shipped()


def test_a_version_counts_as_rolled_back_until_it_is_promoted_again(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    for _ in range(2):
        assert not registry.is_rolled_back("walkout", "aaaaaaaaaaaa")
        registry.rollback("walkout")
        assert registry.is_rolled_back("walkout", "aaaaaaaaaaaa")
        assert not registry.is_rolled_back("petition", "aaaaaaaaaaaa")
        registry.promote("walkout", "aaaaaaaaaaaa")


def test_rolling_back_goes_one_champion_back_at_a_time(registry: Registry) -> None:
    for version_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(registry, version_id)
        registry.promote("walkout", version_id)
    assert registry.rollback("walkout").id == "aaaaaaaaaaaa"
    assert registry.get("bbbbbbbbbbbb").stage == "retired"
    assert registry.rollback("walkout") == registry.shipped()
    with pytest.raises(PromotionError):
        registry.rollback("walkout")


def test_the_shipped_version_can_be_promoted_back(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    assert registry.promote("walkout", registry.shipped().id) == registry.shipped()


def test_topics_have_champions_of_their_own(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    assert registry.champion("airline") == registry.shipped()
    with pytest.raises(PromotionError, match="'walkout'"):
        registry.promote("airline", "aaaaaaaaaaaa")


@pytest.mark.parametrize("topic", ["../other", "", "a/b", ".hidden"])
def test_a_topics_name_cannot_lead_out_of_the_folder(registry: Registry, topic: str) -> None:
    with pytest.raises(PromotionError):
        registry.promote(topic, registry.shipped().id)


def test_an_unknown_version_is_refused(registry: Registry) -> None:
    with pytest.raises(UnknownVersionError, match="cccccccccccc"):
        registry.promote("walkout", "cccccccccccc")


def test_adding_a_version_again_keeps_the_first(registry: Registry) -> None:
    assert add(registry, "aaaaaaaaaaaa") == add(registry, "aaaaaaaaaaaa")
    assert len(registry.list()) == 2


def test_what_a_crash_left_half_made_is_not_a_version(registry: Registry, tmp_path: Path) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.workspace()
    (tmp_path / "models" / "bbbbbbbbbbbb").mkdir()
    assert [v.id for v in registry.list("walkout")][1:] == ["aaaaaaaaaaaa"]


def test_a_crash_before_the_rename_leaves_the_old_champion(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(registry, version_id)
    registry.promote("walkout", "aaaaaaaaaaaa")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        registry.promote("walkout", "bbbbbbbbbbbb")
    assert registry.champion("walkout").id == "aaaaaaaaaaaa"


def test_versions_outlive_an_upgrade_of_the_shipped_one(
    registry: Registry, tmp_path: Path, tiny: Path
) -> None:
    old = registry.shipped().id
    add(registry, "aaaaaaaaaaaa")
    upgraded = shutil.copytree(tiny, tmp_path / "upgraded")
    write_version(upgraded, replace(read_version(tiny), id="dddddddddddd"))
    after = Registry(tmp_path / "models", upgraded)
    assert after.get("aaaaaaaaaaaa").base == old
    assert list(after.path(old).glob("model*.safetensors"))
    assert after.list()[0].id == "dddddddddddd"


def upgraded(registry: Registry, tiny: Path, temperature: float) -> Registry:
    """The same versions after an upgrade to a base that differs by its temperature."""
    shipped = shutil.copytree(tiny, registry.folder.parent / f"shipped-{temperature}")
    before = read_version(tiny)
    now = dict.fromkeys(before.temperature, temperature)
    made_of = content_id(sorted(shipped.glob(WEIGHTS_FILES)), {"temperature": now})
    write_version(shipped, replace(before, id=made_of, temperature=now))
    return Registry(registry.folder, shipped)


def test_a_promoted_base_outlives_the_next_upgrade(registry: Registry, tiny: Path) -> None:
    add(registry, "aaaaaaaaaaaa")
    registry.promote("walkout", "aaaaaaaaaaaa")
    between, after = (upgraded(registry, tiny, temperature) for temperature in (2.0, 3.0))
    promoted, shipped = between.shipped().id, after.shipped().id
    between.promote("walkout", promoted)
    assert after.champion("walkout").id == promoted
    assert {version.id: version.stage for version in after.list("walkout")} == {
        shipped: "retired",
        promoted: "champion",
        "aaaaaaaaaaaa": "retired",
    }
    assert [version.id for version in after.list("airline")] == [shipped]
    assert after.prune("walkout", 0) == ()
    assert after.rollback("walkout").id == "aaaaaaaaaaaa"


def test_the_other_shipped_base_is_kept_when_promoted(registry: Registry) -> None:
    small = read_version(SMALL).id
    assert registry.promote("walkout", small).id == small
    verify(registry.folder / small)
    shutil.rmtree(registry.folder / small)  # as earlier programs did
    assert [version.id for version in registry.list("walkout")][1:] == [small]


def test_no_rollback_goes_to_a_version_that_is_not_there(registry: Registry) -> None:
    for version_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(registry, version_id)
        registry.promote("walkout", version_id)
    shutil.rmtree(registry.path("aaaaaaaaaaaa"))
    with pytest.raises(UnknownVersionError, match="aaaaaaaaaaaa"):
        registry.rollback("walkout")
    assert registry.champion("walkout").id == "bbbbbbbbbbbb"


def test_another_version_can_be_promoted_where_the_champion_is_missing(registry: Registry) -> None:
    for version_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        add(registry, version_id)
    registry.promote("walkout", "aaaaaaaaaaaa")
    shutil.rmtree(registry.path("aaaaaaaaaaaa"))
    assert [version.id for version in registry.list("walkout")][1:] == ["bbbbbbbbbbbb"]
    assert registry.promote("walkout", "bbbbbbbbbbbb").id == "bbbbbbbbbbbb"


def test_damaged_files_say_what_to_do(registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "champions"
    folder.mkdir(parents=True)
    (folder / "walkout.json").write_text("{")
    with pytest.raises(ModelFilesError) as caught:
        registry.champion("walkout")
    assert "remove it" in caught.value.hint
    assert [path.name for path in folder.iterdir()] == ["walkout.json"]


def test_the_shipped_model_is_what_it_was_made_as() -> None:
    verify(PRETRAINED)


def test_the_oldest_candidates_go_and_champions_of_any_time_stay(registry: Registry) -> None:
    for number, version_id in enumerate(
        ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd")
    ):
        made = add(registry, version_id)
        write_version(
            registry.path(version_id),
            replace(made, created_at=datetime(2026, 1, 1 + number, tzinfo=UTC)),
        )
    registry.promote("walkout", "aaaaaaaaaaaa")
    registry.promote("walkout", "dddddddddddd")
    assert registry.prune("walkout", 1) == ("bbbbbbbbbbbb",)
    left = [version.id for version in registry.list("walkout")][1:]
    assert left == ["aaaaaaaaaaaa", "cccccccccccc", "dddddddddddd"]
    assert registry.prune("walkout", 0, needed={"cccccccccccc"}) == ()
    assert registry.rollback("walkout").id == "aaaaaaaaaaaa"
    assert registry.prune("walkout", 0, needed={"cccccccccccc"}) == ()  # it may come back


def test_promotions_at_the_same_moment_are_all_kept(registry: Registry) -> None:
    versions = [f"{number:012x}" for number in range(12)]
    for version_id in versions:
        add(registry, version_id)
    with ThreadPoolExecutor(len(versions)) as threads:
        list(threads.map(lambda version_id: registry.promote("walkout", version_id), versions))
    ruled = {registry.champion("walkout").id}
    while registry.rollback("walkout") != registry.shipped():
        ruled.add(registry.champion("walkout").id)
    assert ruled == set(versions)


def test_versions_are_made_at_the_same_moment(registry: Registry) -> None:
    versions = [f"{number:012x}" for number in range(12)]
    with ThreadPoolExecutor(len(versions)) as threads:
        list(threads.map(lambda version_id: add(registry, version_id), versions))
    assert {version.id for version in registry.list("walkout")[1:]} == set(versions)


def test_a_damaged_version_is_made_anew(registry: Registry) -> None:
    shipped = registry.shipped()

    def made() -> ModelVersion:
        workspace = registry.workspace()
        weights = workspace / "model-corrections.safetensors"
        weights.write_bytes(b"weights")
        about = {"temperature": shipped.temperature, "base": shipped.id, "topic": "walkout"}
        version = content_id([weights], about)
        return registry.add(
            workspace, replace(shipped, id=version, topic="walkout", base=shipped.id)
        )

    version = made().id
    registry.check(version)
    for folder, file in ((version, "model-corrections.safetensors"), (shipped.id, "config.json")):
        (registry.folder / folder / file).write_bytes(b"")  # as after a loss of power
    with pytest.raises(ModelFilesError):
        registry.check(version)
    assert made().id == version
    registry.check(version)


@pytest.fixture
def read_only(tiny: Path, tmp_path: Path) -> Iterator[Path]:
    """The shipped base, installed without write bits."""
    shipped = shutil.copytree(tiny, tmp_path / "package")
    for path in shipped.iterdir():
        path.chmod(0o444)
    shipped.chmod(0o555)
    yield shipped
    shipped.chmod(0o755)


def test_a_base_that_is_installed_read_only_is_kept_writable(
    read_only: Path, tmp_path: Path
) -> None:
    registry = Registry(tmp_path / "models", read_only)
    registry.promote("walkout", registry.shipped().id)
    add(registry, "aaaaaaaaaaaa")
    kept = registry.folder / registry.shipped().id
    assert all(path.stat().st_mode & 0o200 for path in (kept, *kept.iterdir()))
    verify(kept)


def test_a_base_that_cannot_be_kept_leaves_nothing(
    read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("classifiers.registry.write_hashes", full)
    registry = Registry(tmp_path / "models", read_only)
    with pytest.raises(OSError, match="No space left"):
        add(registry, "aaaaaaaaaaaa")
    assert not list(registry.folder.glob(".copying-*"))


def test_a_damaged_description_hides_no_other_version(registry: Registry) -> None:
    for version_id, topic in (("aaaaaaaaaaaa", "walkout"), ("bbbbbbbbbbbb", "airline")):
        add(registry, version_id, topic)
    damaged = registry.path("bbbbbbbbbbbb")
    (damaged / "version.json").write_text("{")
    with pytest.warns(RuntimeWarning, match="bbbbbbbbbbbb/version.json describes no version"):
        assert [version.id for version in registry.list("walkout")][1:] == ["aaaaaaaaaaaa"]
    with pytest.warns(RuntimeWarning, match="left out"):
        assert registry.prune("walkout", 0) == ("aaaaaaaaaaaa",)
    assert damaged.exists()
    for strict in (registry.get, registry.check):
        with pytest.raises(ModelFilesError):
            strict("bbbbbbbbbbbb")


def test_what_killed_processes_left_is_removed_after_a_day(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    old, new = registry.workspace(), registry.workspace()
    os.utime(old, (0, time.time() - 25 * 3600))
    registry.prune("walkout", 5)
    assert (old.exists(), new.exists()) == (False, True)


def test_what_the_gate_found_is_kept_with_the_version_and_in_its_card(registry: Registry) -> None:
    add(registry, "aaaaaaaaaaaa")
    check = {"name": "better", "passed": False, "told": "not better", "figures": {"rows": 3.0}}
    described = registry.describe(
        "aaaaaaaaaaaa", verdict=[check], card=lambda one: model_card(one, "1.2.3")
    )
    assert registry.get("aaaaaaaaaaaa").verdict == [check] == list(described.verdict)
    card = (registry.path("aaaaaaaaaaaa") / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    assert "- FAILED: not better" in card
    assert "must not take over" in card
    with pytest.raises(PromotionError):
        registry.describe(registry.shipped().id, verdict=[], card=lambda _: "")


def test_what_another_shipped_base_answered_stays_readable(tmp_path: Path) -> None:
    standard, small = (Registry(tmp_path / "models", path) for path in (PRETRAINED, SMALL))
    assert standard.shipped() != small.shipped()
    for registry in (standard, small):
        assert registry.path(standard.shipped().id) == PRETRAINED
        assert registry.path(small.shipped().id) == SMALL
    assert [version.id for version in small.list("walkout")] == [small.shipped().id]
