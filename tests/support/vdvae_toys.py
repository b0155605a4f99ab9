"""A VDVAE of 16 px, and one step of its training."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import torch

from bench.api import Batch
from bench.registry import Registry
from bench.toolkit.training import build

MODEL = Registry().get("models", "vdvae")
PLUGIN = sys.modules[MODEL.__module__]
# Four resolutions and seven blocks on 16 px; features end at 8 px, so each position holds 2x2 pixels.
MICRO = {
    "image_shape": (3, 16, 16), "width": 16, "custom_widths": "4:24,1:32", "custom_latents": "1:6,4:3,8:2",
    "enc_blocks": "16x1,16d2,8x1,8d2,4d4,1", "dec_blocks": "1x2,4m1,4x2,8m4,8", "mixtures": 3, "open_from": "8:0.5",
    "warmup_steps": 0, "kl_start": 1.0, "min_log_scale": -5.0, "first_log_scale": -5.0,
}  # fmt: skip


LATENTS = 2 * 6 + 3 * 3 * 16 + 2 * 2 * 64


def micro(**changes):
    return build(MODEL(), MODEL.Config(**MICRO | changes), "test")


def opened(**changes):
    networks = micro(**changes)
    networks.generator.opened.fill_(1.0)
    return networks


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disturbed(networks, by=0.1):
    """Move all weights off their initial values: a zero-initialised prior hides mistakes."""
    for seed, parameter in enumerate(p for module in networks.modules().values() for p in module.parameters()):
        parameter.data += by * normal(*parameter.shape, seed=seed)
    return networks


def blobs(count, shape=(3, 16, 16)):
    """Return 8-bit images in [0, 1]: a bright or dark square on a coloured ground."""
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(count, shape[0], 1, 1, generator=rng).expand(count, *shape).clone()
    for image, (y, x) in zip(images, torch.randint(0, shape[1] // 2, (count, 2), generator=rng).tolist(), strict=True):
        image[:, y : y + shape[1] // 2, x : x + shape[1] // 2] = image.mean().round()
    return (images * 255).round() / 255


def stepper(networks, images):
    """Return a function that takes one training step."""
    model = MODEL()
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers = model.optimisers(networks)
    batch = Batch(images, torch.empty(len(images), 0))

    def step(index, progress=0.0):
        rng = torch.Generator().manual_seed(index)
        return model.training_step(networks, optimisers, batch, rng, progress)

    return SimpleNamespace(step=step, optimisers=optimisers)
