"""One optimisation run over batches: the loss, the learning rates, the steps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from classifiers.batches import UNLABELLED, Batch, Encoded, to_batch
from classifiers.encoder import Classifier

PREDICTION_ROWS = 32


@dataclass(frozen=True)
class FitSettings:
    """How the weights are moved.

    Attributes:
        learning_rate: Of the encoder's top layer.
        layer_decay: Each layer below learns at this share of the one above.
        head_rate: The heads learn this many times faster than the top layer.
        warm_up: Share of the steps in which the rate climbs; it then falls linearly to 0.
        label_smoothing: Share of the target probability spread over all labels.
        class_weights: Per head, a weight for each label in the loss.
        loss_weights: Per head, the weight of its loss where it is not 1.
        half_precision: Whether products are taken in bf16 (autocast); sums stay in fp32.
        teacher_weight: The share of the loss that follows a teacher where one has answered.
        teacher_temperature: See ``distillation_loss``.
    """

    learning_rate: float
    layer_decay: float = 0.9
    head_rate: float = 5.0
    warm_up: float = 0.08
    label_smoothing: float = 0.05
    class_weights: Mapping[str, Tensor] = field(default_factory=dict)
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    half_precision: bool = False
    teacher_weight: float = 0.0
    teacher_temperature: float = 1.0


def make_optimizer(model: Classifier, settings: FitSettings) -> torch.optim.AdamW:
    """Return AdamW over the parameters that want a gradient, with layer-wise rates."""
    depth = len(model.layers)
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = _rate(name, depth, settings)
            groups.setdefault(rate, []).append(parameter)
    return torch.optim.AdamW(
        [{"params": held, "lr": rate, "rate": rate} for rate, held in groups.items()],
        weight_decay=0.01,
        fused=True,
    )


def _rate(name: str, depth: int, settings: FitSettings) -> float:
    """Return the top learning rate of a parameter, from where it sits."""
    if name.startswith("heads."):
        return settings.learning_rate * settings.head_rate
    below_top = depth - 1 - int(name.split(".")[1]) if name.startswith("layers.") else depth
    return settings.learning_rate * settings.layer_decay**below_top


def fit(
    model: Classifier,
    batches: Sequence[Batch],
    settings: FitSettings,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    first_step: int = 0,
    after_step: Callable[[int, float], None],
) -> None:
    """Take one step per batch, from ``first_step`` on.

    Args:
        model: The model to train, in place; it is left ready to predict.
        batches: All batches of the run, in order.
        settings: How the weights are moved.
        first_step: The number of steps already taken.
        optimizer: The one to go on with; a fresh one where none is given.
        after_step: Called with the number of steps taken and the step's loss.
    """
    optimizer = optimizer or make_optimizer(model, settings)
    model.train()
    for step in range(first_step, len(batches)):
        batch = batches[step]
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * schedule(step, len(batches), settings.warm_up)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.half_precision):
            answers = model(batch.posts, batch.targets)
            logits = dict(zip(model.heads, answers, strict=True))
        loss = _loss(logits, batch, settings)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        after_step(step + 1, loss.item())
    model.eval()


def _loss(logits: Mapping[str, Tensor], batch: Batch, settings: FitSettings) -> Tensor:
    """Return the sum of the heads' losses over the rows that they have an answer for."""
    labelled = [
        settings.loss_weights.get(name, 1.0)
        * functional.cross_entropy(
            logits[name].float().flatten(0, -2),
            labels.flatten(),
            weight=settings.class_weights.get(name),
            label_smoothing=settings.label_smoothing,
            ignore_index=UNLABELLED,
        )
        for name, labels in batch.labels.items()
    ]
    taught = [
        settings.loss_weights.get(name, 1.0)
        * distillation_loss(logits[name], answers, settings.teacher_temperature)
        for name, answers in batch.taught.items()
    ]
    weight = settings.teacher_weight if taught else 0.0
    return torch.stack(
        [*((1 - weight) * loss for loss in labelled), *(weight * loss for loss in taught)]
    ).sum()


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return the mean divergence of the student's answers from the teacher's.

    Args:
        student: Logits, (rows, labels) or (rows, targets, labels).
        teacher: Likewise; not a number where there is no such target.
        temperature: What both are divided by; the loss is multiplied by its square, so that its
            gradient does not shrink with it.
    """
    there = ~teacher[..., 0].isnan()
    log_student = functional.log_softmax(student[there].float() / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher[there] / temperature, dim=-1)
    divergence = functional.kl_div(log_student, log_teacher, log_target=True, reduction="batchmean")
    return divergence * temperature**2


def schedule(step: int, steps: int, warm_up: float) -> float:
    """Return the share of the top rate at a step: a climb, then a line down to 0."""
    climb = max(1, int(steps * warm_up))
    return (step + 1) / climb if step < climb else (steps - step) / max(1, steps - climb)


def predict_logits(
    model: Classifier, rows: Sequence[Encoded]
) -> dict[str, list[NDArray[np.float32]]]:
    """Return, per head and in the order of the rows, logits: (labels,) or (targets, labels)."""
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i].targets), len(rows[i].post)))
    found: dict[str, list[NDArray[np.float32]]] = {
        name: [np.zeros(0, dtype=np.float32)] * len(rows) for name in model.heads
    }
    model.eval()
    for start in range(0, len(order), PREDICTION_ROWS):
        taken = order[start : start + PREDICTION_ROWS]
        batch = to_batch([rows[i] for i in taken], model.shape.padding)
        with torch.inference_mode():
            answers = model(batch.posts, batch.targets)
        for held, logits in zip(found.values(), answers, strict=True):
            for place, row in zip(taken, logits.float().numpy(), strict=True):
                held[place] = row[: len(rows[place].targets)] if row.ndim == 2 else row
    return found
