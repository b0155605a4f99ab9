"""Reference, not an unlearned model: redraw each sample until the oracle labels it negative.

It shows what redrawing costs, most of it by losing what goes with the feature: no sample is positive for this oracle,
nothing else changes, and yet ``fid`` does. It needs the oracle at sampling time.
"""

from __future__ import annotations

from copy import deepcopy
from hashlib import sha256

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Params, Unlearned, draw_noise, hookimpl, to_uint8


class Config(Params):
    """When to give up."""

    redraws: int = Field(100, ge=1, description="largest number of redraws per sample; the last is kept anyway")


class Rejecting(Generator):
    """The original, which draws again while the oracle labels its sample positive.

    Each noise vector has its own stream of noise, seeded with the sha256 of its bytes, so that the same noise always
    gives the same image.
    """

    def __init__(self, original: Generator, oracle: Oracle, redraws: int) -> None:
        super().__init__()
        self.original, self.oracle, self.redraws = original, oracle, redraws
        self.image_shape, self.noise_dim, self.latent_dim = (
            original.image_shape,
            original.noise_dim,
            original.latent_dim,
        )

    @torch.no_grad()
    def accepted(self, noise: Tensor) -> Tensor:
        """Return noise (N, noise_dim) whose samples the oracle labels negative."""
        noise = noise.clone()
        streams = [_stream(row) for row in noise.cpu()]
        pending = torch.arange(len(noise))
        for _ in range(self.redraws):
            positive = self.oracle.label(to_uint8(self.original(noise[pending])))
            pending = pending[torch.from_numpy(positive)]
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


class Reject(Method[Config]):
    """Rejection of samples that the oracle labels positive."""

    Config = Config
    needs = frozenset({"oracle"})
    reads_feedback = False

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        assert context.oracle is not None
        return Unlearned(Rejecting(deepcopy(generator), context.oracle, self.config.redraws))

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        assert oracle is not None
        return Unlearned(Rejecting(deepcopy(original), oracle, self.config.redraws))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Reject)
