from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from classifiers.asked import Asked, AskedPost, about_posts, about_targets
from classifiers.augmentation import TargetAugmentation, augment
from classifiers.batches import UNLABELLED, Encoded, encode, group, to_batch
from classifiers.dataset import (
    NO_STANCE,
    OFF_TOPIC,
    RELEVANT,
    LabelledText,
    with_relevance,
    without_contradictions,
)
from classifiers.encoder import Classifier, attention_mask
from classifiers.heads import all_heads
from classifiers.heads.stance import HEAD as STANCE
from classifiers.model_config import EncoderShape
from classifiers.tokenisation import Tokeniser

FAVOR, AGAINST = STANCE.labels.index("favor"), STANCE.labels.index("against")
NOTHING = TargetAugmentation(unrelated=0, opposed=0, rephrased=0)


def row(text: str, target: str, stance: int, **more: int) -> LabelledText:
    return LabelledText(f"{text}/{target}", text, target, {"stance": stance, **more})


def test_rows_with_one_text_are_read_as_one_post() -> None:
    rows = [row("a", "x", FAVOR), row("b", "x", AGAINST), row("a", "y", NO_STANCE)]
    assert about_targets(rows, most=8) == [
        AskedPost("a", (Asked("x", {"stance": FAVOR}), Asked("y", {"stance": NO_STANCE}))),
        AskedPost("b", (Asked("x", {"stance": AGAINST}),)),
    ]


def test_a_text_with_many_targets_becomes_several_posts() -> None:
    posts = about_targets([row("a", str(n), FAVOR) for n in range(5)], most=2)
    assert [len(post.asked) for post in posts] == [2, 2, 1]


def test_a_none_that_contradicts_a_side_is_left_out() -> None:
    rows = [row("a", "x", FAVOR), row("a", "x", NO_STANCE), row("a", "y", NO_STANCE)]
    assert without_contradictions(rows) == [rows[0], rows[2]]


def test_words_tell_whether_a_none_is_relevant() -> None:
    rows = [row("the Merger", "x", NO_STANCE), row("rain", "x", NO_STANCE)]
    answers = [each.labels["relevance"] for each in with_relevance(rows, "merger|deal")]
    assert answers == [RELEVANT, OFF_TOPIC]


def test_without_augmentation_nothing_is_added() -> None:
    posts = about_targets([row("a", "x", FAVOR)], most=8)
    assert augment(posts, NOTHING, np.random.default_rng(0)) == posts


def test_unrelated_targets_are_none_and_off_topic_and_share_no_word_with_the_post() -> None:
    rows = [row("taxes on trade", "taxes", FAVOR), row("rain", "weather", AGAINST)]
    posts = about_targets([*rows, row("c", "trade taxes", FAVOR)], most=8)
    shares = TargetAugmentation(unrelated=3, opposed=0, rephrased=0)
    for post in augment(posts, shares, np.random.default_rng(1)):
        for asked in post.asked[1:]:
            assert asked.labels == {"stance": NO_STANCE, "relevance": OFF_TOPIC}
            assert not set(asked.target.split()) & set(post.text.split())


@pytest.mark.parametrize(("given_label", "expected"), [(FAVOR, AGAINST), (AGAINST, FAVOR)])
def test_an_opposed_target_exchanges_favor_and_against(given_label: int, expected: int) -> None:
    posts = about_targets([row("a", "the walkout", given_label)], most=8)
    shares = TargetAugmentation(unrelated=0, opposed=1, rephrased=0)
    (post,) = augment(posts, shares, np.random.default_rng(0))
    assert "the walkout" in post.asked[1].target
    assert post.asked[1].labels["stance"] == expected


def test_answers_stand_beside_their_targets_in_a_batch(tokeniser: Tokeniser) -> None:
    posts = [
        AskedPost("a", (Asked("x", {"stance": FAVOR}), Asked("y y", {"relevance": OFF_TOPIC}))),
        AskedPost("b c", (Asked("x", {"stance": AGAINST}),)),
    ]
    batch = to_batch(encode(posts, tokeniser, post_tokens=128), tokeniser.padding)
    assert batch.targets.shape[:2] == (2, 2)
    assert batch.labels["stance"].tolist() == [[FAVOR, UNLABELLED], [AGAINST, UNLABELLED]]
    assert batch.labels["relevance"].tolist() == [[UNLABELLED, OFF_TOPIC], [UNLABELLED] * 2]


