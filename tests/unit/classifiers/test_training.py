"""The recipe from its file to a base on disk, at a size that takes seconds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifiers import training, training_batches, training_run
from classifiers.asked import Asked, AskedPost
from classifiers.assessment import Assessment, unrelated_pairs
from classifiers.batches import Encoded, encode, to_batch
from classifiers.dataset import NO_STANCE, OFF_TOPIC, read_labelled
from classifiers.distillation import Teacher, TeacherSettings, ask_about_something
from classifiers.encoder import Classifier
from classifiers.errors import ModelFilesError, TrainingError
from classifiers.fitting import distillation_loss
from classifiers.heads import all_heads
from classifiers.heads.stance import HEAD as STANCE
from classifiers.integrity import HASHES_FILE, verify
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import as_written
from classifiers.naming import Naming, read_names
from classifiers.recipe import read_recipe
from classifiers.registry import BASES, PRETRAINED
from classifiers.starting_weights import load_starting_weights, starting_shape
from classifiers.tokenisation import Tokeniser
from classifiers.version import content_id, read_version, write_version
from tests.tiny_model import make_tiny_model

LABELS = ("favor", "against", "none")
RECIPE = """
[run]
seed = 3
encoder = "{encoder}"
layers = 4
held_layers = 0
precision = "fp32"
epochs = 1
passes = 2
average_from = {average_from}
steps = 100
batch_tokens = 200
learning_rate = 1e-3
layer_decay = 0.9
head_rate = 2.0
warm_up = 0.1
class_weight_power = 0.5
label_smoothing = 0.0
relevance_weight = 0.3
post_tokens = 40
targets_per_post = 4
checkpoint_steps = 1
{teacher}
[targets]
unrelated = 0.5
opposed = 0.2
rephrased = 0.2
[[sets]]
name = "moods"
head = "sentiment"
rows = 12
[[sets]]
name = "sides"
head = "stance"
rows = 12
[[unlabelled]]
name = "others"
rows = 6
[[validation]]
name = "moods"
head = "sentiment"
metric = "macro_recall"
[[validation]]
name = "sides"
head = "stance"
metric = "macro_f1"
[[validation]]
name = "others"
head = "stance"
metric = "macro_f1"
"""
TAUGHT = '[teacher]\nfolder = "{encoder}"\nweight = 0.5\ntemperature = 2.0\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    moods = [
        {
            "id": f"m{n}",
            "text": f"a day number {n}",
            "label": ("negative", "neutral", "positive")[n % 3],
        }
        for n in range(24)
    ]
    sides = [
        {
            "id": f"s{n}",
            "text": f"the walkout {n}",
            "target": f"plan {n % 4}",
            "label": LABELS[n % 3],
        }
        for n in range(24)
    ]
    others = [
        {
            "id": f"o{n}",
            "text": f"something else, {n} times",
            "target": "rain",
            "label": LABELS[n % 3],
        }
        for n in range(24)
    ]
    for name, rows in {"moods": moods, "sides": sides, "others": others}.items():
        for split in ("train", "val"):
            path = tmp_path / "data" / name / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path / "data"


def write_recipe(
    place: Path, tiny: Path, *, teacher: str = TAUGHT, average_from: float = 0.1
) -> Path:
    taught = teacher.format(encoder=tiny)
    recipe = RECIPE.format(encoder=tiny, teacher=taught, average_from=average_from)
    place.mkdir(exist_ok=True)
    (place / "recipe.toml").write_text(recipe, encoding="utf-8")
    return place / "recipe.toml"


def trained(place: Path, data: Path, tiny: Path, *more: str, teacher: str = TAUGHT) -> Path:
    """Runs the command in a place of its own; returns the folder of the base that it made."""
    recipe = write_recipe(place, tiny, teacher=teacher)
    asked = ["--config", recipe, "--data", data, "--output", place / "made"]
    arguments = [*asked, "--checkpoints", place / "checkpoints"]
    assert training.main([*map(str, arguments), "--threads", "1", *more]) == 0
    return place / "made"


def test_the_same_recipe_makes_the_same_base(data: Path, tiny: Path, tmp_path: Path) -> None:
    first, again = (trained(tmp_path / name, data, tiny) for name in ("first", "again"))
    verify(first)
    assert read_version(first).id == read_version(again).id
    assert read_version(first).metrics["moods"]["rows"] == 24
    (first / TOKENIZER_FILE).write_bytes((first / TOKENIZER_FILE).read_bytes() + b" ")
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json changed"):
        verify(first)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
def test_what_is_shipped_knows_the_hashes_of_its_files(base: Path) -> None:
    assert (base / HASHES_FILE).is_file()
    verify(base)


def test_last_digits_of_a_temperature_make_no_other_version(
    data: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another processor, or number of threads, adds up the same figures in another order."""
    made = trained(tmp_path, data, tiny)
    before, assess = read_version(made), training.assess

    def moved(by: float) -> Callable[..., Assessment]:
        def assessed(*asked: Any) -> Assessment:
            found = assess(*asked)
            moved = {name: np.add(one, by).tolist() for name, one in found.temperature.items()}
            return replace(found, temperature=moved)

        return assessed

    monkeypatch.setattr(training, "assess", moved(2e-4))
    trained(tmp_path, data, tiny, "--judge")
    assert (read_version(made).id, read_version(made).temperature) == (
        before.id,
        before.temperature,
    )
    monkeypatch.setattr(training, "assess", moved(2e-2))
    trained(tmp_path, data, tiny, "--judge")
    assert read_version(made).id != before.id


