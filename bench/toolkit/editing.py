"""Edits in latent space: which latents carry the feature, where they go instead, and what is then drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from bench.api import Generator, NoiseLatentGenerator


class Editor(nn.Module, ABC):
    """Which latents carry the feature, and where they go instead; called on latents, it scores them."""

    @abstractmethod
    def forward(self, latents: Tensor) -> Tensor:
        """Score latents (N, D), larger meaning more of the feature; (N,)."""

    @abstractmethod
    def flag(self, latents: Tensor) -> Tensor:
        """Return which latents (N, D) carry the feature, (N,) bool."""

    @abstractmethod
    def erase(self, latents: Tensor) -> Tensor:
        """Move latents (N, D), flagged or not, to where the feature is gone, (N, D)."""

    def edit(self, latents: Tensor) -> Tensor:
        """Erase flagged latents and leave the others, (N, D)."""
        return torch.where(self.flag(latents)[:, None], self.erase(latents), latents)


@torch.no_grad()
def edited_sample(generator: Generator, editor: Editor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Render what the original draws once flagged latents are erased: f(erased(z)), and f(z) elsewhere.

    Where the latent is the noise this is one pass; otherwise one ``sample`` and a ``decode`` of the flagged.

    Parameters
    ----------
    generator : Generator
        The original f.
    editor : Editor
    noise : (N, noise_dim) float32

    Returns
    -------
    latents : (N, latent_dim) float32
        As the original draws them, before the edit.
    images : (N, C, H, W) float32
    flagged : (N,) bool
    """
    if isinstance(generator, NoiseLatentGenerator):
        return noise, generator.decode(editor.edit(noise), noise), editor.flag(noise)
    latents, images = generator.sample(noise)
    flagged = editor.flag(latents)
    if flagged.any():
        images = images.clone()
        images[flagged] = generator.decode(editor.erase(latents[flagged]), noise[flagged])
    return latents, images, flagged


def edited_images(generator: Generator, editor: Editor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (N, C, H, W) and flagged (N,) of ``edited_sample``."""
    return edited_sample(generator, editor, noise)[1:]
