"""Texts to token ids, the same in training and in serving."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from classifiers.errors import ModelFilesError
from classifiers.normalise import normalise

POST_TOKENS = 128
TARGET_TOKENS = 32
_PADDING_MARKS = ("<pad>", "[PAD]")
"""In this order: MPNet's vocabulary holds both, as it was made from BERT's."""
_MASKS = ("<mask>", "[MASK]")

Ids = NDArray[np.int64]


class Tokeniser:
    """A WordPiece tokenizer that normalises first and cuts off what is too long.

    A post keeps its first ``POST_TOKENS`` tokens and a target its first ``TARGET_TOKENS``,
    both counted with the two marks around them. ``padding`` is the id that fills up rows.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ModelFilesError(
                f"no tokenizer at {path}", hint="reinstall the package: its model is incomplete"
            )
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as exc:  # the library raises nothing narrower
            raise ModelFilesError(
                f"{path} is no tokenizer", hint="reinstall the package: its model is damaged"
            ) from exc
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._tokenizer.encode_special_tokens = True  # "<pad>" in a post is a word as any other
        self._path = path
        self.padding = self._one_of(_PADDING_MARKS, "padding")

    @property
    def mask(self) -> int:
        """The id of the token that hides another one."""
        return self._one_of(_MASKS, "mask")

    @property
    def marks(self) -> list[int]:
        """The ids of the tokens that stand for no text."""
        special = self._tokenizer.get_added_tokens_decoder()
        return [number for number, token in special.items() if token.special]

    @property
    def words(self) -> int:
        """The number of tokens in the vocabulary, marks included."""
        return int(self._tokenizer.get_vocab_size())

    def _one_of(self, tokens: Sequence[str], name: str) -> int:
        """Return the id of the first of the tokens that there is."""
        for token in tokens:
            if (found := self._tokenizer.token_to_id(token)) is not None:
                return int(found)
        raise ModelFilesError(
            f"the tokenizer at {self._path} has no {name} token",
            hint=f"it needs one of {', '.join(tokens)}",
        )

    def posts(self, texts: Sequence[str], *, limit: int = POST_TOKENS) -> list[list[int]]:
        """Return the token ids of each post's text, at most ``limit``."""
        return self._ids(texts, limit)

    def targets(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each target's text; empty text is only the two marks."""
        return self._ids(texts, TARGET_TOKENS)

    def _ids(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        encoded = self._tokenizer.encode_batch_fast([normalise(text) for text in texts])
        return [_cut(item.ids, limit) for item in encoded]


def _cut(ids: list[int], limit: int) -> list[int]:
    """Return the ids cut to the limit, the closing mark kept."""
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]


def pad(rows: Sequence[Sequence[int]], width: int, padding: int) -> Ids:
    """Return the rows as one array of that width, filled up with ``padding``."""
    padded = np.full((len(rows), width), padding, dtype=np.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return padded
