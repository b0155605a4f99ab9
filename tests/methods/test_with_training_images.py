"""Methods from clicks, with training images in the place of the samples that were shown; at both ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bench.api import Context, Feedback, Networks, NoiseLatentGenerator, Params, Recipe, Split, TrainingData, UsageError
from bench.core import randomness
from bench.registry import Registry

REGISTRY = Registry()
COUNT = 300
PIXEL = (slice(None), 0, 0, 0)  # the one that shows the feature: bright in a fifth of the images
OTHER = (slice(None), 0, 1, 1)


class Plane(NoiseLatentGenerator):
    """Draws its latent as four pixels."""

    image_shape, noise_dim, latent_dim = (1, 2, 2), 4, 4

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        with torch.no_grad():
            self.layer.weight.copy_(torch.eye(4) / 8)
            self.layer.bias.fill_(0.5)

    def render(self, latents):
        return self.layer(latents).view(-1, 1, 2, 2)


class PlaneModel:
    """Its loss: how far an image is from what is drawn of its code."""

    def batch_loss(self, networks, batch, rng):
        return (networks.generator(networks.encoder(batch.images.flatten(1))) - batch.images).square().sum() / len(
            batch.images
        )


def plane():
    return Plane().eval().requires_grad_(False)


def coder(off=0.0):
    """Return an encoder; what is drawn of its code is the image, darker by ``off``."""
    encoder = nn.Linear(4, 4)
    with torch.no_grad():
        encoder.weight.copy_(torch.eye(4) * 8)
        encoder.bias.fill_(-4 - 8 * off)
    return encoder.requires_grad_(False)


def critic():
    torch.manual_seed(0)
    layers = (nn.Flatten(), nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    return nn.Sequential(*layers).requires_grad_(False)


def photographs(brighter=0.0):
    """Return training images, with the feature in a fifth of them; that pixel can be made brighter there."""
    images = plane()(randomness.draw("photographs", range(COUNT), 4))
    bright = images[PIXEL] >= images[PIXEL].quantile(0.8)
    images[PIXEL] += brighter * bright
    pixels = (255 * images.clamp(0, 1)).round().to(torch.uint8)
    split = Split(pd.DataFrame({"bright": bright.numpy()}), lambda index: pixels[torch.from_numpy(index)], "0" * 64)
    return split, bright.numpy()


def unlearned(name, data, off=0.0, **params):
    """Run a method with what it needs; clicks only if it reads them."""
    method, networks = REGISTRY.get("methods", name), Networks(Params(), generator=plane(), encoder=coder(off))
    given = {
        "discriminator": critic(),
        "encoder": networks.encoder,
        "recipe": Recipe(PlaneModel(), networks),
        "training_data": TrainingData(*data, PlaneModel(), networks),
    }
    context = Context("test", torch.device("cpu"), **{need: given[need] for need in method.needs})
    shown = networks.generator(randomness.draw("shown", range(COUNT), 4))[PIXEL].numpy()
    feedback = Feedback(shown >= np.quantile(shown, 0.8), "shown") if method.reads_feedback else None
    return method(method.Config(**params)).unlearn(networks.generator, feedback, context).generator


FORGETTING = {
    "redaction_with_data": {"epochs": 100, "batch_size": 64, "lr": 1e-2, "discriminator_lr": 1e-2},
    "adapt_then_unlearn_with_data": {
        "epochs": 200, "batch_size": 64, "lr": 2e-2, "discriminator_lr": 2e-2, "adapted": 1, "adapt_epochs": 30,
        "weight": 0.3,
    },
    "selective_amnesia_with_data": {"epochs": 100, "lr": 1e-2, "fisher": 1e-3, "weight": 3.0},
}  # fmt: skip
IDLE = {
    "redaction_with_data": {"lr": 0},
    "adapt_then_unlearn_with_data": {"lr": 0, "adapted": 1, "adapt_epochs": 3},
    "selective_amnesia_with_data": {"weight": 0, "gamma": 0},
}


@pytest.mark.parametrize("name", FORGETTING)
def test_the_pixel_darkens_and_another_one_stays(name):
    noise = randomness.draw("fresh", range(COUNT), 4)
    before, after = plane()(noise), unlearned(name, photographs(), **FORGETTING[name])(noise)
    cut = before[PIXEL].quantile(0.8)
    assert float((after[PIXEL] >= cut).float().mean()) < 0.1, "a fifth was bright"
    assert float((after[OTHER] - before[OTHER]).mean().abs()) < 0.05


@pytest.mark.parametrize("name", IDLE)
def test_nothing_changes_without_weights_or_steps(name):
    student = unlearned(name, photographs(), epochs=3, **IDLE[name])
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), plane().parameters(), strict=True))


@pytest.mark.parametrize("name", FORGETTING)
def test_both_kinds_of_images_are_needed(name):
    split, bright = photographs()
    with pytest.raises(UsageError, match="all images have the feature, or none"):
        unlearned(name, (split, bright & False), epochs=3)


def test_amnesia_replays_images_without_the_feature_alone():
    """The encoder is off by 0.1, which training on images corrects; how those with the feature look is all the same."""
    settings = {"off": 0.1, "epochs": 100, "lr": 1e-2, "weight": 0, "fisher": 0}
    first, second = (
        unlearned("selective_amnesia_with_data", photographs(brighter), **settings).layer for brighter in (0.0, 0.2)
    )
    assert torch.equal(first.bias, second.bias) and torch.equal(first.weight, second.weight)
    images = plane()(randomness.draw("fresh", range(COUNT), 4))
    drawn = first(coder(0.1)(images.flatten(1))).view_as(images)
    assert float((drawn - images).abs().mean()) < 0.03, "0.1 at first"
