"""A larger model teaches a smaller one: its answers about posts, learnt beside people's labels.

After Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (2015). The teacher
answers every head about every post and target that the student is shown, whether people labelled
it or not. So posts without a label can be asked about targets that are made up here.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass as checked
from torch import Tensor

from classifiers.asked import Asked, AskedPost
from classifiers.batches import Encoded, encode
from classifiers.fitting import predict_logits
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model
from classifiers.normalise import normalise
from classifiers.recipe_values import CHECKED, Positive, Share
from classifiers.tokenisation import Tokeniser
from classifiers.version import read_version

_CHUNK = 512
_WORD = re.compile(r"[^\W\d_]{4,}")

Answers = Mapping[str, NDArray[np.float32]]


@checked(frozen=True, config=CHECKED)
class TeacherSettings:
    """The table ``[teacher]`` of a recipe.

    Attributes:
        folder: The teaching base's folder.
        weight: The share of the loss that follows the teacher where a label is known too.
        temperature: What both sides' logits are divided by before they are compared.
    """

    folder: str
    weight: Share
    temperature: Positive


class Teacher:
    """Answers what the student shall learn; answers are kept on disk as they are made.

    Args:
        settings: Whose answers.
        kept: The file that answers are kept in; an interrupted run goes on from there. One by
            another version, or to other parts of the posts, is begun anew.
        post_tokens: Tokens that are read of each post.
        half_precision: Whether it multiplies in bf16.
    """

    def __init__(
        self,
        settings: TeacherSettings,
        kept: Path,
        *,
        post_tokens: int,
        half_precision: bool = False,
    ) -> None:
        folder = Path(settings.folder)
        self._model = load_model(folder)
        self._tokeniser = Tokeniser(folder / TOKENIZER_FILE)
        self._kept = kept
        self._post_tokens = post_tokens
        self._half_precision = half_precision
        precision = "bf16" if half_precision else "fp32"
        self._whose = f"{read_version(folder).id}, {post_tokens} tokens, {precision}"
        self._known: dict[str, dict[str, Tensor]] = self._read()

    def _read(self) -> dict[str, dict[str, Tensor]]:
        """Return what was answered before."""
        if not self._kept.is_file():
            return {}
        kept = torch.load(self._kept, weights_only=True)
        return dict(kept["answers"]) if kept.get("whose") == self._whose else {}

    def teach(
        self,
        posts: Sequence[AskedPost],
        rows: Sequence[Encoded],
        *,
        tell: Callable[[int], None],
    ) -> list[Encoded]:
        """Return the student's rows of the posts with the teacher's answers.

        Args:
            posts: What the rows were made of, in their order.
            rows: The posts as the student reads them.
            tell: Called with the number of posts answered, now and then.
        """
        names = [_name(post) for post in posts]
        missing = [i for i, name in enumerate(names) if name not in self._known]
        for start in range(0, len(missing), _CHUNK):
            taken = missing[start : start + _CHUNK]
            self._answer([posts[i] for i in taken], [names[i] for i in taken])
            tell(start + len(taken))
        return [
            replace(row, taught={head: found.numpy() for head, found in self._known[name].items()})
            for row, name in zip(rows, names, strict=True)
        ]

    def _answer(self, posts: Sequence[AskedPost], names: Sequence[str]) -> None:
        """Answer posts and keep the answers."""
        rows = encode(posts, self._tokeniser, post_tokens=self._post_tokens)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._half_precision):
            found = predict_logits(self._model, rows)
        for index, name in enumerate(names):
            self._known[name] = {
                head: torch.from_numpy(answers[index].copy())
                for head, answers in found.items()
                if answers[index].size
            }
        temporary = self._kept.with_suffix(".writing")
        torch.save({"whose": self._whose, "answers": self._known}, temporary)
        temporary.replace(self._kept)


def _name(post: AskedPost) -> str:
    """Return what a post and its questions are kept by."""
    said = repr((post.text, [asked.target for asked in post.asked]))
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:24]


def ask_about_something(
    texts: Sequence[str], targets: Sequence[str], random: np.random.Generator
) -> list[AskedPost]:
    """Return unlabelled posts, each asked about two targets.

    One is likely to be spoken about: a known target that shares a word with the post or, as
    often, words of the post itself. The other is any known one.
    """
    sharing: dict[str, list[str]] = {}
    for target in targets:
        for word in sorted(set(_WORD.findall(target.lower()))):
            sharing.setdefault(word, []).append(target)
    return [_asked(text, targets, sharing, random) for text in texts]


def _asked(
    text: str,
    targets: Sequence[str],
    sharing: Mapping[str, Sequence[str]],
    random: np.random.Generator,
) -> AskedPost:
    """Return a post with its two questions."""
    words = [
        word for word in _WORD.findall(normalise(text)) if word.lower() not in ("http", "user")
    ]
    shared = sorted({each for word in words for each in sharing.get(word.lower(), ())})
    own = [word for word in words if len(word) > 4]
    likely: list[Sequence[str]] = [pool for pool in (shared, own) if pool] or [targets]
    near = _one_of(likely[random.integers(len(likely))], random)
    return AskedPost(text, (Asked(near, {}), Asked(_one_of(targets, random), {})))


def _one_of(texts: Sequence[str], random: np.random.Generator) -> str:
    return texts[int(random.integers(len(texts)))]
