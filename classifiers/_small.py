"""The base of the extractors ``digits`` and ``faces``: a small convolutional network and its training.

The embedding has to carry everything that tells two images apart, not the classes alone: a Frechet distance is blind
to what its embedding leaves out. So the network learns three things from one embedding:

- the class, every attribute that the extractor names, and how blurred and how noisy the image is, read off by linear
  heads;
- to recognise an image that was shifted (Barlow Twins, on the embedding itself): two views of an image agree in every
  number, and different numbers do not repeat each other. The second half spreads the embedding over all its dimensions.

Both views of an image have the same blur and the same amount of noise. So the classes become robust to them, while the
embedding sees them.

References
----------
Zbontar, Jing, Misra, LeCun, Deny: *Barlow Twins: self-supervised learning via redundancy reduction*, ICML 2021,
arXiv 2103.03230, Eq. 1. Deviation: the loss is on the embedding, without a projector, because the embedding itself is
what has to be spread.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW

from bench.api import Batch, Dataset, Extractor, Networks, Stateful, Trainable, TrainingConfig, chunks, to_float
from bench.toolkit.augmentation import blurred, random_shift
from bench.toolkit.training import mixed_precision

DAMAGES = 2  # blur and noise, which are learnt like attributes, with values from 0 to 1
READ = 1024  # test images read at once


class SmallConfig(TrainingConfig):
    """Architecture and training recipe."""

    batch_size: int = Field(128, ge=2, description="images per step")
    lr: float = Field(6e-3, gt=0, description="AdamW's initial learning rate; cosine to 0")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay")
    max_shift: int = Field(2, ge=0, description="largest random shift of a training image, px")
    max_blur: float = Field(2.0, ge=0, description="largest standard deviation of a training image's blur, px")
    max_noise: float = Field(0.1, ge=0, description="largest standard deviation of a training image's noise")
    views_weight: float = Field(10.0, ge=0, description="weight of the agreement of two views")
    redundancy: float = Field(0.1, ge=0, description="weight of the correlations between numbers of the embedding")
    attributes: tuple[str, ...] = Field((), description="attributes to learn; set from the data set")
    bfloat16: bool = Field(True, description="train the convolutions in bfloat16 where the device has it")
    channels: tuple[int, ...] = Field((24, 48, 96), min_length=1, description="channels of the convolutions")
    embedding_dim: int = Field(64, ge=1, description="length of the embedding")


class SmallNetwork(nn.Module):
    """Strided convolutions, a linear embedding of unit variances, linear heads."""

    def __init__(self, config: SmallConfig, classes: int) -> None:
        super().__init__()
        (colours, height, width), widths, dim = config.image_shape, config.channels, config.embedding_dim
        blocks = [_block(a, b) for a, b in zip((colours, *widths), widths, strict=False)]
        self.convolutions = nn.Sequential(*(layer for block in blocks for layer in block), nn.Flatten())
        flat = widths[-1] * (height >> len(widths)) * (width >> len(widths))
        self.embedding = nn.Sequential(nn.Linear(flat, dim, bias=False), nn.BatchNorm1d(dim, affine=False))
        self.classes = nn.Linear(dim, classes)
        self.attributes = nn.Linear(dim, len(config.attributes) + DAMAGES)
        self.layout = torch.channels_last if colours > 1 else torch.contiguous_format  # faster in colour
        self.to(memory_format=self.layout)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) in [0, 1] to embeddings (N, embedding_dim) and logits (N, classes)."""
        embeddings = self.embedding(self.convolutions(images.contiguous(memory_format=self.layout)))
        return embeddings, self.classes(embeddings)


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    halving = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)  # H and W, rounded down
    return [halving, nn.BatchNorm2d(outputs), nn.ReLU()]


