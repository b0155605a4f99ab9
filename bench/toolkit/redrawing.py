"""Generators that draw again while a rule refuses what they drew."""

from __future__ import annotations

from abc import abstractmethod
from hashlib import sha256

import torch
from torch import Tensor

from bench.api import Generator, Wrapped, draw_noise


class Redrawing(Wrapped):
    """The original, which draws again while ``refused`` says so.

    Each noise vector has its own stream of noise, seeded with the sha256 of its bytes, so that the same noise always
    gives the same image.

    Parameters
    ----------
    original : Generator
    redraws : int
        Largest number of redraws of a sample; the last is kept anyway.
    """

    def __init__(self, original: Generator, redraws: int) -> None:
        super().__init__(original)
        self.redraws = redraws

    @abstractmethod
    def refused(self, noise: Tensor) -> Tensor:
        """Return which noise (N, noise_dim) is drawn again, (N,) bool on the CPU."""

    @torch.no_grad()
    def accepted(self, noise: Tensor) -> Tensor:
        """Return noise (N, noise_dim) that is not refused."""
        noise = noise.clone()
        streams = [_stream(row) for row in noise.cpu()]
        pending = torch.arange(len(noise))
        for _ in range(self.redraws):
            pending = pending[self.refused(noise[pending])]
            if len(pending) == 0:
                break
            for i in pending.tolist():
                noise[i] = draw_noise(self.original, 1, streams[i])[0].to(noise.device)
        return noise

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        return self.original.sample(self.accepted(noise))

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        return self.original.decode(latents, self.accepted(noise))


def _stream(row: Tensor) -> torch.Generator:
    seed = int.from_bytes(sha256(row.contiguous().numpy().tobytes()).digest()[:8], "big") >> 1
    return torch.Generator().manual_seed(seed)
