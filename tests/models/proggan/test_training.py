"""Training: what moves, what is averaged, what a weights file keeps, resuming."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from proggan_toys import BOTH_LOSSES, ProgGAN, new, noise, train
from torch import nn

from bench.registry import Registry
from bench.toolkit.adversarial import logistic_loss
from bench.workspace.weights import loading, saving

# --- losses -------------------------------------------------------------------------------------------


def test_r1_is_paid_for_every_few_steps(monkeypatch):
    weights = []

    def recorded(critic, reals, fakes, weight, watch):
        weights.append(weight)
        return logistic_loss(critic, reals, fakes, weight, watch)

    monkeypatch.setitem(ProgGAN.training_step.__globals__, "logistic_loss", recorded)
    made = new(gamma=2.0, penalty_every=3)
    train(made, 7)
    assert weights == [3.0, 0, 0, 3.0, 0, 0, 3.0]


# --- training -----------------------------------------------------------------------------------------


@BOTH_LOSSES
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_moves_the_weights_and_stays_finite(loss, precision):
    made = new(loss=loss, precision=precision)
    before = {name: deepcopy(module.state_dict()) for name, module in made.networks.modules().items()}
    losses = train(made, 8)
    assert all(torch.isfinite(value) for value in losses.values())
    for name, module in made.networks.modules().items():
        for key, tensor in module.state_dict().items():
            assert torch.isfinite(tensor).all() and tensor.dtype in (torch.float32, torch.float64)
            assert not torch.equal(tensor, before[name][key]), f"{name}.{key} was never trained"
    assert made.networks.generator.level == made.networks.discriminator.level == 2


def test_the_generator_that_is_kept_is_the_moving_average():
    made = new(average=0.75)
    for step in range(4):
        before = [p.clone() for p in made.networks.generator.parameters()]
        train(made, 1, first=step)
        decay = min(0.75, (1 + step) / (10 + step))
        pairs = zip(before, made.networks.generator.parameters(), made.optimisers["live"].parameters(), strict=True)
        assert all(torch.allclose(now, decay * old + (1 - decay) * live, atol=1e-6) for old, now, live in pairs)


def test_a_trained_generator_goes_on_at_full_size():
    made = new(2.0)
    train(made, 1)
    assert made.networks.generator.level == made.optimisers["live"].level == 2


def test_the_level_is_in_the_state():
    generator, another = new(1.25).networks.generator, new().networks.generator
    another.load_state_dict(generator.state_dict())
    assert another.level == 1.25 and torch.equal(another(noise()), generator(noise()))


def test_weights_files_keep_the_level(tmp_path):
    networks = new(1.25).networks
    saving.save_networks(tmp_path / "w.safetensors", "model", "proggan", networks, {"made": "by a test"})
    loaded = loading.load_original(Registry(), tmp_path / "w.safetensors").networks
    assert loaded.generator.level == loaded.discriminator.level == 1.25
    assert torch.equal(loaded.generator(noise()), networks.generator(noise()))


@BOTH_LOSSES
def test_a_resumed_training_gives_the_same_weights_to_the_last_bit(loss, tmp_path):
    def parts(made):
        return made.networks.modules() | {f"optimiser {name}": part for name, part in made.optimisers.items()}

    whole, first, second = (new(loss=loss, penalty_every=2) for _ in range(3))
    train(whole, 8)
    train(first, 3)
    torch.save({name: part.state_dict() for name, part in parts(first).items()}, tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    for name, part in parts(second).items():
        part.load_state_dict(stored[name])
    train(second, 5, first=3)
    for name, part in parts(whole).items():
        if isinstance(part, nn.Module):
            for key, tensor in part.state_dict().items():
                assert torch.equal(tensor, parts(second)[name].state_dict()[key]), f"{name}.{key}"
        else:
            ours, theirs = part.state_dict()["state"], parts(second)[name].state_dict()["state"]
            assert ours.keys() == theirs.keys() and ours
            assert all(torch.equal(ours[i][k], theirs[i][k]) for i in ours for k in ours[i])
