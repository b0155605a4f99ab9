"""The evidence lower bound of a VDVAE, how it is weighted in training, and bits per dimension."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from . import mixture
from .architecture import parse_by_resolution
from .config import VDVAEConfig
from .networks import Encoder, VDVAEGenerator


@dataclass(frozen=True)
class Bound:
    """Both parts of the negative ELBO, per image.

    Attributes
    ----------
    distortion : (N,) float32
        -log p(x | z), nats per image.
    rates : dict of int to (N,) float32
        By resolution, KL(q || p) of all blocks there, nats per image; resolutions that are closed are absent.
    dimensions : int
        C * H * W.
    """

    distortion: Tensor
    rates: dict[int, Tensor]
    dimensions: int

    def bits_per_dimension(self) -> Tensor:
        """Return (N,) bits per dimension: the negative ELBO, unweighted."""
        nats = self.distortion + torch.stack(list(self.rates.values())).sum(dim=0)
        return nats / (self.dimensions * math.log(2))


def bound(generator: VDVAEGenerator, encoder: Encoder, images: Tensor, noise: Tensor, bits: int = 8) -> Bound:
    """Compute the bound with one sample from the posterior.

    Parameters
    ----------
    generator, encoder
        Of one model.
    images : (N, C, H, W) float32 in [0, 1]
    noise : (N, noise_dim) float32 ~ N(0, 1)
        Turned into the posterior's sample layer by layer, as in ``generator.sample``.
    bits : {5, 8}
        Grey levels of the likelihood.
    """
    encoded, unit, gates = encoder(images), generator.split(noise), generator.gates()
    rates: dict[int, Tensor] = {}

    def draw(index: int, x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
        if gates[index] == 0:
            return mean
        resolution = generator.latent_layers[index].resolution
        q_mean, q_log_sigma = encoder.posterior(index, x, encoded[resolution])
        rate = gaussian_kl(q_mean, q_log_sigma, mean, log_sigma).sum(dim=(1, 2, 3))  # (N,)
        rates[resolution] = rates.get(resolution, 0) + rate
        z = q_mean + q_log_sigma.exp() * unit[index]
        return z if gates[index] == 1 else torch.lerp(mean, z, gates[index])

    parameters = generator.unpack(generator.top_down(len(images), draw))
    distortion = -mixture.log_likelihood(parameters, generator.rearrange(images), bits).sum(dim=(1, 2))
    return Bound(distortion, rates, math.prod(generator.image_shape))


def gaussian_kl(q_mean: Tensor, q_log_sigma: Tensor, p_mean: Tensor, p_log_sigma: Tensor) -> Tensor:
    """Return KL(q || p) of Gaussians, nats, elementwise (Kingma and Welling, arXiv 1312.6114, Appendix B)."""
    spread = (2 * (q_log_sigma - p_log_sigma)).exp()
    return p_log_sigma - q_log_sigma - 0.5 + 0.5 * (spread + (q_mean - p_mean) ** 2 * (-2 * p_log_sigma).exp())


def training_loss(parts: Bound, config: VDVAEConfig, progress: float) -> Tensor:
    """Return the weighted bound, nats per dimension.

    Distortion plus the rate of every resolution, times the current KL weight and the resolution's factor.

    Parameters
    ----------
    parts : Bound
    config : VDVAEConfig
    progress : float
        Share of the schedule that is done, in [0, 1].
    """
    rates = {resolution: rate.mean() for resolution, rate in parts.rates.items()}
    weight = kl_weight(config, progress)
    factors = parse_by_resolution(config.kl_factors)
    costs = [factors.get(r, 1.0) * rate.clamp(min=0) for r, rate in rates.items()]  # rounding can take 0 below 0
    return (parts.distortion.mean() + weight * torch.stack(costs).sum()) / parts.dimensions


def kl_weight(config: VDVAEConfig, progress: float) -> float:
    """Return the weight of the KL divergence: linear from ``kl_start`` to ``kl_end`` at ``kl_until``."""
    if progress >= config.kl_until:
        return config.kl_end
    return config.kl_start + (config.kl_end - config.kl_start) * progress / config.kl_until
