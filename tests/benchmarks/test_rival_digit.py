"""The script that takes the rival's VAE: its file is divided as it should be, and a cell becomes rows."""

from __future__ import annotations

from copy import deepcopy

import pytest
import rival_digit
import torch
from torch import nn

from bench.api import Batch
from bench.registry import Registry
from bench.toolkit.data_unlearning import UnoParams
from bench.workspace.weights import loading


def theirs() -> nn.ModuleDict:
    """Return a module with the names and shapes of their file, drawn at random."""
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "encoder": nn.Sequential(nn.Linear(784, 400), nn.BatchNorm1d(400), nn.ReLU()),
            "enc_log_sigma": nn.Linear(400, 2),
            "enc_mu": nn.Linear(400, 2),
            "decoder": nn.Sequential(
                nn.Linear(2, 400), nn.BatchNorm1d(400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid()
            ),
        }
    ).eval()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    net, tmp_path = theirs(), tmp_path_factory.mktemp("rival")
    torch.save(net.state_dict(), tmp_path / "vae_200.pth")
    path = rival_digit.imported(tmp_path / "vae_200.pth", tmp_path / "rival")
    assert rival_digit.imported(tmp_path / "vae_200.pth", tmp_path / "rival") == path, "once"
    return net, loading.load_original(Registry((rival_digit.PLUGINS,)), path)


def test_the_file_is_divided_into_generator_and_encoder(original):
    net, found = original
    noise, images = torch.randn(5, 2), torch.rand(5, 1, 28, 28)
    with torch.no_grad():
        drawn = net["decoder"](noise).view(-1, 1, 28, 28)
        seen = net["encoder"](images.flatten(1))
        mean, log_variance = net["enc_mu"](seen), net["enc_log_sigma"](seen)
    torch.testing.assert_close(found.networks.generator(noise), drawn)
    for here, there in zip(found.networks.encoder(images), (mean, log_variance), strict=True):
        torch.testing.assert_close(here, there)


def test_their_training_goes_on_as_they_trained(original):
    """Adam at 1e-3 in train mode on the negative ELBO; the mean over the batch, nats per image."""
    _, found = original
    model, networks = Registry((rival_digit.PLUGINS,)).get("models", "forget_vae")(), deepcopy(found.networks)
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers, images = model.optimisers(networks), torch.rand(64, 1, 28, 28).round()
    batch, rng = Batch(images, torch.empty(0)), torch.Generator().manual_seed(0)
    losses = [float(model.training_step(networks, optimisers, batch, rng, 0.0)["loss"]) for _ in range(30)]
    assert optimisers["adam"].param_groups[0]["lr"] == 1e-3
    assert 450 < losses[0] < 650, "784 pixels at about a bit, 0.69 nats"
    assert losses[-1] < losses[0] - 20


def test_every_case_is_a_method_with_its_parameters():
    registry = Registry()
    for method, *params in rival_digit.CASES.values():
        fields = registry.get("methods", method).Config.model_fields
        assert {each.partition("=")[0] for each in params} <= fields.keys()
    assert {"weight=7.8125", "epochs=53", "train_mode=true"} <= set(rival_digit.CASES["uno_with_data"])
    assert UnoParams().weight == 7.8125, "1,000 over their batch of 128"
    assert "alternate=false" in rival_digit.CASES["gradient_ascent"]
    assert "alternate=true" in rival_digit.CASES["gradient_ascent_with_data, alternating"]


def test_a_cell_becomes_a_row_per_number():
    value = {"value": 0.01, "low": 0.0, "high": 0.02, "n": 10}
    record = {
        "method": "uno", "needs": ["encoder", "recipe"], "seed": 1, "timings": {"unlearn": {"seconds": 2.5}},
        "metrics": dict.fromkeys(rival_digit.SHOWN, value),
    }  # fmt: skip
    rows = rival_digit.rows_of("uno", record)
    assert [row["metric"] for row in rows] == [*rival_digit.SHOWN, "seconds"]
    assert rows[0] == {
        "case": "uno",
        "method": "uno",
        "needs": "encoder recipe",
        "seed": 1,
        "metric": "target_ratio",
        **value,
    }
    assert rows[-1]["value"] == 2.5