def test_a_base_is_judged_again_without_training(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = trained(tmp_path, data, tiny)
    before = read_version(made)
    weights = {path.name: path.read_bytes() for path in made.glob("*.safetensors")}
    assert trained(tmp_path, data, tiny, "--judge") == made
    assert read_version(made) == before
    with (data / "moods" / "val.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(
            json.dumps({"id": f"n{n}", "text": f"no day {n}", "label": "negative"}) + "\n"
            for n in range(60)
        )
    trained(tmp_path, data, tiny, "--judge")
    after = read_version(made)
    verify(made)
    assert after.metrics["moods"]["rows"] == 84
    assert (after.id, after.temperature) != (before.id, before.temperature)
    assert {path.name: path.read_bytes() for path in made.glob("*.safetensors")} == weights
    told = capsys.readouterr().out.rpartition(f"version {after.id}")[2]
    part = next(line for line in told.splitlines() if "| moods | with a negation |" in line)
    assert part.endswith("| 60 |")
    assert "| asked | about | post, and what was said | right |" in told


def test_a_changed_temperature_is_noticed(data: Path, tiny: Path, tmp_path: Path) -> None:
    made = trained(tmp_path, data, tiny)
    version = read_version(made)
    write_version(made, replace(version, temperature={**version.temperature, "sentiment": 0.1}))
    with pytest.raises(ModelFilesError, match="temperatures changed"):
        verify(made)


def test_a_base_that_an_earlier_release_made_is_known_by_its_ranges_too(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    made = trained(tmp_path, data, tiny)
    version, ranges = read_version(made), made / "ranges.safetensors"
    (made / HASHES_FILE).unlink()  # it kept none
    ranges.write_bytes(b"what flowed in")
    files = [*sorted(made.glob("model-*.safetensors")), ranges]
    for described in ({"temperature": version.temperature}, {}):
        write_version(made, replace(version, id=content_id(files, described)))
        verify(made)
    ranges.write_bytes(b"something else")
    with pytest.raises(ModelFilesError, match="weights or temperatures changed"):
        verify(made)


def test_unrelated_pairs_take_no_target_of_their_own_set(data: Path) -> None:
    sets = {name: read_labelled(data / name / "val.jsonl", STANCE) for name in ("sides", "others")}
    own = {row.text: name for name, rows in sets.items() for row in rows}
    found = unrelated_pairs(sets)
    assert len(found) > 20
    for row in found:
        assert row.labels == {"stance": NO_STANCE, "relevance": OFF_TOPIC}
        assert row.target not in {other.target for other in sets[own[row.text]]}


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(
    data: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", data, tiny)
    save = training.Run.save

    def stop_after_two(run: training.Run) -> None:
        save(run)
        if run.steps == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training.Run, "save", stop_after_two)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "stopped", data, tiny)
    assert (tmp_path / "stopped" / "checkpoints" / "teacher.pt").is_file()
    resumed = trained(tmp_path / "stopped", data, tiny, "--resume")
    assert read_version(resumed).id == read_version(whole).id


def test_a_run_goes_on_from_its_own_checkpoint_alone(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another recipe's would be written as what this one has learnt."""
    trained(tmp_path, data, tiny)
    arguments = ["--data", data, "--checkpoints", tmp_path / "checkpoints", "--resume"]
    other = write_recipe(tmp_path / "other", tiny, average_from=0.5)
    given = map(str, ["--config", other, "--output", tmp_path / "other-made", *arguments])
    assert training.main([*given]) == 1
    assert "was made with another recipe" in capsys.readouterr().err

    with (data / "moods" / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "m99", "text": "one more day", "label": "neutral"}\n')
    same = map(str, ["--config", tmp_path / "recipe.toml", "--output", tmp_path, *arguments])
    assert training.main([*same]) == 1
    assert "was made with another data" in capsys.readouterr().err

    (tmp_path / "checkpoints" / training_run.BEGUN).unlink()
    unknown = map(str, ["--config", tmp_path / "recipe.toml", "--output", tmp_path, *arguments])
    assert training.main([*unknown]) == 1
    assert "was made with another recipe and data" in capsys.readouterr().err


def test_the_precision_is_chosen_once_a_run(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is faster is measured by the clock, and a busy machine may say something else."""
    read = read_recipe(write_recipe(tmp_path, tiny))
    recipe = replace(read, run=replace(read.run, precision="auto"))
    last = tmp_path / "checkpoints" / training_run.LAST
    last.parent.mkdir()
    last.touch()

    def begun(gains: bool, *, resume: bool) -> str:
        monkeypatch.setattr(training_run, "bf16_gains", lambda: gains)
        return training_run.as_begun(recipe, "d", last.parent, resume=resume).run.precision

    assert begun(True, resume=False) == "bf16"
    assert not last.exists()  # it was of what is not gone on with
    assert begun(False, resume=True) == "bf16"
    assert begun(False, resume=False) == "fp32"
    assert begun(True, resume=True) == "fp32"


def test_training_goes_on_from_a_base_with_fewer_layers_and_a_head_more(tiny: Path) -> None:
    heads = all_heads()
    former = Classifier(starting_shape(str(tiny), 4), heads)
    load_starting_weights(former, str(tiny))
    model = Classifier(starting_shape(str(tiny), 2), (*heads, replace(heads[0], name="new")))
    load_starting_weights(model, str(tiny))
    theirs = former.state_dict()
    new = [name for name in model.state_dict() if name not in theirs]
    assert new and all(name.startswith("heads.new.") for name in new)
    for name, value in model.state_dict().items():
        assert name in new or torch.equal(value, theirs[name])

    run = training_run.Run(model, torch.optim.SGD(model.parameters()), tiny / "last.pt")
    drawn = {name: model.state_dict()[name].clone() for name in new}
    run.mix_in({name: theirs[name] for name in model.state_dict() if name not in new}, 1.0)
    for name, value in drawn.items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0.02, atol=0.02)


def test_a_base_that_does_not_fit_is_refused(tiny: Path) -> None:
    heads = all_heads()
    wider = replace(heads[0], labels=(*heads[0].labels, "mixed"))
    model = Classifier(starting_shape(str(tiny), 4), (wider, *heads[1:]))
    with pytest.raises(TrainingError, match="does not fit"):
        load_starting_weights(model, str(tiny))
    model = Classifier(starting_shape(str(tiny), 4), heads[1:])
    with pytest.raises(TrainingError, match=rf"has heads\.{heads[0].name}"):
        load_starting_weights(model, str(tiny))


@pytest.mark.parametrize("average_from", [0.0, 0.5, 0.99, 1.0])
def test_weights_are_the_mean_of_those_after_the_steps_that_count(
    data: Path, tiny: Path, tmp_path: Path, average_from: float
) -> None:
    read = read_recipe(write_recipe(tmp_path, tiny, average_from=average_from))
    recipe = replace(read, teacher=None, unlabelled=())
    rows = training_batches.read_training_data(recipe, data)
    tokeniser = Tokeniser(tiny / TOKENIZER_FILE)
    batches = training_batches.make_batches(recipe, rows, tokeniser)
    model = training.start(recipe, rows, tokeniser)
    seen = []
    real = model.forward

    def watched(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return real(*given)

    model.forward = watched  # type: ignore[method-assign]
    run = training.train(recipe, model, batches, tmp_path / "last.pt", resume=False)
    after = [*seen[1:], torch.load(tmp_path / "last.pt", weights_only=True)["model"]]
    kept = [each for step, each in enumerate(after, 1) if step > average_from * len(after)]
    for name, value in run.model.state_dict().items():
        mean = torch.stack([each[name].double() for each in kept or after[-1:]]).mean(dim=0)
        torch.testing.assert_close(value.double(), mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lots", [False, True], ids=["mean", "lots"])
def test_the_start_has_its_share_in_what_is_written(
    data: Path, tiny: Path, tmp_path: Path, lots: bool
) -> None:
    read = read_recipe(write_recipe(tmp_path, tiny, average_from=1.0))
    run = replace(read.run, start_share=0.25, start_lots=lots)
    recipe = replace(read, teacher=None, unlabelled=(), run=run)
    rows = training_batches.read_training_data(recipe, data)
    tokeniser = Tokeniser(tiny / TOKENIZER_FILE)
    batches = training_batches.make_batches(recipe, rows, tokeniser)
    model = training.start(recipe, rows, tokeniser)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = training.train(recipe, model, batches, tmp_path / "last.pt", resume=False)
    learnt = as_written(torch.load(tmp_path / "last.pt", weights_only=True)["model"])
    moved = {name: learnt[name] != value for name, value in before.items()}
    assert any(each.any() for each in moved.values())
    from_start, of_moved = 0, 0
    for name, value in trained.model.state_dict().items():
        if lots:
            kept = value == before[name]
            assert torch.equal(value, torch.where(kept, before[name], learnt[name]))
            from_start += int(kept[moved[name]].sum())
            of_moved += int(moved[name].sum())
        else:
            mixed = 0.25 * before[name] + 0.75 * learnt[name]
            torch.testing.assert_close(value, mixed, rtol=1e-5, atol=1e-7)
    assert not lots or from_start / of_moved == pytest.approx(0.25, abs=0.02)


def test_what_has_no_learnt_heads_cannot_have_a_share(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    read = read_recipe(write_recipe(tmp_path, tiny))
    run = replace(read.run, start_share=0.5, encoder="all-MiniLM-L6-v2")
    recipe = replace(read, teacher=None, unlabelled=(), run=run)
    rows = training_batches.read_training_data(recipe, data)
    with pytest.raises(TrainingError, match="`start_share` keeps a part of a base's weights"):
        training.start(recipe, rows, Tokeniser(tiny / TOKENIZER_FILE))


def test_a_teacher_changes_what_is_learnt(data: Path, tiny: Path, tmp_path: Path) -> None:
    taught = trained(tmp_path / "taught", data, tiny)
    alone = trained(
        tmp_path / "alone", data, tiny, teacher=TAUGHT.replace("weight = 0.5", "weight = 0.0")
    )
    assert read_version(taught).id != read_version(alone).id


def test_what_is_to_be_answered_alike_is_answered_by_the_base_that_training_goes_on_from(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    base = trained(tmp_path / "base", data, tiny)
    recipe = read_recipe(write_recipe(tmp_path, base))
    recipe = replace(recipe, teacher=None, unlabelled=(), naming=Naming(0, 0, alike=1))
    tokeniser = Tokeniser(base / TOKENIZER_FILE)
    rows = training_batches.read_training_data(recipe, data)
    teacher = training_batches.make_teacher(recipe, tmp_path)
    batches = training_batches.make_batches(recipe, rows, tokeniser, teacher)
    alike = [batch for batch in batches if batch.taught]
    assert {bool(batch.labels) for batch in alike} == {False}
    assert {bool(batch.labels) for batch in batches} == {True, False}
    names = read_names()
    wanted = recipe.run.passes * (len(names.groups) + len(names.names))
    assert sum(len(batch.posts) for batch in alike) == wanted
    answers = torch.cat([batch.taught["sentiment"] for batch in alike])
    assert len(answers.unique(dim=0)) == 2  # a sentence of either kind
    model = training.start(recipe, rows, tokeniser)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    training.train(recipe, model, alike, tmp_path / "last.pt", resume=False)
    assert any((value != before[name]).any() for name, value in model.state_dict().items())


def test_texts_are_read_first_where_the_recipe_says_so(
    data: Path, tiny: Path, tmp_path: Path
) -> None:
    reading = (
        '[masked_language]\nname = "others"\nrows = 9\nlearning_rate = 1e-3\nbatch_tokens = 60\n'
    )
    made = [
        trained(tmp_path / name, data, tiny, teacher=TAUGHT + more)
        for name, more in (("read", reading), ("again", reading), ("straight", ""))
    ]
    first, again, straight = map(read_version, made)
    assert first.id == again.id != straight.id
    assert first.data_fingerprint != straight.data_fingerprint


@pytest.mark.parametrize("threads", ["0", "-1", "two"])
def test_a_number_of_threads_that_is_none_is_refused(
    threads: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        training.main(["--threads", threads])
    assert "1 or more are wanted" in capsys.readouterr().err


def test_a_recipe_with_an_unknown_key_is_refused(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, tiny, teacher=TAUGHT + "loud = 1\n")
    asked = ["--config", recipe, "--data", data, "--checkpoints", tmp_path / "c"]
    assert training.main([str(each) for each in asked]) == 1
    assert "[teacher] does not fit" in capsys.readouterr().err


def test_unlabelled_posts_without_a_teacher_are_refused(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, tiny, teacher="")
    asked = ["--config", recipe, "--data", data, "--checkpoints", tmp_path / "c"]
    assert training.main([str(each) for each in asked]) == 1
    assert "nobody answers" in capsys.readouterr().err


def test_a_teacher_answers_each_post_about_its_targets_once(
    tiny: Path, tmp_path: Path, tokeniser: Tokeniser
) -> None:
    posts = [
        AskedPost("a post", (Asked("plan", {}), Asked("a longer plan", {}))),
        AskedPost("another one", ()),
    ]
    kept = tmp_path / "teacher.pt"
    told: list[int] = []
    rows = encode(posts, tokeniser, post_tokens=40)
    for _ in range(2):  # the second one reads what the first one kept
        teacher = Teacher(TeacherSettings(str(tiny), 0.5, 1.0), kept, post_tokens=40)
        both, neither = teacher.teach(posts, rows, tell=told.append)
        assert both.taught["stance"].shape == (2, 3)
        assert both.taught["sentiment"].shape == (3,)
        assert set(neither.taught) == {"sentiment"}
    assert told == [2]

    other = make_tiny_model(tmp_path / "other", seed=8)
    settings = TeacherSettings(str(other), 0.5, 1.0)
    for tokens, half in ((40, False), (20, False), (20, True)):  # of another one, or otherwise
        teacher = Teacher(settings, kept, post_tokens=tokens, half_precision=half)
        teacher.teach(posts, rows, tell=told.append)
    assert told == [2, 2, 2, 2]


def test_a_teachers_answers_stand_beside_their_targets_in_a_batch() -> None:
    answers = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows = [
        Encoded([0, 5, 2], [[0, 2], [0, 3, 2]], {}, {"stance": answers}),
        Encoded([0, 2], [[0, 2]], {}, {"stance": answers[:1]}),
    ]
    batch = to_batch(rows, 1)
    assert batch.taught["stance"].shape == (2, 2, 3)
    assert batch.taught["stance"][1, 1].isnan().all()
    assert not batch.labels


def test_distillation_is_nothing_where_both_agree_and_counts_no_missing_target() -> None:
    teacher = torch.tensor([[[1.0, 2.0, 0.0], [float("nan")] * 3]])
    student = torch.tensor([[[3.0, 4.0, 2.0], [9.0, 0.0, 0.0]]])  # softmax forgets what is added
    assert distillation_loss(student, teacher, 2.0).item() == pytest.approx(0, abs=1e-6)
    student[0, 0, 0] = 9.0
    assert distillation_loss(student, teacher, 2.0).item() > 0.1


def test_unlabelled_posts_are_asked_about_what_they_say_and_about_any_target() -> None:
    targets = ["school closures", "face masks", "taxes"]
    texts = ["wearing masks outside again", "hm"]
    said = set()
    for seed in range(30):
        first, second = ask_about_something(texts, targets, np.random.default_rng(seed))
        said.add(first.asked[0].target)
        assert second.asked[0].target in targets
        assert first.asked[1].target in targets
    assert said == {"face masks", "wearing", "masks", "outside", "again"}


@pytest.mark.parametrize("content", [b"[run]\nseed = \n", b"\xff"], ids=["a slip", "other bytes"])
def test_a_recipe_that_is_no_toml_is_a_clear_error(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_bytes(content)
    assert training.main(["--config", str(recipe)]) == 1
    assert f"{recipe} is no TOML" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["small", "small-second"])
def test_the_small_recipes_are_taught_by_the_shipped_model(part: str) -> None:
    recipe = training.read_recipe(Path(f"config/training-{part}.toml"))
    assert recipe.teacher is not None
    assert Path(recipe.teacher.folder).resolve() == PRETRAINED.resolve()
