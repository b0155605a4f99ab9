"""Closed form: project every latent off the direction, folded into the weights where the generator allows it.

    z -> z - (u.z - m) v        for all z; u and v of ``bench/toolkit/latent.py``, u.v = 1, m a constant

If the generator's first layer is a linear map W z + b of the latent, this is W - (W v) u^T and b + m W v: a rank-1
change of its weights, in the sense of Bau et al.: Rewriting a Deep Generative Model (ECCV 2020, arXiv 2007.15646).
Otherwise the generator is wrapped. With m the negatives' mean projection and ``scale=none`` this is LEACE
(Belrose et al. 2023, arXiv 2306.03819) for white latents, up to the constant.

No training. Nothing is flagged: each latent loses its part along u, so no latent brings it back, and samples without
the feature change as much as those with it. A feature that is not a straight direction stays.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from bench.api import Context, Feedback, Generator, Method, NoiseLatentGenerator, Oracle, Unlearned, hookimpl
from bench.toolkit.editing import Edited
from bench.toolkit.latent import Direction, DirectionParams, KeepParams, fit_direction


class Config(KeepParams):
    """Parameters of the direction, the kept attributes, and the level to which every latent moves."""

    level: Literal["negative_mean", "mean"] = Field(
        "negative_mean", description="m, the projection that every latent gets: the mean over negatives, or over all"
    )
    strength: float = Field(1.0, ge=0, le=1, description="share of the move that is made; at 0 nothing changes")

    def directions(self) -> DirectionParams:
        """Return the parameters of the direction whose landing is m."""
        return DirectionParams.of(self, landing="threshold" if self.level == "mean" else "negative_mean")


class Fold(Method[Config]):
    """Projection of every latent, folded into the weights."""

    Config = Config

    @classmethod
    def sweep(cls) -> dict[str, tuple[float, ...]]:
        return {"strength": (0.5, 0.75, 0.9)}

    def also_asks(self) -> tuple[str, ...]:
        return self.config.keep

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        direction = fit_direction(generator, feedback, self.config.directions())
        everywhere = deepcopy(direction)
        everywhere.threshold.fill_(torch.finfo(torch.float32).min)  # flags every latent
        everywhere.length.fill_(self.config.strength)
        return Unlearned(folded(generator, everywhere), direction)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        direction = Direction.unfitted(original.latent_dim, self.config.directions())
        return Unlearned(folded(original, deepcopy(direction)), direction)


def folded(original: Generator, direction: Direction) -> Generator:
    """Return a copy that moves every latent as ``direction.erase`` does, in its first layer or in a wrapper."""
    student = deepcopy(original)
    layer = first_layer(student)
    if layer is None:
        return Edited(student, direction)
    with torch.no_grad():
        read, move = direction.unit, direction.length * (direction.move if direction.oblique else direction.unit)
        shift = layer.weight @ move  # W v
        if layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros_like(shift), requires_grad=False)
        layer.bias.add_(direction.landing * shift)
        layer.weight.sub_(torch.outer(shift, read))
    return student


@torch.no_grad()
def first_layer(generator: Generator) -> nn.Linear | None:
    """Return the linear layer through which alone the latent enters the image; None if there is no such layer."""
    if not isinstance(generator, NoiseLatentGenerator):
        return None
    device = next(generator.parameters()).device
    latents, others = (torch.full((1, generator.latent_dim), value, device=device) for value in (0.3, -0.7))
    for layer in [module for module in generator.modules() if type(module) is nn.Linear]:
        if layer.in_features == generator.latent_dim:
            swapped = nn.functional.linear(others, layer.weight, layer.bias)
            swap = layer.register_forward_hook(lambda module, given, out, swapped=swapped: swapped)
            try:
                images = generator.render(latents)
            finally:
                swap.remove()
            if torch.allclose(images, generator.render(others), atol=1e-6):
                return layer
    return None


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Fold)
