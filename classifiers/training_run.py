"""A training run on its way, which can be interrupted and gone on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from classifiers.encoder import Classifier
from classifiers.model_files import as_written


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
            before: The weights before.
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
            {name: mixed(after[name], value) for name, value in before.items()}
        )
