"""Scores brightness against the level it has learnt, and whether the left is lighter than the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.api import Batch, Classifier, Dataset, Networks, Trainable, TrainingConfig, hookimpl


class Learnt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.5))


class Level(Classifier, Trainable[TrainingConfig]):
    Config = TrainingConfig

    def __init__(self, networks: Networks[TrainingConfig] | None = None) -> None:
        super().__init__(networks)
        self.attributes = ("light", "Dark", "Left")
        self.cuts = dict.fromkeys(self.attributes, 0.0)

    def non_target(self, feature: str) -> tuple[str, ...]:
        return ("Left",)

    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        pixels = images.double() / 255
        above = pixels.mean(dim=(1, 2, 3)) - learnt(self.networks).level.double()
        left = (pixels[..., :14] - pixels[..., 14:]).mean(dim=(1, 2, 3))
        found = {"light": above, "Dark": -above, "Left": left}
        scores: NDArray[np.float64] = torch.stack([found[name] for name in attributes], 1).detach().numpy()
        return scores

    def build(self, config: TrainingConfig) -> Networks[TrainingConfig]:
        return Networks(config, classifier=Learnt())

    def optimisers(self, networks: Networks[TrainingConfig]) -> dict[str, Any]:
        return {"sgd": torch.optim.SGD(learnt(networks).parameters(), lr=networks.config.lr)}

    def training_step(
        self,
        networks: Networks[TrainingConfig],
        optimisers: Any,
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        loss = (learnt(networks).level - batch.images.mean()).square()
        optimisers["sgd"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimisers["sgd"].step()
        return {"loss": loss.detach()}

    def assess(self, networks: Networks[TrainingConfig], dataset: Dataset) -> dict[str, Any]:
        n = len(dataset.split("test"))
        return {"accuracy": {"light": {"balanced_accuracy": 0.875, "rate": 0.25, "n": n}}}


def learnt(networks: Networks[TrainingConfig] | None) -> Learnt:
    assert networks is not None and isinstance(networks.classifier, Learnt)
    return networks.classifier


@hookimpl
def register_classifiers(register: Any) -> None:
    register(Level)
