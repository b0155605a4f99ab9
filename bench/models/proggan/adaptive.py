"""Adaptive augmentation of what the critic sees, so that it does not learn a few thousand photographs by heart.

Reals and fakes are changed alike, so the generator does not learn the changes. How often they are changed follows a
sign of overfitting, the mean sign of the critic's scores of reals (ADA, Karras et al. 2020, arXiv 2006.06676, section
3). The changes themselves are those of DiffAugment (Zhao et al. 2020, arXiv 2006.10738, section 4), because they need
no resampling: brightness, saturation and contrast, a shift, and a square cut out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.toolkit.augmentation import random_shift

IMAGES = 500_000  # real images during which the probability can go from 0 to 1 (ADA, section 3)
MEMORY = 0.06  # weight of the newest batch in the mean sign: about 256 images in batches of 16 (ADA: four of 64)
LARGEST = 0.5  # probability: ours; above 0.8 changes leak into what is drawn (ADA, section 2.2)
SHIFT = 1 / 8  # largest shift, share of the side (DiffAugment)
CUT = 1 / 2  # side of the square that is cut out, share of the side (DiffAugment)


class Augmentation(nn.Module):
    """Changes images with a probability that adapts to the critic; both are part of a training's state.

    Parameters
    ----------
    target : float
        Mean sign of the reals' scores that the probability aims at; above it, the critic overfits. 0: never change.

    Attributes
    ----------
    probability : scalar tensor
        Of each of the three changes, in [0, ``LARGEST``].
    sign : scalar tensor
        Running mean of the sign of the reals' scores, in [-1, 1].
    """

    probability: Tensor
    sign: Tensor

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.register_buffer("probability", torch.zeros(()))
        self.register_buffer("sign", torch.zeros(()))

    def forward(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Change images (N, C, R, R) in [-1, 1], each in its own way; ``rng`` is on their device."""
        if self.target == 0:
            return images
        for change in (recoloured, moved, cut_out):
            chosen = torch.rand(len(images), 1, 1, 1, generator=rng, device=images.device) < self.probability
            images = torch.where(chosen, change(images, rng), images)
        return images

    @torch.no_grad()
    def adapt(self, scores: Tensor) -> None:
        """Follow the scores (N,) of reals: raise the probability if the critic is too sure of them, else lower it."""
        if self.target == 0:
            return
        self.sign.lerp_(scores.sign().mean(), MEMORY)
        self.probability.add_((self.sign - self.target).sign() * (len(scores) / IMAGES)).clamp_(0, LARGEST)

    def report(self) -> dict[str, Tensor]:
        """Return the values to log; none if images are never changed."""
        found = {"augmented": self.probability.clone(), "sign": self.sign.clone()}
        return found if self.target > 0 else {}


def recoloured(images: Tensor, rng: torch.Generator) -> Tensor:
    """Change brightness by up to 1/4 of the range, saturation by a factor of 0 to 2, contrast by one of 1/2 to 3/2."""
    brightness, saturation, contrast = torch.rand(3, len(images), 1, 1, 1, generator=rng, device=images.device)
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = torch.lerp(grey, images, 2 * saturation)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast + 0.5)


def moved(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shift each image by up to ``SHIFT`` of its side, filling with grey."""
    return random_shift(images, round(images.shape[-1] * SHIFT), rng)


def cut_out(images: Tensor, rng: torch.Generator) -> Tensor:
    """Make a square about a random pixel of each image grey."""
    count, _, side, _ = images.shape
    centre = torch.randint(0, side, (2, count, 1), generator=rng, device=images.device)
    inside = (torch.arange(side, device=images.device) - centre).abs() * 2 < round(side * CUT)  # (2, N, R)
    square = inside[0][:, None, :, None] & inside[1][:, None, None, :]  # (N, 1, R, R)
    return images.masked_fill(square, 0)
