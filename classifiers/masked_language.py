"""Read the domain's posts before learning to answer: masked-language training.

After Devlin et al., "BERT" (NAACL 2019), and Gururangan et al., "Don't Stop Pretraining" (ACL
2020): some tokens are hidden, and the encoder learns which they were. What guesses them is thrown
away afterwards; the encoder's weights stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic.dataclasses import dataclass as checked
from torch import Tensor, nn
from torch.nn import functional

from classifiers.batches import Encoded, group
from classifiers.encoder import Classifier
from classifiers.fitting import schedule
from classifiers.recipe_values import CHECKED, Count, Positive
from classifiers.tokenisation import Tokeniser

HIDDEN = 0.15
"""The share of tokens to guess: of these 80 % become the mask, 10 % any word, 10 % stay."""

_WARM_UP = 0.06


@checked(frozen=True, config=CHECKED)
class MaskedLanguageSettings:
    """The table ``[masked_language]`` of a recipe.

    Attributes:
        name: The folder of the data set whose texts are read.
        rows: Texts drawn from it, each read once.
        learning_rate: Of the encoder; what guesses the words learns ten times faster.
        batch_tokens: Tokens in a batch, padding included.
    """

    name: str
    rows: Count
    learning_rate: Positive
    batch_tokens: Count


@dataclass(frozen=True)
class Puzzle:
    """Posts with hidden tokens.

    Attributes:
        shown: Token ids, (rows, length), some of them hidden.
        asked: Which ones are to be guessed, (rows, length).
        answers: What they were, in their order, (number asked,).
    """

    shown: Tensor
    asked: Tensor
    answers: Tensor


class WordGuess(nn.Module):
    """From a token's state to logits over the vocabulary, through the encoder's own embedding."""

    def __init__(self, words: nn.Embedding) -> None:
        super().__init__()
        self.dense = nn.Linear(words.embedding_dim, words.embedding_dim)
        self.norm = nn.LayerNorm(words.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))

    def forward(self, states: Tensor, words: Tensor) -> Tensor:
        """Return logits, (tokens, vocabulary)."""
        return functional.linear(self.norm(functional.gelu(self.dense(states))), words, self.bias)


def read_the_domain(
    model: Classifier,
    tokeniser: Tokeniser,
    texts: Sequence[str],
    settings: MaskedLanguageSettings,
    *,
    post_tokens: int,
    seed: int,
    tell: Callable[[int, int, float], None],
) -> None:
    """Teach the encoder, in place, to guess hidden tokens of the texts; its heads stay.

    Args:
        model: The model whose encoder reads.
        tokeniser: Its tokeniser.
        texts: Posts, at least as many as ``settings.rows``, or all are read.
        settings: How.
        post_tokens: Longer posts are cut.
        seed: Of the draw and of what is hidden.
        tell: Called after each step with its number, the number of steps and the loss.

    Raises:
        ModelFilesError: The tokenizer has no token to hide others by.
    """
    random = np.random.default_rng(seed)
    drawn = random.choice(len(texts), size=min(settings.rows, len(texts)), replace=False)
    read = tokeniser.posts([texts[index] for index in drawn], limit=post_tokens)
    rows = [ids for ids in read if len(ids) > 2]  # others are marks alone
    batches = group(
        [Encoded(ids, [], {}) for ids in rows],
        batch_tokens=settings.batch_tokens,
        padding=tokeniser.padding,
        random=random,
    )
    guess = WordGuess(model.words)
    encoder = [each for name, each in model.named_parameters() if not name.startswith("heads.")]
    optimizer = torch.optim.AdamW(
        [
            {"params": encoder, "rate": settings.learning_rate},
            {"params": list(guess.parameters()), "rate": 10 * settings.learning_rate},
        ],
        weight_decay=0.01,
        fused=True,
    )
    model.train()
    for step, index in enumerate(random.permutation(len(batches))):
        for rates in optimizer.param_groups:
            rates["lr"] = rates["rate"] * schedule(step, len(batches), _WARM_UP)
        puzzle = hide(batches[index].posts.numpy(), tokeniser, random)
        states = model.token_states(puzzle.shown)[puzzle.asked]
        loss = functional.cross_entropy(guess(states, model.words.weight), puzzle.answers)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(encoder, 1.0)
        optimizer.step()
        tell(step + 1, len(batches), loss.item())
    model.eval()


def hide(ids: np.ndarray, tokeniser: Tokeniser, random: np.random.Generator) -> Puzzle:
    """Return posts with some of their tokens hidden; marks and padding never are.

    Args:
        ids: Token ids, (rows, length), padded.
        tokeniser: Whose ids they are.
        random: Decides what is hidden.
    """
    words = ~np.isin(ids, tokeniser.marks)
    asked = words & (random.random(ids.shape) < HIDDEN)
    if not asked.any() and words.any():
        asked[tuple(random.choice(np.argwhere(words)))] = True
    how = random.random(ids.shape)
    any_word = random.integers(0, tokeniser.words, ids.shape)
    shown = np.where(asked & (how < 0.8), tokeniser.mask, ids)
    shown = np.where(asked & (how >= 0.9), any_word, shown)
    return Puzzle(torch.from_numpy(shown), torch.from_numpy(asked), torch.from_numpy(ids[asked]))
