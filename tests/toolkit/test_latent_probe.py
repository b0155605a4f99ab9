"""The probe of the latent: it finds and removes what is no direction."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import roc_auc_score

from bench.api import Context, Feedback, LatentLayer, NoiseLatentGenerator, UsageError
from bench.core import randomness
from bench.toolkit import latent_probe
from bench.toolkit.latent_probe import ProbeParams, fit_probe


class Bowl(NoiseLatentGenerator):
    """The feature is a ring around the origin of the first two latents: no direction finds it."""

    image_shape, noise_dim, latent_dim = (1, 1, 6), 6, 6
    latent_layers = (LatentLayer(1, 2, 0), LatentLayer(2, 1, 2))

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def render(self, latents):
        return self.scale * latents.view(-1, 1, 1, 6)


def ring(count, stream="shown"):
    noise = randomness.draw(stream, range(count), 6)
    return noise, (noise[:, :2].norm(dim=1) > 1.7).numpy()


def fitted(**params):
    noise, labels = ring(1500)
    config = ProbeParams(members=4, hidden=32, probe_steps=150, **params)
    return fit_probe(Bowl(), Feedback(labels, "shown"), config, Context("test", torch.device("cpu")))


@pytest.mark.parametrize("params", [{"probe_batch": 2000}, {"probe_batch": 512}, {"layers": (1,)}])
def test_the_probe_finds_and_removes_what_is_no_direction(params):
    probe, (z, labels) = fitted(**params), ring(1000, "fresh")
    assert roc_auc_score(labels, probe(z).numpy()) > 0.93
    edited = probe.edit(z)
    assert (edited[:, :2].norm(dim=1) > 1.7).float().mean() < 0.2 * labels.mean()
    assert torch.equal(edited[:, 2:], z[:, 2:]) == ("layers" in params), "latents that are not read are not moved"


def test_the_probe_refuses_latents_too_many(monkeypatch):
    monkeypatch.setattr(latent_probe, "LIMIT", 5)
    with pytest.raises(UsageError, match="6 latents are too many, at most 5 are allowed.*-p layers=1,4"):
        fitted()
    monkeypatch.setattr(latent_probe, "LIMIT", 2)
    assert fitted(layers=(1,)).columns.tolist() == [0, 1]