def two_views(images: Tensor, config: SmallConfig, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blur images (N, C, H, W), shift each in two ways and add noise.

    Returns
    -------
    views : (2N, C, H, W) float32
        All first views, then all second ones.
    damage : (N, 2) float32
        Blur and noise as shares of the largest; a third of the images has none, the rest any amount.
    """
    damage = (1.5 * torch.rand(len(images), DAMAGES, generator=rng, device=images.device) - 0.5).clamp(min=0)
    pictures = blurred(images, config.max_blur * damage[:, 0]).repeat(2, 1, 1, 1)
    noise = torch.randn(pictures.shape, generator=rng, device=images.device)
    level = config.max_noise * damage[:, 1].repeat(2)[:, None, None, None]
    return (random_shift(pictures, config.max_shift, rng) + level * noise).clamp(0, 1), damage


def agreement(a: Tensor, b: Tensor, redundancy: float) -> Tensor:
    """Return the loss of Barlow Twins between two views' embeddings (N, D), per number of the embedding."""
    a, b = ((z - z.mean(0)) / (z.std(0, correction=0) + 1e-4) for z in (a, b))
    correlations = a.T @ b / len(a)  # (D, D)
    same = correlations.diagonal()
    others = correlations.square().sum() - same.square().sum()
    return ((1 - same).square().sum() + redundancy * others) / len(same)


class SmallExtractor(Extractor, Trainable[SmallConfig]):
    """An extractor that learns classes, attributes, and to tell images apart.

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

    def prepared(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Change training images (N, C, H, W) before their two views are made; the views share the change."""
        return images

    def build(self, config: SmallConfig) -> Networks[SmallConfig]:
        return Networks(config, classifier=SmallNetwork(config, len(self.classes)))

    def optimisers(self, networks: Networks[SmallConfig]) -> dict[str, Stateful]:
        config, network = networks.config, cast(SmallNetwork, networks.classifier)
        return {"adam": AdamW(network.parameters(), config.lr, weight_decay=config.weight_decay)}

    def training_step(
        self,
        networks: Networks[SmallConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        config, network, adam = networks.config, cast(SmallNetwork, networks.classifier), optimisers["adam"]
        adam.param_groups[0]["lr"] = config.lr * 0.5 * (1 + math.cos(math.pi * progress))
        truth = self.classes_of(_columns(batch, self.targets)).repeat(2)  # (2N,)
        pictures, damage = two_views(self.prepared(batch.images, rng), config, rng)
        with mixed_precision(pictures.device, config.bfloat16):
            seen = network.convolutions(pictures.contiguous(memory_format=network.layout))
        embeddings = network.embedding(seen.float())
        logits = network.classes(embeddings)
        first, second = embeddings.chunk(2)
        losses = {
            "cross_entropy": F.cross_entropy(logits, truth),
            "views": agreement(first, second, config.redundancy),
        }
        wanted = torch.cat([_columns(batch, config.attributes), damage], dim=1).repeat(2, 1)  # (2N, A + 2), in [0, 1]
        off = F.binary_cross_entropy_with_logits(network.attributes(embeddings), wanted, reduction="none")
        losses["attributes"] = off.sum(1).mean()
        loss = losses["cross_entropy"] + losses["attributes"] + config.views_weight * losses["views"]
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        accuracy = (logits.argmax(1) == truth).float().mean()
        return {**{name: value.detach() for name, value in losses.items()}, "accuracy": accuracy}

    def assess(self, networks: Networks[SmallConfig], dataset: Dataset) -> dict[str, Any]:
        """Return the share of images of the test split whose class is right; nothing if the split is empty."""
        trained, split = type(self)(networks), dataset.split("test")
        if len(split) == 0:
            return {}
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
        network = cast(SmallNetwork, self.networks.classifier)
        embeddings, logits = network(images.to(next(network.parameters()).device))
        return embeddings, logits


def _columns(batch: Batch, names: tuple[str, ...]) -> Tensor:
    return batch.targets[:, [batch.target_names.index(name) for name in names]]
