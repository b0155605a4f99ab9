"""Edits in latent space: which latents have the feature, where they are moved, and what is then drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from bench.api import Generator, NoiseLatentGenerator, Wrapped


class Editor(nn.Module, ABC):
    """Flags latents that have the feature, and moves them to where it is gone. Called on latents, it scores them."""

    @abstractmethod
    def forward(self, latents: Tensor) -> Tensor:
        """Score latents (N, D), larger meaning more of the feature; (N,)."""

    @abstractmethod
    def flag(self, latents: Tensor) -> Tensor:
        """Return which latents (N, D) have the feature, (N,) bool."""

    @abstractmethod
    def erase(self, latents: Tensor) -> Tensor:
        """Move latents (N, D), flagged or not, to where the feature is gone, (N, D)."""

    def edit(self, latents: Tensor) -> Tensor:
        """Erase flagged latents and keep the others, (N, D)."""
        return torch.where(self.flag(latents)[:, None], self.erase(latents), latents)


@torch.no_grad()
def edited_sample(generator: Generator, editor: Editor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw from the original with flagged latents erased: f(erased(z)) where flagged, f(z) elsewhere.

    One pass if the latent is the noise; otherwise one ``sample``, and one ``decode`` of the flagged latents.

    Parameters
    ----------
    generator : Generator
        The original f.
    editor : Editor
    noise : (N, noise_dim) float32

    Returns
    -------
    latents : (N, latent_dim) float32
        The original's, before the edit.
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


class Edited(Wrapped):
    """The original, which erases flagged latents before it decodes; its latents are those before the edit."""

    def __init__(self, original: Generator, editor: Editor) -> None:
        super().__init__(original)
        self.editor = editor

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return edited_sample(self.original, self.editor, noise)[:2]

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        return self.original.decode(self.editor.edit(latents), noise)
