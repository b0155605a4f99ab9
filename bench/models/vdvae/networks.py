"""The two networks: the generator (prior path, top-down) and the encoder (bottom-up features and posteriors)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import Generator

from . import mixture
from .architecture import parse_by_resolution
from .blocks import (
    Bottleneck,
    OutNet,
    StochasticBlock,
    convolution,
    learned_pooling,
    learned_upsampling,
    middle_width,
)
from .config import RAMP, VDVAEConfig

# Draws a block's latents (N, Z, R, R), given its index, the features (N, W, R, R) it starts from, and the prior's
# mean and log standard deviation, each (N, Z, R, R) float32.
Draw = Callable[[int, Tensor, Tensor, Tensor], Tensor]


class VDVAEGenerator(Generator):
    """Per-layer noise -> latents by ancestral sampling -> the mean of the mixture.

    ``noise`` and ``latents`` have one layout: ``latent_layers`` in the order of drawing, each (Z, R, R) flattened.

    Attributes
    ----------
    latent_layers : tuple of LatentLayer
    opened : () float32 buffer
        Share of the training's schedules that is done; 1 in a trained model. Before that, latents that are not open
        yet equal the prior's mean, and the likelihood's scales have a higher floor.
    """

    opened: Tensor

    def __init__(self, config: VDVAEConfig) -> None:
        super().__init__()
        architecture = config.architecture()
        self.image_shape = config.image_shape
        self.latent_layers, self.steps, self.top = architecture.layers, architecture.decoder, architecture.top
        self.widths = architecture.width_at
        self.noise_dim = self.latent_dim = self.latent_layers[-1].stop
        self.mixtures = config.mixtures
        self.log_scales = config.first_log_scale, config.min_log_scale
        self.fall = config.fall_from, config.fall_until
        self.open_from = parse_by_resolution(config.open_from)
        depth_scale = math.sqrt(1 / len(self.steps))  # of the last layers on the residual path (Child 2021, sec. 3)
        self.dec_blocks = nn.ModuleList(
            StochasticBlock(layer, width, middle_width(width, config), depth_scale, config.prior_bound)
            for layer in self.latent_layers
            for width in [architecture.width_at(layer.resolution)]
        )
        resolutions = sorted({step.resolution for step in self.steps})
        self.bias_xs = nn.ParameterList(
            nn.Parameter(torch.zeros(1, architecture.width_at(r), r, r))
            for r in resolutions
            if r <= config.no_bias_above
        )
        self.learned = nn.ModuleDict(learned_upsampling(architecture, config))
        width = architecture.width_at(self.top)
        self.gain = nn.Parameter(torch.ones(1, width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, width, 1, 1))
        self.factor = architecture.image_size // self.top
        self.out_net = OutNet(config, width, self.factor)
        self.register_buffer("opened", torch.zeros(()))
        self.to(memory_format=torch.channels_last)  # faster on a CPU

    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        unit, gates = self.split(noise), self.gates()
        latents: list[Tensor] = []

        def draw(index: int, x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
            z = mean + gates[index] * log_sigma.exp() * unit[index] if gates[index] else mean
            latents.append(z)
            return z

        images = self.image(self.top_down(len(noise), draw))
        return torch.cat([z.flatten(1) for z in latents], dim=1), images

    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:
        given = self.split(latents)
        return self.image(self.top_down(len(latents), lambda index, x, mean, log_sigma: given[index]))

    def split(self, vectors: Tensor) -> list[Tensor]:
        """Cut latents or noise (N, D) into the layers' (N, Z, R, R)."""
        return [
            vectors[:, a.start : a.stop].reshape(-1, a.channels, a.resolution, a.resolution) for a in self.latent_layers
        ]

    def gates(self) -> list[float]:
        """Return per layer how far its latents are open, in [0, 1], after the share ``opened`` of the schedule."""
        opened = float(self.opened)
        starts = [self.open_from.get(layer.resolution, 0.0) for layer in self.latent_layers]
        return [min(1.0, max(0.0, (opened - start) / RAMP)) if start > 0 else 1.0 for start in starts]

    def log_scale_floor(self) -> float:
        """Return the floor of the logistics' log scales after the share ``opened`` of the training."""
        return float(np.interp(float(self.opened), self.fall, self.log_scales))

    def top_down(self, count: int, draw: Draw) -> Tensor:
        """Run the decoder with latents from ``draw``.

        Returns
        -------
        (N, P, S * R, R) float32
            The mixture's parameters of every pixel, in the order of ``rearrange``: S pixels at each of the R x R
            positions of the decoder's last features.
        """
        features: dict[int, Tensor] = {bias.shape[2]: bias for bias in self.bias_xs}  # (1 or N, W, R, R)
        for index, (step, block) in enumerate(zip(self.steps, self.dec_blocks, strict=True)):
            x = features.get(step.resolution)
            if step.other is not None:
                mixed = self._upsample(features[step.other], step.resolution, self.widths(step.resolution))
                x = mixed if x is None else x + mixed
            assert x is not None
            features[step.resolution] = block(x.expand(count, -1, -1, -1), _for_block(draw, index))
        parameters: Tensor = self.out_net(features[self.top] * self.gain + self.bias)
        return parameters.float().reshape(count, -1, self.factor**2 * self.top, self.top)

    def rearrange(self, images: Tensor) -> Tensor:
        """Reorder images (N, C, H, W) like the parameters, to (N, C, S * R, R)."""
        return F.pixel_unshuffle(images, self.factor).reshape(len(images), -1, self.factor**2 * self.top, self.top)

    def unpack(self, parameters: Tensor) -> mixture.Mixture:
        """Read parameters (N, P, S * R, R) as a mixture."""
        return mixture.unpack(parameters, self.image_shape[0], self.mixtures, self.log_scale_floor())

    def image(self, parameters: Tensor) -> Tensor:
        """Map the mixture's parameters (N, P, S * R, R) to its mean (N, C, H, W) in [0, 1]."""
        means = mixture.mean_image(self.unpack(parameters))  # (N, C, S * R, R)
        return F.pixel_shuffle(means.reshape(len(means), -1, self.top, self.top), self.factor)

    def _upsample(self, x: Tensor, resolution: int, width: int) -> Tensor:
        if str(resolution) in self.learned:
            learned: Tensor = self.learned[str(resolution)](x)
            return learned
        return F.interpolate(x[:, :width], scale_factor=resolution // x.shape[2])


class Encoder(nn.Module):
    """Image -> features at every resolution; per stochastic block, the posterior of its latents.

    Only inference needs it; sampling and unlearning do not.
    """

    def __init__(self, config: VDVAEConfig) -> None:
        super().__init__()
        architecture = config.architecture()
        self.steps, self.widths = architecture.encoder, architecture.width_at
        self.mean, self.std = config.input_mean, config.input_std
        self.in_conv = convolution(config.image_shape[0], architecture.width_at(architecture.image_size), 3)
        self.enc_blocks = nn.ModuleList(
            Bottleneck(
                step.resolution, width, middle_width(width, config), width,
                residual=True, last_scale=math.sqrt(1 / len(self.steps)),
            )
            for step in self.steps
            for width in [architecture.width_at(step.resolution)]
        )  # fmt: skip
        self.posteriors = nn.ModuleList(
            Bottleneck(layer.resolution, 2 * width, middle_width(width, config), 2 * layer.channels)
            for layer in architecture.layers
            for width in [architecture.width_at(layer.resolution)]
        )
        self.learned = nn.ModuleDict(learned_pooling(architecture, config))
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """Map images (N, C, H, W) in [0, 1] to the last features (N, W, R, R) of every resolution R."""
        x = (images - self.mean) / self.std
        x = self.in_conv(x.contiguous(memory_format=torch.channels_last))
        features = {x.shape[2]: x}
        for step, block in zip(self.steps, self.enc_blocks, strict=True):
            x = block(x)
            if step.other is not None:
                x = self._pool(x, step.resolution // step.other, step.other)
            features[x.shape[2]] = x
        return features

    def posterior(self, index: int, x: Tensor, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log standard deviation, (N, Z, R, R) float32, of the posterior of block ``index``.

        Parameters
        ----------
        index : int
        x : (N, W, R, R)
            The decoder's features at the block.
        encoded : (N, W, R, R)
            The encoder's features at its resolution.
        """
        mean, log_sigma = self.posteriors[index](torch.cat([x, encoded], dim=1)).float().chunk(2, dim=1)
        return mean, log_sigma

    def _pool(self, x: Tensor, resolution: int, factor: int) -> Tensor:
        if str(resolution) in self.learned:
            learned: Tensor = self.learned[str(resolution)](x)
            return learned
        x = F.avg_pool2d(x, factor)
        missing = self.widths(resolution) - x.shape[1]  # channels
        return F.pad(x, (0, 0, 0, 0, 0, missing)) if missing > 0 else x


def _for_block(draw: Draw, index: int) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    return lambda features, mean, log_sigma: draw(index, features, mean, log_sigma)
