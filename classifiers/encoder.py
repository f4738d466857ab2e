"""One shared transformer encoder with a head per question.

A post and a target are two segments of one sequence. The post's tokens see only the post;
the target's tokens see both. So whatever is read from the post alone (sentiment) is the
same for every target and without one, and one pass answers every head.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifiers.label_head import LabelHead
from classifiers.model_config import EncoderShape
from classifiers.tokenisation import PADDING


class Layer(nn.Module):
    """A BERT layer: attention, then two dense layers, each with a residual and a norm."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.attention_heads = shape.attention_heads
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width)
        self.attended = nn.Linear(shape.width, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, eps=1e-12)
        self.inner = nn.Linear(shape.width, shape.inner_width)
        self.outer = nn.Linear(shape.inner_width, shape.width)
        self.output_norm = nn.LayerNorm(shape.width, eps=1e-12)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return the next hidden states; ``mask`` is added to the attention scores."""
        rows, length, width = hidden.shape
        split = (rows, length, 3, self.attention_heads, width // self.attention_heads)
        query, key, value = self.query_key_value(hidden).view(split).permute(2, 0, 3, 1, 4).unbind()
        scores = query @ key.transpose(2, 3) * query.shape[3] ** -0.5 + mask
        mixed = torch.softmax(scores, dim=3) @ value
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

    def __init__(self, shape: EncoderShape, heads: Sequence[LabelHead]) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.segments = nn.Embedding(2, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
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
        """Return each head's logits.

        Args:
            posts: Token ids, (rows, post length), padded.
            targets: Token ids, (rows, target length), padded; two marks where there is none.
        """
        post_seen, target_seen = posts != PADDING, targets != PADDING
        hidden = torch.cat([self._embed(posts, 0), self._embed(targets, 1)], dim=1)
        mask = attention_mask(post_seen, target_seen)
        for layer in self.layers:
            hidden = layer(hidden, mask)
        post = _mean(hidden[:, : posts.shape[1]], post_seen)
        both = torch.cat([post, _mean(hidden[:, posts.shape[1] :], target_seen)], dim=1)
        return tuple(
            layers(both if self.takes_target[name] else post) for name, layers in self.heads.items()
        )

    def _embed(self, ids: Tensor, segment: int) -> Tensor:
        """Return the embeddings of one segment, whose positions start at 0."""
        places = torch.arange(ids.shape[1])
        added = self.words(ids) + self.positions(places) + self.segments.weight[segment]
        embedded: Tensor = self.norm(added)
        return embedded


def attention_mask(post_seen: Tensor, target_seen: Tensor) -> Tensor:
    """Return what is added to attention scores: posts see posts, targets see both."""
    rows, post_length = post_seen.shape
    target_length = target_seen.shape[1]
    post_keys = torch.cat([post_seen, torch.zeros_like(target_seen)], dim=1)
    target_keys = torch.cat([post_seen, target_seen], dim=1)
    seen = torch.cat(
        [
            post_keys[:, None].expand(rows, post_length, -1),
            target_keys[:, None].expand(rows, target_length, -1),
        ],
        dim=1,
    )
    return torch.where(seen, 0.0, -1e4)[:, None]


def _mean(hidden: Tensor, seen: Tensor) -> Tensor:
    """Return the mean hidden state over the tokens that are no padding."""
    weights = seen.unsqueeze(2).to(hidden.dtype)
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
