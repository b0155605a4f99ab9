"""Checks of a generator: ``bench check`` runs them on random weights, ``bench zoo import`` on imported ones.

Every function raises PluginError, which names the fault, what the network returned and the remedy.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor

from bench.api.models import Generator
from bench.api.noise import stream_noise
from bench.api.repeatable import STREAM, require_gradients, require_repeatable
from bench.core import randomness
from bench.errors import PluginError

BEYOND = 0.1  # how far outside [0, 1] counts as outside: trained generators overshoot a little (proggan: 0.15 at most)
SHARE = 0.1  # of values that may lie outside


def require_contract(generator: Generator | None) -> None:
    """Check a generator with its weights: draw, differentiate and copy it. Leaves it in eval mode, gradients off."""
    if not isinstance(generator, Generator):
        raise PluginError("build() must return Networks whose generator is a bench.api.Generator")
    generator.eval().requires_grad_(False)
    require_drawable(generator)
    require_repeatable(generator)
    require_gradients(generator)
    require_copies(generator)


def require_drawable(generator: Generator) -> None:
    """Check what a generator draws with its weights: shapes, types and range."""
    require_float32(generator)
    with torch.no_grad():
        _, _, images = drawn(generator, 2)
    require_range(images, trained=True)


def require_float32(generator: Generator) -> None:
    """Check that all parameters are float32."""
    for name, parameter in generator.named_parameters():
        if parameter.dtype != torch.float32:
            raise PluginError(
                f"the generator's {name} is {parameter.dtype}, not torch.float32; call .float() on the generator, or "
                "on its module where that is built (float16 weights are then imported as float32)"
            )


def require_attributes(generator: Generator) -> None:
    """Check that a generator declares its shapes and its prior, and has something to train."""
    for name in ("noise_dim", "latent_dim", "image_shape"):
        if not hasattr(generator, name):
            raise PluginError(f"the generator has no {name}: set it in its class or its __init__")
    if generator.prior not in randomness.PRIORS:
        raise PluginError(
            f"the generator's prior is {generator.prior!r}; allowed: {', '.join(randomness.PRIORS)}. For another one, "
            "leave it out and map noise from N(0, I) to yours where sample(noise) begins"
        )
    if next(generator.parameters(), None) is None:
        raise PluginError("the generator has no parameters, so nothing can be trained. Hold the module as an attribute")


def drawn(generator: Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw samples, and check their shapes and types against what the generator declares.

    Returns
    -------
    noise : (count, noise_dim)
    latents : (count, latent_dim)
    images : (count, C, H, W)
    """
    require_attributes(generator)
    try:
        noise = stream_noise(generator, STREAM, 0, count)
        latents, images = generator.sample(noise)
        given = tuple(latents.shape), tuple(images.shape)
    except Exception as error:
        raise PluginError(
            f"noise_dim is {generator.noise_dim}, and sample(noise) with noise of shape ({count}, "
            f"{generator.noise_dim}) raised {type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    declared = (count, generator.latent_dim), (count, *generator.image_shape)
    if given[0] != declared[0]:
        raise PluginError(f"latent_dim is {generator.latent_dim}: sample gave latents {given[0]}, not {declared[0]}")
    if given[1] != declared[1]:
        raise PluginError(f"image_shape is {generator.image_shape}: sample gave images {given[1]}, not {declared[1]}")
    if images.dtype != torch.float32:
        raise PluginError(f"images are {images.dtype}, not torch.float32")
    return noise, latents, images


def require_range(images: Tensor, *, trained: bool) -> None:
    """Check that images (N, C, H, W) are nominally in [0, 1].

    An untrained network without output bounds may leave [0, 1], but does so on both sides. A network that leaves it
    on one side only has another range.
    """
    if not torch.isfinite(images).all():
        raise PluginError("images contain NaN or infinite values")
    below = (images < -BEYOND).double().mean().item()
    above = (images > 1 + BEYOND).double().mean().item()
    if below + above > SHARE and (trained or min(below, above) == 0):
        raise PluginError(
            f"images have values from {images.min():.2f} to {images.max():.2f}, but [0, 1] is expected and all else "
            "would be clamped. If the network's output x is in [-1, 1], return (x + 1) / 2"
        )


def require_copies(generator: Generator) -> None:
    """Check that a generator can be copied while it is in training, as methods do. Leaves its gradients off."""
    generator.requires_grad_(True)
    with torch.enable_grad():
        generator(stream_noise(generator, STREAM, 0, 2))
    try:
        deepcopy(generator)
    except Exception as error:
        raise PluginError(
            f"methods copy the generator, but deepcopy raised {type(error).__name__} ({' '.join(str(error).split())}). "
            "Replace torch.nn.utils.weight_norm (or spectral_norm) with the one in torch.nn.utils.parametrizations; or "
            "call torch.nn.utils.remove_weight_norm on the layers, save the weights again, and wrap the module "
            "without it"
        ) from error
    generator.requires_grad_(False)
