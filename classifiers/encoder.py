"""One shared transformer encoder with a head per question.

A post and its targets are segments of one sequence. The post's tokens see only the post;
a target's tokens see the post and their own target. So whatever is read from the post alone
(sentiment) is the same for every target and without one, what is said of a target does not
depend on the others, and one pass answers every head towards every target.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifiers.label_head import LabelHead
from classifiers.model_config import EncoderShape

FURTHEST = 128
"""Distances between tokens beyond this count as this."""


class Layer(nn.Module):
    """A BERT or MPNet layer: attention, then two dense layers, each with a residual and a norm."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.attention_heads = shape.attention_heads
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width)
        self.attended = nn.Linear(shape.width, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)
        self.inner = nn.Linear(shape.width, shape.inner_width)
        self.outer = nn.Linear(shape.inner_width, shape.width)
        self.output_norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the next hidden states; ``mask`` is added to the attention scores."""
        rows, length, width = hidden.shape
        split = (rows, length, 3, self.attention_heads, width // self.attention_heads)
        query, key, value = self.query_key_value(hidden).view(split).permute(2, 0, 3, 1, 4).unbind()
        scores = query @ key.transpose(2, 3) * query.shape[3] ** -0.5 + mask
        mixed = torch.softmax(scores, dim=3).to(value.dtype) @ value
        mixed = mixed.transpose(1, 2).reshape(rows, length, width)
        hidden = self.attention_norm(hidden + self.attended(mixed))
        inner = functional.gelu(self.inner(hidden))
        output: Tensor = self.output_norm(hidden + self.outer(inner))
        return output


class HeadLayers(nn.Module):
    """From pooled features to one head's logits."""

    def __init__(self, features: int, width: int, labels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(features, width)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(width, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logits, (rows, labels)."""
        logits: Tensor = self.out(self.dropout(functional.gelu(self.dense(features))))
        return logits


class Classifier(nn.Module):
    """The encoder and its heads: token ids of posts and targets in, logits per head out.

    Args:
        shape: The sizes of the encoder.
        heads: The heads, in the order of the logits returned.
    """

    buckets: Tensor

    def __init__(self, shape: EncoderShape, heads: Sequence[LabelHead]) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        if shape.segments:
            self.segments = nn.Embedding(shape.segments, shape.width)
        if shape.relative_buckets:
            self.distances = nn.Embedding(shape.relative_buckets, shape.attention_heads)
            furthest = torch.arange(-FURTHEST, FURTHEST + 1)
            buckets = distance_buckets(furthest, shape.relative_buckets)
            self.register_buffer("buckets", buckets, persistent=False)
        self.norm = nn.LayerNorm(shape.width, eps=shape.norm_epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.held_layers = 0
        self.read_layers = {max(1, 3 * shape.layers // 4), shape.layers}
        self.takes_target = {head.name: head.takes_target for head in heads}
        self.heads = nn.ModuleDict(
            {
                head.name: HeadLayers(
                    shape.width * (1 + head.takes_target), shape.width, len(head.labels)
                )
                for head in heads
            }
        )

    def forward(self, posts: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """Return each head's logits: (rows, labels), or (rows, targets, labels).

        Args:
            posts: Token ids, (rows, post length), padded.
            targets: Token ids, (rows, targets, target length), padded; no target at all is fine.
        """
        return self.read(posts, targets)[: len(self.heads)]

    def read(self, posts: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """Return each head's logits, then the features of the posts and of their targets.

        The features are what a topic's labels are learnt from (``classifiers.correction``): the
        mean states after the layers ``read_layers``, (rows, features) and (rows, targets,
        features).
        """
        ids, places, segments = self._laid_out(posts, targets)
        seen = ids != self.shape.padding
        mask = attention_mask(seen, segments) + self._distance_bias(places)
        hidden = self._embed(ids, places, segments)
        pooled = []
        for number, layer in enumerate(self.layers, start=1):
            hidden = layer(hidden, mask if number > self.held_layers else mask.detach())
            if number in self.read_layers:
                pooled.append(self._pooled(hidden, seen, posts.shape[1], targets.shape))
        logits = self._answers(*pooled[-1])
        return (*logits, *(torch.cat(part, dim=-1) for part in zip(*pooled, strict=True)))

    def token_states(self, posts: Tensor) -> Tensor:
        """Return the top layer's state of each token of posts without targets.

        Args:
            posts: Token ids, (rows, length), padded.

        Returns:
            (rows, length, width).
        """
        ids, places, segments = self._laid_out(posts, posts.new_zeros(len(posts), 0, 0))
        mask = attention_mask(ids != self.shape.padding, segments) + self._distance_bias(places)
        hidden = self._embed(ids, places, segments)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden

    def _laid_out(self, posts: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the token ids as one sequence per row, with their places and segments."""
        rows, post_length = posts.shape
        count, target_length = targets.shape[1], targets.shape[2]
        ids = torch.cat([posts, targets.reshape(rows, count * target_length)], dim=1)
        target_places = torch.arange(target_length) + self.shape.target_position
        numbers = torch.arange(count) + 1
        places = [
            torch.arange(post_length),
            target_places[None].expand(count, target_length).reshape(-1),
        ]
        segments = [
            torch.zeros(post_length, dtype=torch.long),
            numbers[:, None].expand(count, target_length).reshape(-1),
        ]
        return ids, torch.cat(places), torch.cat(segments)

    def _pooled(
        self, hidden: Tensor, seen: Tensor, post_length: int, targets: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """Return the mean states of posts and of targets; ``targets`` is the targets' shape."""
        post = _mean(hidden[:, :post_length], seen[:, :post_length])
        about = hidden[:, post_length:].reshape(*targets, self.shape.width)
        return post, _mean(about, seen[:, post_length:].reshape(*targets))

    def _answers(self, post: Tensor, about: Tensor) -> tuple[Tensor, ...]:
        """Return each head's logits from the pooled last states."""
        both = torch.cat([post[:, None].expand_as(about), about], dim=2)
        return tuple(
            layers(both if self.takes_target[name] else post) for name, layers in self.heads.items()
        )

    def hold(self, layers: int) -> None:
        """Keep the embeddings and the lowest layers as they are while the rest is trained."""
        self.held_layers = layers
        held = [self.words, self.positions, self.norm, *self.layers[:layers]]
        for module in [*held, *([self.segments] if self.shape.segments else [])]:
            module.requires_grad_(False)

    def _embed(self, ids: Tensor, places: Tensor, segments: Tensor) -> Tensor:
        """Return the embeddings of tokens that stand at those places of those segments."""
        added = self.words(ids) + self.positions(places + self.shape.first_position)
        if self.shape.segments:
            added = added + self.segments((segments > 0).long())
        embedded: Tensor = self.norm(added)
        return embedded

    def _distance_bias(self, places: Tensor) -> Tensor:
        """Return what is added to attention scores by distance, (1, heads, length, length)."""
        if not self.shape.relative_buckets:
            return torch.zeros(1)
        distance = (places[None] - places[:, None]).clamp(-FURTHEST, FURTHEST)
        bias: Tensor = self.distances(self.buckets[distance + FURTHEST])
        return bias.permute(2, 0, 1)[None]


def distance_buckets(distance: Tensor, buckets: int) -> Tensor:
    """Return the bucket of each distance from query to key (Raffel et al., JMLR 2020).

    Half of the buckets are for keys that come later; of each half, half hold one distance
    each, the others widen logarithmically up to ``FURTHEST``.
    """
    half = buckets // 2
    exact = half // 2
    steps = distance.abs()
    ratio = torch.log(steps.clamp(min=1).float() / exact) / math.log(FURTHEST / exact)
    wide = (exact + (ratio * (half - exact)).long()).clamp(max=half - 1)
    return (distance > 0).long() * half + torch.where(steps < exact, steps, wide)


def attention_mask(seen: Tensor, segments: Tensor) -> Tensor:
    """Return what is added to attention scores, (rows, 1, length, length).

    Posts see posts, a target sees the post and itself, nobody sees padding.

    Args:
        seen: Which tokens are no padding, (rows, length).
        segments: 0 for the post's tokens, n for those of the n-th target, (length,).
    """
    open_to = (segments[None] == 0) | (segments[None] == segments[:, None])
    return torch.where(seen[:, None] & open_to[None], 0.0, -1e4)[:, None]


def _mean(hidden: Tensor, seen: Tensor) -> Tensor:
    """Return the mean hidden state over the tokens that are no padding, 0 where all are."""
    weights = seen.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(dim=-2) / weights.sum(dim=-2).clamp(min=1)
