"""What the extractors ``digits`` and ``faces`` share: a small convolutional classifier and its training.

The embedding is the output of the last hidden layer, after batch norm and ReLU; without batch norm half of its numbers
are always 0.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
import torch
from pydantic import AliasChoices, Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from bench.api import Batch, Dataset, Extractor, Networks, Stateful, Trainable, TrainingConfig, chunks, to_float
from bench.toolkit.augmentation import random_shift

WIDTH = AliasChoices("embedding_dim", "feature_dim")  # weights of version 0.1 have the second name
READ = 1024  # test images read at once


class SmallConfig(TrainingConfig):
    """Architecture and training recipe."""

    lr: float = Field(2e-3, gt=0, description="AdamW's initial learning rate; cosine to 0")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay")
    max_shift: int = Field(2, ge=0, description="largest random shift of a training image, px")
    channels: tuple[int, ...] = Field((16, 32, 48), min_length=1, description="channels of the convolutions")
    embedding_dim: int = Field(64, ge=1, validation_alias=WIDTH, description="length of the embedding")


class SmallClassifier(nn.Module):
    """Convolutions with max pooling, one hidden layer, one logit per class."""

    def __init__(self, config: SmallConfig, classes: int) -> None:
        super().__init__()
        (colours, height, width), widths = config.image_shape, config.channels
        blocks = [_block(a, b) for a, b in zip((colours, *widths), widths, strict=False)]
        self.convolutions = nn.Sequential(*(layer for block in blocks for layer in block), nn.Flatten())
        flat = widths[-1] * (height // 2 ** len(widths)) * (width // 2 ** len(widths))
        self.hidden = nn.Sequential(
            nn.Linear(flat, config.embedding_dim, bias=False), nn.BatchNorm1d(config.embedding_dim), nn.ReLU()
        )
        self.head = nn.Linear(config.embedding_dim, classes)
        self.layout = torch.channels_last if colours > 1 else torch.contiguous_format  # faster in colour
        self.to(memory_format=self.layout)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) in [0, 1] to embeddings (N, embedding_dim) >= 0 and logits (N, classes)."""
        embeddings = self.hidden(self.convolutions(images.contiguous(memory_format=self.layout)))
        return embeddings, self.head(embeddings)


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]  # halves H and W


class SmallExtractor(Extractor, Trainable[SmallConfig]):
    """An extractor that is trained as a classifier.

    Attributes
    ----------
    targets : tuple of str
        Attributes of the data set that decide the class.
    """

    Config = SmallConfig
    targets: ClassVar[tuple[str, ...]]

    @abstractmethod
    def classes_of(self, targets: Tensor) -> Tensor:
        """Map ``targets``, (N, K), to the index of the class, (N,) int64."""

    def augmented(self, images: Tensor, config: SmallConfig, rng: torch.Generator) -> Tensor:
        """Change training images (N, C, H, W) a little."""
        return random_shift(images, config.max_shift, rng)

    def build(self, config: SmallConfig) -> Networks[SmallConfig]:
        return Networks(config, classifier=SmallClassifier(config, len(self.classes)))

    def optimisers(self, networks: Networks[SmallConfig]) -> dict[str, Stateful]:
        config, classifier = networks.config, cast(SmallClassifier, networks.classifier)
        return {"adam": AdamW(classifier.parameters(), config.lr, weight_decay=config.weight_decay)}

    def training_step(
        self,
        networks: Networks[SmallConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, classifier, adam = networks.config, cast(SmallClassifier, networks.classifier), optimisers["adam"]
        adam.param_groups[0]["lr"] = config.lr * 0.5 * (1 + math.cos(math.pi * progress))
        truth = self.classes_of(batch.targets[:, [batch.target_names.index(name) for name in self.targets]])  # (N,)
        _, logits = classifier(self.augmented(batch.images, config, rng))
        loss = F.cross_entropy(logits, truth)
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        return {"cross_entropy": loss.detach(), "accuracy": (logits.argmax(1) == truth).float().mean()}

    def assess(self, networks: Networks[SmallConfig], dataset: Dataset) -> dict[str, Any]:
        """Return the accuracy on the test split: the share of images whose class is right."""
        trained, split = type(self)(networks), dataset.split("test")
        truth = self.classes_of(torch.tensor(split.attributes[list(self.targets)].to_numpy(dtype=np.int64)))
        right = 0
        for start, stop in chunks(len(split), READ):
            logits = trained.outputs(to_float(split.read(np.arange(start, stop))))[1]
            right += int((logits.argmax(1).cpu() == truth[start:stop]).sum())
        return {"test_accuracy": right / len(split), "test_images": len(split)}

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if self.networks is None:
            raise ValueError(f"{type(self).__name__}(networks=None) has no outputs: pass trained networks")
        classifier = cast(SmallClassifier, self.networks.classifier)
        embeddings, logits = classifier(images.to(next(classifier.parameters()).device))
        return embeddings, logits
