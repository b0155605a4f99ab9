"""Small convolutional classifier of faces, for FID and IS.

Its twenty disjoint classes are hair colour (black, blond, brown, grey, other or not visible) x sex x glasses, from
attributes with CelebA's names. It is not an oracle: it does not learn bangs or beards, and it is trained separately
from the oracles.
"""

from __future__ import annotations

from itertools import product

import torch
from pydantic import Field
from torch import Tensor

from bench.api import hookimpl
from bench.toolkit.augmentation import random_flip

from ._small import WIDTH, SmallConfig, SmallExtractor

HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")  # at most one of them; "other" if none


class FacesConfig(SmallConfig):
    """Architecture and training recipe."""

    image_shape: tuple[int, int, int] = Field((3, 64, 64), description="(C, H, W), px; set from the data set")
    epochs: float = Field(2, gt=0, description="passes over the training images")
    batch_size: int = Field(64, ge=2, description="images per step")
    channels: tuple[int, ...] = Field((16, 32, 64, 96), min_length=1, description="channels of the convolutions")
    embedding_dim: int = Field(96, ge=1, validation_alias=WIDTH, description="length of the embedding")


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

    def augmented(self, images: Tensor, config: SmallConfig, rng: torch.Generator) -> Tensor:
        """Mirror half of the images, and shift all of them."""
        return super().augmented(random_flip(images, rng), config, rng)


@hookimpl
def register_extractors(register):  # type: ignore[no-untyped-def]
    register(Faces)
