"""Small convolutional network for faces, for FID and IS.

Its embedding learns all attributes of the data set, and to tell faces apart (``_small.py``). Its twenty disjoint
classes are hair colour (black, blond, brown, grey, other or not visible) x sex x glasses, from attributes with CelebA's
names. It is not an oracle, and another architecture than MobileNet: a method that fools one need not fool the other.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Dataset, hookimpl
from bench.toolkit.augmentation import random_flip

from ._small import SmallConfig, SmallExtractor

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # at most one of them; "other" if none


class FacesConfig(SmallConfig):
    """Architecture and training recipe."""

    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W), px; set from the data set")
    epochs: float = Field(6, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step")
    lr: float = Field(1e-2, gt=0, description="AdamW's initial learning rate; cosine to 0")
    max_blur: float = Field(1.5, ge=0, description="largest standard deviation of a training image's blur, px")
    max_noise: float = Field(0.05, ge=0, description="largest standard deviation of a training image's noise")
    channels: tuple[int, ...] = Field((24, 48, 96, 128), min_length=1, description="channels of the convolutions")
    embedding_dim: int = Field(96, ge=1, description="length of the embedding")


class Faces(SmallExtractor):
    """The extractor for faces; its embedding has 96 numbers."""

    Config = FacesConfig
    classes = tuple(
        "/".join(parts)
        for parts in product(("black", "blond", "brown", "grey", "other"), ("woman", "man"), ("no glasses", "glasses"))
    )
    targets = (*HAIR, "Male", "Eyeglasses")

    def classes_of(self, targets: Tensor) -> Tensor:
        """Map the attributes ``targets``, (N, 6) of 0 or 1, to the index of the class, (N,) int64."""
        hair, male, glasses = targets[:, :4].long(), targets[:, 4].long(), targets[:, 5].long()
        colour = torch.where(hair.any(1), hair.argmax(1), len(HAIR))
        return (colour * 2 + male) * 2 + glasses

    def prepared(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Mirror half of the images."""
        return random_flip(images, rng)

    def dataset_fields(self, dataset: Dataset) -> dict[str, Any]:
        names = tuple(str(name) for name in dataset.split("train").attributes.columns)
        return {**super().dataset_fields(dataset), "attributes": names}


@hookimpl
def register_extractors(register):  # type: ignore[no-untyped-def]
    register(Faces)
