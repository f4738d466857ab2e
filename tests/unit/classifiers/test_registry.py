import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from classifiers.errors import ModelFilesError, PromotionError, UnknownVersionError
from classifiers.integrity import verify
from classifiers.model_card import model_card
from classifiers.registry import PRETRAINED, SMALL, ModelVersion, Registry
from classifiers.version import read_version, write_version


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
