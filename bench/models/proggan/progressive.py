"""Progressively growing networks (Karras et al. 2018, arXiv 1710.10196): generator and discriminator, 4x4 to 1024x1024.

Both have a *level*: 2 means 16x16, 2.3 means that 32x32 has faded in by 30 %. The level is part of their state, so a
generator whose training was cut short draws what it has learned, enlarged to full size. Layers correspond one to one
to those of facebookresearch/pytorch_GAN_zoo (models/networks/progressive_conv_net.py, BSD 3-clause; its code is not
used here): ``format`` = formatLayer, ``scales.0`` = groupScale0, ``scales.i`` = scaleLayers.(i-1),
``to_rgb.i`` = toRGBLayers.i. That code scales biases too, so an imported bias is multiplied by the layer's ``scale``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.api import NoiseLatentGenerator

from .equalised import (
    EqualisedConv2d,
    EqualisedLinear,
    activated,
    downsample,
    leaky,
    minibatch_deviation,
    pixel_norm,
    upsample,
)

BASE = 4  # height and width of the first resolution (Table 2 of the paper)


# --- resolutions --------------------------------------------------------------------------------------


def top_level(size: int) -> int:
    """Return the level of a full-size image: 0 for 4x4, 4 for 64x64, 8 for 1024x1024."""
    return int(math.log2(size // BASE))


def channel_widths(size: int, fmap_base: int, fmap_max: int) -> tuple[int, ...]:
    """Return the channels of each resolution from 4x4 up (appendix A.1: 512 to 32x32, then halved).

    As in the authors' code, min(fmap_base / 2^stage, fmap_max) with stage 1 at 4x4; (8192, 512) is published.
    """
    return tuple(max(1, min(fmap_base >> (level + 1), fmap_max)) for level in range(top_level(size) + 1))


def level_at(progress: float, top: int, growth: float, fade: float) -> float:
    """Return the level at a share of the training (section 3 and appendix A.1, in shares instead of images).

    4x4 is trained first; then each resolution fades in and is trained, with the same number of images for each.

    Parameters
    ----------
    progress : float
        Share of the training that is done, in [0, 1).
    top : int
        Level of the full-size image.
    growth : float
        Share of the training after which the full resolution has faded in; the rest trains it.
    fade : float
        Share of each resolution's images during which it fades in (published: 0.5).
    """
    if progress >= growth:
        return float(top)
    position = progress / growth * top - (1 - fade)  # in resolutions; 0 where 8x8 starts to fade in
    reached = math.floor(position)
    return 0.0 if position < 0 else min(float(top), reached + min(1.0, (position - reached) / fade))


class Growing(nn.Module):
    """A network with a level, which is part of its state dict.

    Attributes
    ----------
    level : float
        In [0, top].
    top : int
        Level of the full-size image.
    """

    def __init__(self, top: int) -> None:
        super().__init__()
        self.top, self.level = top, 0.0

    @property
    def resolution(self) -> tuple[int, float]:
        """The current resolution as a whole level, and its blending weight alpha in (0, 1]."""
        current = math.ceil(self.level)
        return current, self.level - current + 1

    def get_extra_state(self) -> Tensor:
        """Return the level as a tensor on the CPU: a buffer on a GPU would make every pass wait for it."""
        return torch.tensor(self.level, dtype=torch.float64)

    def set_extra_state(self, state: Any) -> None:
        """Restore the level."""
        self.level = float(state)


# --- networks -----------------------------------------------------------------------------------------


class ProgressiveGenerator(Growing, NoiseLatentGenerator):
    """Latent (N, D), normalised -> (N, widths[0], 4, 4) -> ... -> image.

    Parameters
    ----------
    image_shape : tuple of int
        (C, H, W), H = W = 4 * 2^k.
    latent_dim : int
        D.
    widths : tuple of int
        Channels of each resolution from 4x4 up.
    """

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int, widths: tuple[int, ...]) -> None:
        super().__init__(len(widths) - 1)
        self.image_shape = image_shape
        self.noise_dim = self.latent_dim = latent_dim
        self.format = EqualisedLinear(latent_dim, BASE * BASE * widths[0])
        first = nn.ModuleList([EqualisedConv2d(widths[0], widths[0], 3)])
        self.scales = nn.ModuleList([first])
        for lower, higher in zip(widths, widths[1:], strict=False):
            self.scales.append(nn.ModuleList([EqualisedConv2d(lower, higher, 3), EqualisedConv2d(higher, higher, 3)]))
        self.to_rgb = nn.ModuleList([EqualisedConv2d(width, image_shape[0], 1) for width in widths])

    def signed(self, latents: Tensor) -> Tensor:
        """Map latents (N, D) to images (N, C, R, R) float32, nominally in [-1, 1], R the current resolution."""
        current, alpha = self.resolution
        x = leaky(self.format(pixel_norm(latents))).view(len(latents), -1, BASE, BASE)
        x = pixel_norm(x).contiguous(memory_format=torch.channels_last)  # three times faster on a CPU
        for level in range(current + 1):
            lower = x
            for i, convolution in enumerate(cast(Iterable[EqualisedConv2d], self.scales[level])):
                x = convolution.upsampled(x) if level > 0 and i == 0 else convolution(x)
                x = activated(x)  # (N, widths[level], R, R)
        images = self._image(current, x)
        if alpha < 1:
            images = torch.lerp(upsample(self._image(current - 1, lower)), images, alpha)
        return images

    def render(self, latents: Tensor) -> Tensor:
        images = (self.signed(latents) + 1) / 2  # [-1, 1] to [0, 1]
        if images.shape[-1] < self.image_shape[-1]:
            images = F.interpolate(images, size=self.image_shape[1:], mode="nearest")
        return images.contiguous()

    def _image(self, level: int, x: Tensor) -> Tensor:
        """Project features to colours, in float32 even under autocast: bfloat16 has only 8 bits for a grey level."""
        with torch.autocast(x.device.type, enabled=False):
            images: Tensor = self.to_rgb[level](x.float())
            return images


class ProgressiveDiscriminator(Growing):
    """Image (N, C, H, W) in [0, 1] -> score (N,), higher for real.

    Parameters
    ----------
    image_shape, widths
        As for the generator, which it mirrors.
    group : int
        Samples per group of the minibatch standard deviation.
    """

    def __init__(self, image_shape: tuple[int, int, int], widths: tuple[int, ...], group: int) -> None:
        super().__init__(len(widths) - 1)
        self.group, deepest = group, widths[0]
        self.from_rgb = nn.ModuleList([EqualisedConv2d(image_shape[0], width, 1) for width in widths])
        self.scales = nn.ModuleList([nn.ModuleList([EqualisedConv2d(deepest + 1, deepest, 3)])])
        for lower, higher in zip(widths, widths[1:], strict=False):
            self.scales.append(nn.ModuleList([EqualisedConv2d(higher, higher, 3), EqualisedConv2d(higher, lower, 3)]))
        self.dense = EqualisedLinear(BASE * BASE * deepest, deepest)
        self.decision = EqualisedLinear(deepest, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map full-size images in [0, 1] to scores, at the current resolution."""
        return self.score(self.prepare(images))

    def prepare(self, images: Tensor) -> Tensor:
        """Map full-size images in [0, 1] to the current resolution and to [-1, 1], fading in as in the generator."""
        current, alpha = self.resolution
        signed = 2 * downsample(images, 2 ** (self.top - current)) - 1  # (N, C, R, R)
        return signed if alpha >= 1 else torch.lerp(upsample(downsample(signed)), signed, alpha)

    def score(self, signed: Tensor) -> Tensor:
        """Map images (N, C, R, R) in [-1, 1], R the current resolution, to scores (N,) float32."""
        current, alpha = self.resolution
        signed = signed.contiguous(memory_format=torch.channels_last)
        x = leaky(self.from_rgb[current](signed))  # (N, widths[current], R, R)
        for level in range(current, 0, -1):
            for convolution in cast(Iterable[EqualisedConv2d], self.scales[level]):
                x = leaky(convolution(x))
            x = downsample(x)  # (N, widths[level - 1], R / 2, R / 2)
            if level == current and alpha < 1:
                x = torch.lerp(leaky(self.from_rgb[current - 1](downsample(signed))), x, alpha)
        x = leaky(self.scales[0][0](minibatch_deviation(x, self.group)))  # type: ignore[index]
        with torch.autocast(x.device.type, enabled=False):  # in bfloat16 the scores' gradient swamps drift's
            scores: Tensor = self.decision(leaky(self.dense(x.float().flatten(1))))
            return scores[:, 0]
