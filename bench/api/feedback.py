"""Feedback: which samples were shown and which were clicked. No images, no training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api.models import Generator
from bench.core import randomness
from bench.core.rendering import filled
from bench.errors import UsageError


@dataclass(frozen=True)
class Feedback:
    """The samples that were shown, and which of them were clicked.

    Attributes
    ----------
    labels : (N,) bool
        True where the sample was clicked: it has the feature.
    stream : str or None
        Random stream of the samples' noise; None if ``noise_array`` is given.
    noise_array : (N, noise_dim) float32 or None
    prior : {"normal", "uniform"}
        What the noise of the stream is drawn from: the generator's, which a method's feedback always has.
    also : mapping of str to (N,) bool
        Clicks on further attributes of the same samples, if the method asks for them (``Method.also_asks``).
    """

    labels: NDArray[np.bool_]
    stream: str | None = None
    noise_array: NDArray[np.float32] | None = None
    also: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    prior: str = randomness.NORMAL

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        """Number of samples that were clicked."""
        return int(self.labels.sum())

    def noise(self, start: int, stop: int, noise_dim: int) -> Tensor:
        """Return the noise of samples ``start`` to ``stop - 1``, (B, noise_dim) float32 on the CPU."""
        if self.noise_array is not None:
            return torch.from_numpy(self.noise_array[start:stop])
        assert self.stream is not None
        return randomness.draw(self.stream, range(start, stop), noise_dim, self.prior)

    def of(self, generator: Generator) -> Feedback:
        """Return this feedback with the prior of the generator that drew the samples."""
        return replace(self, prior=generator.prior)

    def latents(self, generator: Generator) -> Iterator[Tensor]:
        """Draw the latents of the shown samples again, chunk by chunk: (B, latent_dim) on the generator's device."""
        for latents, _ in self.samples(generator):
            yield latents

    @torch.no_grad()
    def samples(self, generator: Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Draw the shown samples again, chunk by chunk, on the generator's device.

        Yields
        ------
        latents : (B, latent_dim)
        images : (B, C, H, W)
        """
        device = next(generator.parameters()).device
        for noise, kept in self._whole_chunks(generator):
            latents, images = generator.sample(noise.to(device))
            yield latents[:kept], images[:kept]

    def _whole_chunks(self, generator: Generator) -> Iterator[tuple[Tensor, int]]:
        """Yield the noise (64, noise_dim) of consecutive samples, and how many of them were shown."""
        if self.noise_array is not None:
            return filled(torch.from_numpy(self.noise_array))
        assert self.stream is not None
        return randomness.draw_chunks(self.stream, len(self), generator.noise_dim, generator.prior)

    def require_both_classes(self) -> None:
        """Raise UsageError unless at least one sample was clicked and at least one was not."""
        if self.positives in (0, len(self)):
            what = "no positives" if self.positives == 0 else "no negatives"
            raise UsageError(
                f"feedback has {what} among {len(self)} samples, but both are needed. "
                "Show more samples (--set feedback.count=N) or check the labels (--feedback FILE)."
            )
