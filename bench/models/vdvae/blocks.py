"""The parts of both networks: bottlenecks, stochastic blocks, learned changes of resolution, the output layer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import LatentLayer

from .architecture import Architecture
from .config import VDVAEConfig
from .mixture import parameter_count


class Bottleneck(nn.Module):
    """Four convolutions, 1x1-3x3-3x3-1x1, each after a GELU (``Block`` of openai/vdvae).

    Below 3 px all four are 1x1. ``residual`` adds the input; ``last_scale`` scales the last layer's initial weights.
    """

    def __init__(
        self,
        resolution: int,
        inputs: int,
        middle: int,
        outputs: int,
        *,
        residual: bool = False,
        last_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.residual = residual
        side = 3 if resolution > 2 else 1
        self.c1 = convolution(inputs, middle)
        self.c2 = convolution(middle, middle, side)
        self.c3 = convolution(middle, middle, side)
        self.c4 = convolution(middle, outputs, scale=last_scale)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, inputs, R, R) to (N, outputs, R, R)."""
        hidden = self.c1(F.gelu(x))
        hidden = self.c2(F.gelu(hidden))
        hidden = self.c3(F.gelu(hidden))
        out: Tensor = self.c4(F.gelu(hidden))
        return out.add_(x) if self.residual else out


class StochasticBlock(nn.Module):
    """One block of the decoder: a prior over its latents, their projection, and a residual block.

    ``prior_bound`` B, unless 0, keeps the prior's mean within (-B, B) and its standard deviation at most B.
    """

    def __init__(self, layer: LatentLayer, width: int, middle: int, depth_scale: float, prior_bound: float) -> None:
        super().__init__()
        self.channels, self.prior_bound = layer.channels, prior_bound
        self.prior = Bottleneck(layer.resolution, width, middle, 2 * layer.channels + width, last_scale=0.0)
        self.z_proj = convolution(layer.channels, width, scale=depth_scale)
        self.resnet = Bottleneck(layer.resolution, width, middle, width, residual=True, last_scale=depth_scale)

    def forward(self, x: Tensor, draw: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
        """Map features (N, W, R, R) to features, with latents that ``draw`` takes from them and from the prior."""
        z = self.channels
        prior = self.prior(x)  # (N, 2Z + W, R, R)
        mean, log_sigma, more = prior.split([z, z, x.shape[1]], dim=1)
        mean, log_sigma = mean.float(), log_sigma.float()
        if self.prior_bound > 0:
            mean = self.prior_bound * torch.tanh(mean / self.prior_bound)
            log_sigma = log_sigma.clamp(max=math.log(self.prior_bound))
        latents = draw(x, mean, log_sigma)
        features: Tensor = self.resnet((x + more).add_(pixelwise(self.z_proj, latents)))
        return features


class OutNet(nn.Module):
    """1x1 convolution to the mixture's parameters, ``factor`` x ``factor`` pixels for each position."""

    def __init__(self, config: VDVAEConfig, width: int, factor: int) -> None:
        super().__init__()
        parameters = parameter_count(config.image_shape[0], config.mixtures)
        self.out_conv = nn.Conv2d(width, parameters * factor**2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, W, R, R) to parameters (N, P * factor**2, R, R), contiguous for reading plane by plane."""
        weight, bias = self.out_conv.weight.flatten(1), self.out_conv.bias  # (P, W), (P,)
        assert bias is not None
        flat = x.flatten(2)  # (N, W, R * R)
        parameters = torch.baddbmm(bias[:, None], weight.expand(len(x), -1, -1), flat)
        return parameters.reshape(*parameters.shape[:2], *x.shape[2:])


def pixelwise(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a 1x1 convolution; the output's channels come last in memory, however those of ``x`` lie.

    With one input channel PyTorch cannot tell the two layouts apart, and would answer in the other one. Whoever adds
    the output to features then waits five times as long.
    """
    return F.linear(x.movedim(1, -1), layer.weight[:, :, 0, 0], layer.bias).movedim(-1, 1)


def convolution(inputs: int, outputs: int, side: int = 1, scale: float = 1.0) -> nn.Conv2d:
    """Make a convolution that keeps the resolution: bias 0, PyTorch's initial weights times ``scale``."""
    layer = nn.Conv2d(inputs, outputs, side, padding=side // 2)
    with torch.no_grad():
        assert layer.bias is not None
        layer.bias.zero_()
        layer.weight.mul_(scale)
    return layer


def middle_width(width: int, config: VDVAEConfig) -> int:
    """Return the width of a bottleneck's inner convolutions."""
    return max(1, int(width * config.bottleneck))


def learned_upsampling(architecture: Architecture, config: VDVAEConfig) -> dict[str, nn.Module]:
    """Make the learned upsampling from ``learned_jumps`` px or less, by the resolution it leads to."""
    jumps = {(step.other, step.resolution) for step in architecture.decoder if step.other is not None}
    return {
        str(high): nn.ConvTranspose2d(
            architecture.width_at(low), architecture.width_at(high), high // low, stride=high // low
        )
        for low, high in sorted(jumps)
        if low <= config.learned_jumps
    }


def learned_pooling(architecture: Architecture, config: VDVAEConfig) -> dict[str, nn.Module]:
    """Make the learned pooling to ``learned_jumps`` px or less, by the resolution it leads to."""
    jumps = {(step.resolution, step.other) for step in architecture.encoder if step.other is not None}
    return {
        str(high // factor): nn.Conv2d(
            architecture.width_at(high), architecture.width_at(high // factor), factor, stride=factor
        )
        for high, factor in sorted(jumps)
        if high // factor <= config.learned_jumps
    }
