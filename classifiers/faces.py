"""A small convolutional classifier of faces: the extractor ``faces`` of FID and IS.

Its twenty disjoint classes are hair colour (black, blond, brown, grey, other or none to be seen) x sex x glasses,
after attributes with CelebA's names. It is no oracle: it never learns a fringe or a beard by name, and it is
trained apart from the oracles. Features are the numbers before the last layer, after batch norm and ReLU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from bench.api import (
    Batch,
    Dataset,
    Extractor,
    Networks,
    Stateful,
    Trainable,
    TrainingConfig,
    chunks,
    hookimpl,
    to_float,
)
from bench.toolkit.augmentation import random_flip, random_shift

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # at most one of them; none is the fifth colour
TARGETS = (*HAIR, "Male", "Eyeglasses")
CLASSES = tuple(
    "/".join(parts)
    for parts in product(("black", "blond", "brown", "grey", "other"), ("woman", "man"), ("no glasses", "glasses"))
)


class FacesConfig(TrainingConfig):
    """Architecture and training recipe."""

    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W); set from the data set")
    epochs: float = Field(2, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step")
    lr: float = Field(2e-3, gt=0, description="AdamW's learning rate at the start; cosine to 0")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay")
    channels: tuple[int, int, int, int] = Field((16, 32, 64, 96), description="of the four convolutions")
    feature_dim: int = Field(96, ge=1, description="length of the feature vector")
    max_shift: int = Field(2, ge=0, description="largest random shift of a training image, pixels")


def classes_of(targets: Tensor) -> Tensor:
    """Map the attributes ``TARGETS``, (N, 6) of 0 or 1, to the index of the class, (N,) int64."""
    hair, male, glasses = targets[:, :4].long(), targets[:, 4].long(), targets[:, 5].long()
    colour = torch.where(hair.any(1), hair.argmax(1), len(HAIR))
    return (colour * 2 + male) * 2 + glasses


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]  # halves H and W


class FaceClassifier(nn.Module):
    """Four convolutions with max pooling, one hidden layer, twenty logits."""

    def __init__(self, config: FacesConfig) -> None:
        super().__init__()
        (channels, height, width), widths = config.image_shape, config.channels
        blocks = [_block(a, b) for a, b in zip((channels, *widths), widths, strict=False)]
        self.convolutions = nn.Sequential(*(layer for block in blocks for layer in block), nn.Flatten())
        flat = widths[-1] * (height // 16) * (width // 16)
        self.hidden = nn.Sequential(
            nn.Linear(flat, config.feature_dim, bias=False), nn.BatchNorm1d(config.feature_dim), nn.ReLU()
        )
        self.head = nn.Linear(config.feature_dim, len(CLASSES))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) in [0, 1] to features (N, feature_dim) >= 0 and logits (N, 20)."""
        features = self.hidden(self.convolutions(images.contiguous(memory_format=torch.channels_last)))
        return features, self.head(features)


class Faces(Extractor, Trainable[FacesConfig]):
    """The extractor for faces and its training recipe."""

    Config = FacesConfig
    classes = CLASSES

    def build(self, config: FacesConfig) -> Networks[FacesConfig]:  # noqa: D102 (inherited)
        return Networks(config, classifier=FaceClassifier(config))

    def optimisers(self, networks: Networks[FacesConfig]) -> dict[str, Stateful]:  # noqa: D102 (inherited)
        config, classifier = networks.config, cast(FaceClassifier, networks.classifier)
        return {"adam": AdamW(classifier.parameters(), config.lr, weight_decay=config.weight_decay)}

    def training_step(  # noqa: D102 (inherited)
        self,
        networks: Networks[FacesConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, classifier, adam = networks.config, cast(FaceClassifier, networks.classifier), optimisers["adam"]
        adam.param_groups[0]["lr"] = config.lr * 0.5 * (1 + math.cos(math.pi * progress))
        truth = classes_of(batch.targets[:, [batch.target_names.index(name) for name in TARGETS]])
        _, logits = classifier(random_shift(random_flip(batch.images, rng), config.max_shift, rng))
        loss = F.cross_entropy(logits, truth)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        return {"cross_entropy": loss.detach(), "accuracy": (logits.argmax(1) == truth).float().mean()}

    def assess(self, networks: Networks[FacesConfig], dataset: Dataset) -> dict[str, Any]:
        """Return the share of the test split's images whose class is found."""
        split = dataset.split("test")
        truth = classes_of(torch.tensor(split.attributes[list(TARGETS)].to_numpy(dtype=np.int64)))
        right = 0
        for start, stop in chunks(len(split), 1024):
            images = to_float(split.read(np.arange(start, stop)))
            right += int((type(self)(networks).outputs(images)[1].argmax(1).cpu() == truth[start:stop]).sum())
        return {"test_accuracy": right / len(split), "test_images": len(split)}

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:  # noqa: D102 (inherited)
        if self.networks is None:
            raise ValueError("Faces(networks=None) describes and trains the extractor; it has no outputs")
        classifier = cast(FaceClassifier, self.networks.classifier)
        features, logits = classifier(images.to(next(classifier.parameters()).device))
        return features, logits


@hookimpl
def register_classifiers(register):  # type: ignore[no-untyped-def]  # noqa: D103
    register(Faces)
