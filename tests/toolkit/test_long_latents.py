"""Long latents of unlike units: scale, shrinkage, layers, memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from latent_toys import DIM, STREAM, Identity, Layered, bearded, clicks, params, planted
from torch import nn

from bench.api import LatentLayer, NoiseLatentGenerator
from bench.core import randomness
from bench.toolkit.latent import fit_direction


class Stretched(Layered):
    """Latents that are the noise, stretched by five orders of magnitude; two never vary. The image undoes it."""

    image_shape, noise_dim, latent_dim = (1, 2, 4), DIM, DIM
    latent_layers = (LatentLayer(1, 4, 0), LatentLayer(2, 1, 4))

    def __init__(self, stretch=(1e-3, 1e2, 1, 10, 0, 1, 0.1, 0)):
        super().__init__()
        self.stretch = nn.Parameter(torch.tensor(stretch), requires_grad=False)

    def decode(self, latents, noise):
        return (latents / self.stretch.clamp(min=1e-9)).view(-1, 1, 2, 4)

    def sample(self, noise):
        self.decoded.append(len(noise))
        latents = noise * self.stretch
        return latents, self.decode(latents, noise)


@pytest.mark.parametrize("direction", ["mean_difference", "logistic"])
@pytest.mark.parametrize("keep", [(), ("Male",)])
def test_scaled_latents_do_not_depend_on_their_units(direction, keep):
    feedback, z = bearded(1000), randomness.draw("fresh", range(100), DIM)
    given = params(direction=direction, keep=keep, scale="deviation")
    stretch = torch.tensor([1e-3, 1e2, 1, 10, 2, 1, 0.1, 3])
    as_noise = fit_direction(Stretched([1.0] * 8), feedback, given)
    stretched = fit_direction(Stretched(stretch.tolist()), feedback, given)
    torch.testing.assert_close(stretched(z * stretch), as_noise(z), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(stretched.edit(z * stretch) / stretch, as_noise.edit(z), atol=2e-3, rtol=1e-3)


def test_the_scaled_rule_is_the_papers_on_scaled_latents():
    feedback = clicks(planted(), 500)
    noise = randomness.draw(STREAM, range(500), DIM).double().numpy()
    positive, negative = noise[feedback.labels], noise[~feedback.labels]
    deviation = np.sqrt((len(positive) * positive.var(0) + len(negative) * negative.var(0)) / 500)
    z_e = (positive.mean(0) - negative.mean(0)) / deviation
    u = z_e / np.linalg.norm(z_e)
    found = fit_direction(Identity(), feedback, params(scale="deviation"))
    z = randomness.draw("fresh", range(50), DIM)
    scaled = z.double().numpy() / deviation
    erased = (scaled - (scaled @ u - (noise / deviation).mean(0) @ u)[:, None] * u) * deviation
    np.testing.assert_allclose(found(z), scaled @ u, atol=1e-5)
    np.testing.assert_allclose(found.erase(z), erased, atol=1e-5)


@pytest.mark.parametrize(
    "given", [{}, {"scale": "deviation"}, {"shrink": True}, {"direction": "logistic", "scale": "deviation"}]
)
def test_latents_that_never_vary_stay(given):
    found = fit_direction(Stretched(), bearded(500), params(keep=("Male",), **given))
    latents = Stretched().sample(randomness.draw("fresh", range(50), DIM))[0]
    assert all(torch.isfinite(tensor).all() for tensor in found.state_dict().values())
    erased = found.erase(latents)
    assert torch.equal(erased[:, [4, 7]], latents[:, [4, 7]]) and not torch.allclose(erased, latents)


def test_layers_alone_are_read_and_moved():
    noise = randomness.draw("fresh", range(50), DIM)
    feedback = clicks(planted(), 500)
    found = fit_direction(Stretched([1.0] * 8), feedback, params(layers=(2,)))
    assert torch.equal(found.unit[:4], torch.zeros(4)) and float(found.unit.norm()) == pytest.approx(1, abs=1e-6)
    whole = fit_direction(Stretched([1.0] * 8), feedback, params())
    torch.testing.assert_close(found.unit[4:], whole.unit[4:] / whole.unit[4:].norm(), atol=1e-5, rtol=0)
    assert torch.equal(found.erase(noise)[:, :4], noise[:, :4])


class Long(NoiseLatentGenerator):
    image_shape, noise_dim, latent_dim = (1, 1, 3000), 3000, 3000

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def render(self, latents):
        return latents.view(-1, 1, 1, 3000)


def test_shrinkage_finds_a_direction_that_drowns():
    wanted = torch.zeros(3000)
    wanted[:10] = 10**-0.5
    feedback = clicks(wanted, 1000)
    plain, shrunk = (fit_direction(Long(), feedback, params(shrink=each)) for each in (False, True))
    assert float(plain.unit @ wanted) < 0.6 < 0.9 < float(shrunk.unit @ wanted)


@pytest.mark.parametrize(
    ("given", "passes"), [({}, 1), ({"landing": "negative_mean", "keep": ("Male",)}, 1), ({"threshold_shift": 0.5}, 1)]
)
def test_every_sample_is_drawn_once(given, passes):
    generator = Stretched()
    fit_direction(generator, bearded(200), params(**given))
    assert sum(generator.decoded) == passes * 256, "four whole chunks"


@pytest.mark.slow
def test_memory_does_not_grow_with_samples_times_latents():
    """5,000 samples of 300,000 latents would fill 6 GB; the process may grow by less than 1 GB."""
    code = """
import resource
import numpy as np, torch
from bench.api import Generator
from bench.api.feedback import Feedback
from bench.toolkit.latent import DirectionParams, fit_direction

class Fake(Generator):
    image_shape, noise_dim, latent_dim = (1, 1, 1), 300_000, 300_000
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
    def sample(self, noise):
        return noise, noise[:, :1, None, None]
    def decode(self, latents, noise):
        return latents[:, :1, None, None]

torch.set_num_threads(1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
labels = np.random.default_rng(0).random(5000) < 0.17
found = fit_direction(Fake(), Feedback(labels, "shown"), DirectionParams(scale="deviation", shrink=True))
print(peak() - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert grown < 1000
