"""The samples of a generator that a page shows: pictures and latents, drawn in whole chunks and kept."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from bench.api import Generator, NoiseLatentGenerator
from bench.core import randomness
from bench.core.rendering import CHUNK, chunks, to_uint8
from bench.workspace.pictures import visible

PATIENCE = 0.005  # seconds that the drawing ahead waits where a picture is asked for


class Samples:
    """Samples 0 to ``count - 1`` of a stream.

    Parameters
    ----------
    generator : Generator
    stream : str
    count : int
    """

    def __init__(self, generator: Generator, stream: str, count: int) -> None:
        self.generator, self.stream, self.count = generator, stream, count
        self.device = next(generator.parameters()).device
        self._pictures: dict[int, list[bytes]] = {}
        self._latents: dict[int, Tensor] = {}
        self._drawing = threading.Lock()
        self._asked = 0

    def picture(self, sample: int) -> bytes:
        """Return the PNG file of a sample."""
        number, place = divmod(sample, CHUNK)
        if number not in self._pictures:
            self._asked += 1
            try:
                self._draw(number)
            finally:
                self._asked -= 1
        return self._pictures[number][place]

    def noise(self, samples: Sequence[int]) -> Tensor:
        """Return the noise of samples, (N, noise_dim) float32 on the CPU."""
        return randomness.draw(self.stream, samples, self.generator.noise_dim, self.generator.prior)

    def latents(self, samples: Sequence[int]) -> Tensor:
        """Return the latents of samples, (N, latent_dim) float32 on the CPU."""
        if isinstance(self.generator, NoiseLatentGenerator):
            return self.noise(samples)
        for number in {sample // CHUNK for sample in samples}:
            self._draw(number)
        rows = [self._latents[sample // CHUNK][sample % CHUNK] for sample in samples]
        return torch.stack(rows) if rows else torch.empty(0, self.generator.latent_dim)

    def has_latents(self, sample: int) -> bool:
        """Say whether the latents of a sample cost no drawing."""
        return isinstance(self.generator, NoiseLatentGenerator) or sample // CHUNK in self._latents

    def draw_ahead(self, stopped: threading.Event) -> None:
        """Draw all pictures in order, until told to stop; pictures that a page requests come first."""
        for number, _ in enumerate(chunks(self.count)):
            while self._asked and not stopped.is_set():
                time.sleep(PATIENCE)
            if stopped.is_set():
                return
            self._draw(number)

    @torch.no_grad()
    def decoded(self, latents: Tensor, samples: Sequence[int]) -> Tensor:
        """Draw pictures (N, C, H, W) uint8 of latents that replace the samples' own."""
        images = self.generator.decode(latents.to(self.device), self.noise(samples).to(self.device))
        return to_uint8(images)

    @torch.no_grad()
    def _draw(self, number: int) -> None:
        with self._drawing:
            if number in self._pictures:
                return
            noise = self.noise(range(number * CHUNK, (number + 1) * CHUNK)).to(self.device)
            latents, images = self.generator.sample(noise)
            if not isinstance(self.generator, NoiseLatentGenerator):
                self._latents[number] = latents.float().cpu()
            self._pictures[number] = [png_of(image) for image in to_uint8(images)]


def png_of(image: Tensor) -> bytes:
    """Return a (C, H, W) uint8 picture as a PNG file."""
    pixels = visible(image[None])[0].permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()
