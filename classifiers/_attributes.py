"""The base of the face oracles: one network scores all attributes of a data set, and its training.

A subclass says which network (``network``) and names its config (``Config``).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Batch, Classifier, Dataset, Networks, Stateful, Trainable, TrainingConfig, chunks, to_float
from bench.toolkit.augmentation import random_flip, random_shift
from bench.toolkit.intervals import agreement

CUT = 0.0  # of the logit: a probability of 1/2
READ = 1024  # test images read at once


class AttributesConfig(TrainingConfig):
    """Attributes to learn, and the training recipe; a subclass adds its architecture."""

    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W), px; set from the data set")
    attributes: tuple[str, ...] = Field(("Bangs", "No_Beard"), description="attributes to learn; set from the data set")
    features: dict[str, tuple[str, bool]] = Field(
        {}, description='for each feature its attribute, and the value that means "has it"; set from the data set'
    )
    epochs: float = Field(4, gt=0, description="passes over the training images")
    batch_size: int = Field(32, ge=2, description="images per step")
    lr: float = Field(1e-2, gt=0, description="Adam's peak learning rate; cosine to 0")
    warm_up: float = Field(0.05, gt=0, lt=1, description="share of the training during which the learning rate rises")
    max_shift: int = Field(2, ge=0, description="largest random shift of a training image, px")


ConfigT = TypeVar("ConfigT", bound=AttributesConfig)


class AttributeClassifier(Classifier, Trainable[ConfigT]):
    """Scores are logits, cut at 0. A feature has its attribute's score, negated if it is its absence (No_Beard)."""

    @abstractmethod
    def network(self, config: ConfigT) -> nn.Module:
        """Build the network: images (N, C, H, W) in [0, 1] to logits (N, A)."""

    def __init__(self, networks: Networks[ConfigT] | None = None) -> None:
        super().__init__(networks)
        config = None if networks is None else networks.config
        self.names = () if config is None else config.attributes
        self.features = {} if config is None else config.features
        self.attributes = tuple(dict.fromkeys((*self.features, *self.names)))
        self.cuts = MappingProxyType(dict.fromkeys(self.attributes, CUT))

    def non_target(self, feature: str) -> tuple[str, ...]:
        """Return the data set's attributes, without the one that carries the feature."""
        return tuple(name for name in self.names if name != self._carrier(feature)[0])

    def _carrier(self, attribute: str) -> tuple[str, bool]:
        return self.features.get(attribute, (attribute, True))

    @torch.no_grad()
    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        if self.networks is None:
            name = type(self).__name__
            raise ValueError(f"{name}(networks=None) cannot score images: pass trained networks")
        net = cast(nn.Module, self.networks.classifier)
        device = next(net.parameters()).device
        parts = [net(to_float(images[start:stop].to(device))) for start, stop in chunks(len(images))]
        logits = torch.cat(parts).double().cpu().numpy()  # (N, A)
        carriers = [self._carrier(name) for name in attributes]
        signs = np.where([value for _, value in carriers], 1.0, -1.0)
        found: NDArray[np.float64] = logits[:, [self.names.index(name) for name, _ in carriers]] * signs
        return found

    # --- training -----------------------------------------------------------------------------------

    def dataset_fields(self, dataset: Dataset) -> dict[str, Any]:
        names = tuple(str(name) for name in dataset.split("train").attributes.columns)
        features = dict(dataset.feature_attributes)
        return {**super().dataset_fields(dataset), "attributes": names, "features": features}

    def build(self, config: ConfigT) -> Networks[ConfigT]:
        return Networks(config, classifier=self.network(config).to(memory_format=torch.channels_last))

    def optimisers(self, networks: Networks[ConfigT]) -> dict[str, Stateful]:
        return {"adam": torch.optim.Adam(cast(nn.Module, networks.classifier).parameters(), networks.config.lr)}

    def training_step(
        self,
        networks: Networks[ConfigT],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, net, adam = networks.config, cast(nn.Module, networks.classifier), optimisers["adam"]
        rise = min(1.0, progress / config.warm_up)
        adam.param_groups[0]["lr"] = config.lr * rise * 0.5 * (1 + math.cos(math.pi * progress))
        truth = batch.targets[:, [batch.target_names.index(name) for name in config.attributes]]  # (N, A)
        images = random_shift(random_flip(batch.images, rng), config.max_shift, rng)
        logits = net(images.contiguous(memory_format=torch.channels_last))
        loss = F.binary_cross_entropy_with_logits(logits, truth)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        accuracy = ((logits >= CUT) == truth.bool()).float().mean()
        return {"cross_entropy": loss.detach(), "accuracy": accuracy}

    def assess(self, networks: Networks[ConfigT], dataset: Dataset) -> dict[str, Any]:
        """Return the accuracy of every attribute and feature on the test split; nothing if the split is empty."""
        judge, split = type(self)(networks), dataset.split("test")
        if len(split) == 0:
            return {}
        parts = [
            judge.scores(split.read(np.arange(start, stop)), judge.attributes) >= CUT
            for start, stop in chunks(len(split), READ)
        ]
        labels = np.concatenate(parts)  # (N, A)
        found = {}
        for i, name in enumerate(judge.attributes):
            attribute, value = judge._carrier(name)
            truth = split.attributes[attribute].to_numpy(dtype=bool) == value
            found[name] = agreement(labels[:, i], truth)
        return {"accuracy": found}
