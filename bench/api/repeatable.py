"""Checks that a generator can be trained: the same noise gives the same image, and gradients reach the weights.

Every function raises PluginError, which names the fault and the remedy. ``checks`` calls them with loaded weights.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.api.models import Generator
from bench.api.noise import stream_noise
from bench.core import modes, randomness
from bench.errors import PluginError

TWICE = 1e-5  # largest difference of two draws of one batch of images in [0, 1]: rounding on a GPU
ALONE = 1e-3  # and a sample alone from the same in a batch: a quarter of a grey level (proggan at 128 px: 2e-5)

NOISE_INSIDE = (
    "the network draws its own random numbers (noise inside, dropout). Take that noise from `noise`, with a larger "
    "noise_dim, or keep it fixed in a buffer. Let dropout follow eval mode: F.dropout(x, p, self.training), .eval()"
)
MEMORY = (
    "the network keeps something from call to call (running statistics in train mode, a counter). Let an image depend "
    "on weights and noise alone; call .eval()"
)
BATCH = (
    "images depend on the batch they are drawn in: batch statistics (batch norm in train mode, a mean or a deviation "
    "over the batch). Use running statistics, as batch norm does after .eval(), or compute each image by itself"
)


STREAM = "check"  # random stream of the noise that checks draw


@modes.convolutions(tf32=False)
@torch.no_grad()
def require_repeatable(generator: Generator) -> None:
    """Check that images follow from their noise alone: drawn twice, decoded, and one by one."""
    noise = stream_noise(generator, STREAM, 0, 4)
    latents, images = _sampled(generator, noise)
    used = _random_state()
    again = _sampled(generator, noise)[1]
    drew = used != _random_state()
    if (apart := _apart(images, again)) > TWICE:
        reason = NOISE_INSIDE if drew else MEMORY
        raise PluginError(f"two calls on the same noise differ by up to {apart:.3g}: {reason}")
    _require_decoded(generator, latents, noise, images)
    singles = torch.cat([_alone(generator, row[None], images) for row in noise])
    if (apart := _apart(images, singles)) > ALONE * max(1.0, images.abs().max().item()):
        raise PluginError(f"{BATCH} (a sample alone differs by up to {apart:.3g})")
    if drew:
        raise PluginError(
            f"images are the same twice, but {NOISE_INSIDE}. Now its weight is 0, which unlearning would change"
        )


def require_gradients(generator: Generator) -> None:
    """Check that gradients reach the parameters, which methods train, and the latents. Leaves its gradients off."""
    noise = stream_noise(generator, STREAM, 0, 2)
    generator.requires_grad_(True)
    try:
        with torch.enable_grad():
            latents, images = generator.sample(noise)
            to_parameters = any(bool((g != 0).any()) for g in _gradients(images, list(generator.parameters())))
            leaf = latents.detach().clone().requires_grad_(True)
            to_latents = bool(_gradients(generator.decode(leaf, noise), [leaf]))
    except RuntimeError as error:
        raise PluginError(
            f"images cannot be differentiated ({' '.join(str(error).split())}). Use torch operations that are not in "
            "place, outside torch.inference_mode()"
        ) from error
    finally:
        generator.requires_grad_(False)
    for found, what in ((to_parameters, "parameters"), (to_latents, "latents")):
        if not found:
            raise PluginError(
                f"no gradient reaches the {what}, so nothing can be trained or edited by it. Remove .detach(), .data, "
                "numpy and torch.no_grad() between them and the images"
            )


# --- parts --------------------------------------------------------------------------------------------


def _sampled(generator: Generator, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Draw from a copy of the noise, which must stay as it was."""
    given = noise.clone()
    latents, images = generator.sample(given)
    _require_untouched(given, noise, "sample", "noise")
    return latents.clone(), images.clone()


def _require_decoded(generator: Generator, latents: Tensor, noise: Tensor, images: Tensor) -> None:
    given, noise_copy = latents.clone(), noise.clone()
    decoded = generator.decode(given, noise_copy)
    _require_untouched(given, latents, "decode", "latents")
    _require_untouched(noise_copy, noise, "decode", "noise")
    if decoded.shape != images.shape or _apart(images, decoded) > ALONE * max(1.0, images.abs().max().item()):
        raise PluginError(
            "decode(latents, noise) does not give sample's images back. Let sample return the latents that it decoded, "
            "and take all else from the same noise"
        )


def _alone(generator: Generator, row: Tensor, images: Tensor) -> Tensor:
    """Draw one sample by itself."""
    try:
        latents, image = _sampled(generator, row)
    except PluginError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise PluginError(
            f"one sample alone raised {reason}. Batch norm in train mode does so, and so does a fixed batch size: call "
            ".eval(), and take sizes from the noise"
        ) from error
    if image.shape != (1, *images.shape[1:]) or latents.shape[:1] != (1,):
        raise PluginError(
            f"one sample alone has images {tuple(image.shape)} and latents {tuple(latents.shape)}, not "
            f"{(1, *images.shape[1:])}: the shape depends on the batch. Write flatten(1), view(len(noise), ...) or "
            "squeeze(DIM) for squeeze() and fixed sizes"
        )
    return image


def _require_untouched(now: Tensor, before: Tensor, call: str, what: str) -> None:
    if not torch.equal(now, before):
        raise PluginError(
            f"{call} changes the {what} it is given, which the caller uses again. Replace operations in place on it: "
            "x = x * 2 for x *= 2 or x.mul_(2), inplace=False"
        )


def _apart(first: Tensor, second: Tensor) -> float:
    """Return the largest difference of two batches of images; 0 where both are not finite."""
    return torch.nan_to_num((first - second).abs(), nan=0.0, posinf=torch.inf).max().item()


def _gradients(images: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Return the gradients of the inputs; an input that does not reach the images has none."""
    if not images.requires_grad:
        return []
    rng = randomness.generator("check gradients", 0)
    weights = torch.rand(images.shape, generator=rng).to(images.device)  # a plain sum may be constant
    found = torch.autograd.grad((images * weights).sum(), inputs, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


def _random_state() -> list[Any]:
    """Return the states of the global random generators, to be compared."""
    states = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]
    numpys: Any = np.random.get_state(legacy=False)["state"]
    return [[state.numpy().tobytes() for state in states], random.getstate(), numpys["key"].tobytes(), numpys["pos"]]
