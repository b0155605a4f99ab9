"""ours, latent_edit, probe and reject where the latent is not the noise: a small VDVAE, clicked on by brightness."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from bench.api import Classifier, Generator, Oracle
from bench.api.context import Context
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.latent import edited_images
from bench.toolkit.training import build

REGISTRY = Registry()
SMALL = {
    "image_shape": (3, 16, 16), "width": 16, "custom_widths": "4:24,1:32", "custom_latents": "1:6,4:3,8:2",
    "enc_blocks": "16x1,16d2,8x1,8d2,4d4,1", "dec_blocks": "1x2,4m1,4x2,8m4,8", "mixtures": 3, "open_from": "",
}  # fmt: skip


def brightness(images):
    return images.float().mean(dim=(1, 2, 3)).double().numpy()


class Bright(Classifier):
    attributes, cuts = ("bright",), {"bright": 0.0}

    def scores(self, images, attributes):
        return brightness(images)[:, None]


@pytest.fixture(scope="module")
def vdvae():
    """A VDVAE whose weights are random, the noise it was clicked on, and a context with the oracle that clicked."""
    model = REGISTRY.get("models", "vdvae")
    generator = build(model(), model.Config(**SMALL), "test").generator.eval().requires_grad_(False)
    for seed, parameter in enumerate(generator.parameters()):
        parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
    images = generator(randomness.draw("shown", range(600), generator.noise_dim))
    levels = (images.clamp(0, 1) * 255).round()
    cut = float(np.quantile(brightness(levels), 0.8))
    labels = brightness(levels) >= cut
    redness = (levels[:, 0] - levels[:, 2]).mean(dim=(1, 2))
    red = (redness > redness.median()).numpy()
    context = Context(stream="test", device=torch.device("cpu"), oracle=Oracle(Bright(), "bright", "bright", cut))
    return SimpleNamespace(generator=generator, context=context, feedback=Feedback(labels, "shown", also={"red": red}))


def unlearned(name, vdvae, **params):
    method = REGISTRY.get("methods", name)
    return method(method.Config(**params)).unlearn(vdvae.generator, vdvae.feedback, replace(vdvae.context))


def fresh(count=40):
    return randomness.draw("fresh", range(count), 2 * 6 + 3 * 3 * 16 + 2 * 2 * 64)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("latent_edit", {}),
        ("latent_edit", {"step": "raw"}),
        ("latent_edit", {"landing": "reflect", "keep": ("red",), "layers": (1, 4), "scale": "deviation"}),
        ("reject", {}),
    ],
)
def test_sampled_latents_decode_to_the_sampled_images(vdvae, name, params):
    generator, noise = unlearned(name, vdvae, **params).generator, fresh()
    latents, images = generator.sample(noise)
    assert not torch.allclose(images, vdvae.generator(noise), atol=1e-3), "nothing was edited"
    torch.testing.assert_close(generator(noise), images, atol=1e-6, rtol=0)
    torch.testing.assert_close(generator.decode(latents, noise), images, atol=1e-5, rtol=0)


def test_the_edit_s_latents_are_those_before_it(vdvae):
    latents = unlearned("latent_edit", vdvae).generator.sample(fresh())[0]
    assert torch.equal(latents, vdvae.generator.sample(fresh())[0])


class Halves(Generator):
    """Half of the noise is the latent; the other half enters the image by itself, as per-layer noise does."""

    image_shape, noise_dim, latent_dim = (1, 1, 8), 8, 4

    def sample(self, noise):
        return noise[:, :4], noise.view(-1, 1, 1, 8)

    def decode(self, latents, noise):
        return torch.cat([latents, noise[:, 4:]], dim=1).view(-1, 1, 1, 8)


def test_rejection_redraws_what_is_not_latent_too():
    oracle = Oracle(Bright(), "bright", "bright", 100.0)
    context = Context(stream="test", device=torch.device("cpu"), oracle=oracle)
    method = REGISTRY.get("methods", "reject")
    generator = method(method.Config()).unlearn(Halves(), Feedback(np.zeros(0, dtype=bool), "shown"), context).generator
    noise = randomness.draw("fresh", range(50), 8)
    latents, images = generator.sample(noise)
    assert not torch.equal(images.flatten(1)[:, 4:], noise[:, 4:]), "nothing was rejected"
    assert torch.equal(generator.decode(latents, noise), images)


# --- kept attributes, layers --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ours", "latent_edit"])
def test_kept_attributes_are_asked_for(name):
    method = REGISTRY.get("methods", name)
    assert method(method.Config()).also_asks() == ()
    assert method(method.Config(keep=("Male", "Mustache"))).also_asks() == ("Male", "Mustache")


@pytest.mark.parametrize("params", [{}, {"layers": (1, 4), "keep": ("red",)}, {"scale": "deviation", "shrink": True}])
def test_ours_trains_a_student_from_noise(vdvae, params):
    before = deepcopy(vdvae.generator.state_dict())
    found = unlearned("ours", vdvae, epochs=25, batch_size=16, lr=5e-4, **params)
    assert all(torch.equal(tensor, before[name]) for name, tensor in vdvae.generator.state_dict().items())
    targets, flagged = edited_images(vdvae.generator, found.identifier, fresh(200))
    untouched = (vdvae.generator(fresh(200)) - targets).abs().mean(dim=(1, 2, 3))[flagged].mean()
    trained = (found.generator(fresh(200)) - targets).abs().mean(dim=(1, 2, 3))[flagged].mean()
    assert trained < 0.9 * untouched
    method = REGISTRY.get("methods", "ours")
    rebuilt = method(method.Config(**params)).rebuild(vdvae.generator, None)
    rebuilt.identifier.load_state_dict(found.identifier.state_dict())
    latents = vdvae.generator.sample(fresh())[0]
    assert torch.equal(rebuilt.identifier.edit(latents), found.identifier.edit(latents))


def test_the_direction_finds_what_was_clicked(vdvae):
    latents, images = vdvae.generator.sample(fresh(500))
    bright = brightness(images) >= np.quantile(brightness(images), 0.8)
    for params in ({}, {"scale": "deviation", "shrink": True}):
        identifier = unlearned("latent_edit", vdvae, **params).identifier
        assert roc_auc_score(bright, identifier(latents).numpy()) > 0.7
