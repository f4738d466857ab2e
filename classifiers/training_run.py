"""A training run on its way, which can be interrupted and gone on with."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from classifiers.encoder import Classifier
from classifiers.errors import TrainingError
from classifiers.model_files import as_written
from classifiers.recipe import Recipe, RunSettings
from classifiers.starting_weights import is_base
from classifiers.version import read_version, write_atomically

LAST, BEGUN = "last.pt", "run.json"
"""In the folder of checkpoints: the last one, and what they are of."""


@dataclass
class Run:
    """A training run that can be interrupted: the model, its optimizer and the checkpoint.

    ``average`` is the mean of the model's weights after each step that counted (Izmailov et al.,
    Averaging Weights Leads to Wider Optima, 2018), none where the recipe does not ask for it.
    """

    model: Classifier
    optimizer: torch.optim.Optimizer
    checkpoint: Path
    average: AveragedModel | None = None
    steps: int = 0
    seconds: float = 0.0

    def resume(self) -> None:
        """Go back to the checkpoint, if there is one."""
        if self.checkpoint.is_file():
            state = torch.load(self.checkpoint, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"])
            self.steps, self.seconds = state["steps"], state["seconds"]
            if self.average is not None:
                self.average.load_state_dict(state["average"])

    def save(self) -> None:
        """Write the checkpoint, all or nothing."""
        temporary = self.checkpoint.with_suffix(".writing")
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "steps": self.steps,
            "seconds": self.seconds,
            "average": self.average.state_dict() if self.average is not None else {},
        }
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def take_average(self) -> None:
        """Give the model the mean of its weights, where one was taken."""
        if self.average is not None and self.average.n_averaged:
            self.model.load_state_dict(self.average.module.state_dict())

    def mix_in(
        self, before: Mapping[str, Tensor], share: float, *, lots: int | None = None
    ) -> None:
        """Mix the model's weights with those before.

        Its own count as they would be written: most move by less than a step of 8 bits, and a part
        of that would be rounded back to the start.

        Args:
            before: The weights before; what is not among them stays as it is.
            share: Their share: of the mean of both or, where lots are drawn, of the weights that
                are taken whole from them (the others are the model's own).
            lots: The seed of the lots; None for the mean.
        """
        random = torch.Generator().manual_seed(lots or 0)

        def mixed(own: Tensor, other: Tensor) -> Tensor:
            if lots is None:
                return torch.lerp(own, other, share)
            return torch.where(torch.rand(own.shape, generator=random) < share, other, own)

        after = as_written(self.model.state_dict())
        self.model.load_state_dict(
            after | {name: mixed(after[name], value) for name, value in before.items()}
        )


def as_begun(recipe: Recipe, data: str, checkpoints: Path, *, resume: bool) -> Recipe:
    """Return the recipe with its precision settled, by what is faster here or as it was begun.

    What a run is of is kept beside its checkpoints. Where nothing is gone on with, they go.

    Args:
        recipe: The recipe.
        data: The fingerprint of the rows.
        checkpoints: The folder of the checkpoints.
        resume: Whether the run goes on from them.

    Raises:
        TrainingError: The checkpoint is of another recipe, other data or another base.
    """
    encoder = recipe.run.encoder
    run = {
        "recipe": blake2b(repr(replace(recipe, validation=())).encode()).hexdigest(),
        "data": data,
        "base": read_version(Path(encoder)).id if is_base(encoder) else "",
        "teacher": read_version(Path(recipe.teacher.folder)).id if recipe.teacher else "",
    }
    last, kept = checkpoints / LAST, checkpoints / BEGUN
    begun = json.loads(kept.read_text(encoding="utf-8")) if resume and kept.is_file() else {}
    if begun:  # Once it was not kept; then there is nothing to compare it with.
        begun.setdefault("teacher", run["teacher"])
    if resume and (begun or last.is_file()):
        other = [name for name in run if begun.get(name) != run[name]]
        if other:
            raise TrainingError(
                f"the checkpoint in {checkpoints} was made with another {' and '.join(other)}",
                hint="name its own folder with --checkpoints, or begin anew without --resume",
            )
    else:
        last.unlink(missing_ok=True)
    half = begun["precision"] == "bf16" if begun else in_bf16(recipe.run)
    write_atomically(kept, json.dumps(run | {"precision": "bf16" if half else "fp32"}, indent=1))
    return replace(recipe, run=replace(recipe.run, precision="bf16" if half else "fp32"))


def in_bf16(run: RunSettings) -> bool:
    """Return whether a run multiplies in bf16: if told to, or left to see what is faster."""
    return run.precision == "bf16" or (run.precision == "auto" and bf16_gains())


def bf16_gains() -> bool:
    """Return whether this processor multiplies matrices faster in bf16 than in fp32."""
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        matrix = torch.ones(1024, 1024, dtype=kind)
        torch.mm(matrix, matrix)
        started = time.perf_counter()
        for _ in range(5):
            torch.mm(matrix, matrix)
        seconds[kind] = time.perf_counter() - started
    return seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]