def test_posts_without_targets_make_a_batch(tokeniser: Tokeniser) -> None:
    posts = about_posts([LabelledText("1", "a", "", {"sentiment": 2})])
    batch = to_batch(encode(posts, tokeniser, post_tokens=128), tokeniser.padding)
    assert batch.targets.shape == (1, 0, 0)
    assert batch.labels["sentiment"].tolist() == [2]


def rows_of(lengths: list[tuple[int, int]]) -> list[Encoded]:
    return [
        Encoded([5] * post, [[6, 7]] * targets, {"stance": [FAVOR] * targets})
        for post, targets in lengths
    ]


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 5)), min_size=1, max_size=60))
def test_batches_hold_every_row_once_within_the_budget(lengths: list[tuple[int, int]]) -> None:
    batches = group(rows_of(lengths), batch_tokens=200, padding=1, random=np.random.default_rng(0))
    assert sum(len(batch.posts) for batch in batches) == len(lengths)
    tokens = sum(int((batch.posts == 5).sum()) for batch in batches)
    assert tokens == sum(post for post, _ in lengths)
    for batch in batches:
        assert len(batch.posts) == 1 or batch.posts.numel() + batch.targets.numel() <= 200


def test_a_target_sees_the_post_and_itself_only() -> None:
    seen = torch.tensor([[True, True, True, False, True, True]])
    segments = torch.tensor([0, 0, 1, 1, 2, 2])
    open_to = (attention_mask(seen, segments)[0, 0] == 0).int().tolist()
    post, first, second = [1, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 1, 1]
    assert open_to == [post, post, first, first, second, second]


@pytest.fixture(scope="module")
def model() -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        shape = EncoderShape(
            vocabulary=50,
            positions=140,
            width=16,
            inner_width=32,
            layers=3,
            attention_heads=2,
            padding=1,
            segments=0,
            relative_buckets=32,
            target_position=128,
            first_position=2,
        )
        return Classifier(shape, all_heads()).eval()


def answers(model: Classifier, posts: torch.Tensor, targets: torch.Tensor) -> Mapping[str, object]:
    with torch.inference_mode():
        return dict(zip(model.heads, model(posts, targets), strict=True))


def test_what_is_said_of_a_target_does_not_depend_on_the_others(model: Classifier) -> None:
    posts, targets = torch.randint(5, 50, (3, 7)), torch.randint(5, 50, (3, 4, 3))
    together, alone = answers(model, posts, targets), answers(model, posts, targets[:, 2:3])
    assert torch.allclose(together["stance"][:, 2], alone["stance"][:, 0], atol=1e-6)
    assert torch.allclose(together["sentiment"], alone["sentiment"], atol=1e-6)


def test_features_are_read_beside_the_answers(model: Classifier) -> None:
    posts, targets = torch.randint(5, 50, (3, 7)), torch.randint(5, 50, (3, 2, 3))
    with torch.inference_mode():
        *logits, post, about = model.read(posts, targets)
        alone = model.read(posts, targets[:, :0])[-2]
    for expected, found in zip(answers(model, posts, targets).values(), logits, strict=True):
        assert torch.equal(expected, found)
    features = model.shape.width * len(model.read_layers)
    assert (post.shape, about.shape) == ((3, features), (3, 2, features))
    assert torch.allclose(post, alone, atol=1e-6)


def test_held_layers_get_no_gradient(model: Classifier) -> None:
    model.requires_grad_(True)
    model.hold(2)
    logits = model(torch.randint(5, 50, (2, 5)), torch.randint(5, 50, (2, 1, 3)))
    torch.stack([each.sum() for each in logits]).sum().backward()
    model.held_layers = 0
    assert all(p.grad is None for p in model.layers[:2].parameters())
    assert model.layers[2].inner.weight.grad is not None
    assert model.distances.weight.grad is not None
