"""Training steps: averaged weights, skipped steps, schedules; one step at a published size."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from copy import deepcopy

import pytest
import torch
from vdvae_toys import LATENTS, MODEL, PLUGIN, blobs, micro, normal, opened, stepper

from bench.toolkit.training import build

# --- training -----------------------------------------------------------------------------------------


def test_the_bound_falls_in_training():
    training = stepper(opened(lr=3e-3, decay_from=1.0), blobs(16))
    bits = [training.step(i)["bits_per_dim"].item() for i in range(25)]
    assert all(map(math.isfinite, bits))
    assert bits[0] == pytest.approx(8, abs=2)  # as good as a guess before training
    assert sum(bits[-3:]) / 3 < bits[0] - 0.5


def test_the_deployed_networks_are_the_moving_average():
    networks = opened(average=0.9, decay_from=1.0)
    training = stepper(networks, blobs(2))
    before = deepcopy(networks.generator.gain)
    expected = before.detach().clone()
    for i in range(4):
        training.step(i)
        decay = min(0.9, (i + 1) / (i + 11))
        expected = decay * expected + (1 - decay) * training.optimisers["live generator"].gain.detach()
    torch.testing.assert_close(networks.generator.gain.detach(), expected)
    assert not torch.allclose(expected, before)


def test_a_step_in_bfloat16():
    exact, rounded = (stepper(opened(bfloat16=b), blobs(4)).step(0)["bits_per_dim"] for b in (False, True))
    assert rounded.dtype == torch.float32 and rounded.item() == pytest.approx(exact.item(), abs=0.1)


def test_flipped_training_is_training_on_mirrored_images(monkeypatch):
    monkeypatch.setattr(PLUGIN, "random_flip", lambda images, rng: images.flip(3))
    drawn = {}
    for name, images, flip in (
        ("plain", blobs(4), False),
        ("mirror", blobs(4).flip(3), False),
        ("flip", blobs(4), True),
    ):
        networks = opened(flip=flip, average=0.0)
        stepper(networks, images).step(0)
        drawn[name] = networks.generator.state_dict()
    for name, tensor in drawn["flip"].items():
        assert torch.equal(tensor, drawn["mirror"][name]), name
    assert any(not torch.equal(tensor, drawn["plain"][name]) for name, tensor in drawn["flip"].items())


def test_an_exploding_gradient_is_skipped():
    networks = opened(skip_threshold=1e-9)
    before = deepcopy(networks.generator.state_dict())
    training = stepper(networks, blobs(2))
    live = deepcopy(training.optimisers["live generator"].state_dict())
    for i in range(2):
        values = training.step(i)
        assert values["skipped"] == i + 1 and values["bits_per_dim"].isfinite()
    assert all(torch.equal(before[n], t) for n, t in networks.generator.state_dict().items())
    assert all(torch.equal(live[n], t) for n, t in training.optimisers["live generator"].state_dict().items())


def test_a_step_without_a_number_is_skipped_and_many_end_the_training():
    networks = opened()
    training = stepper(networks, torch.full((2, 3, 16, 16), math.nan))
    values = training.step(0)
    assert values["skipped"] == 1 and "loss" not in values
    assert all(value.isfinite() for value in values.values())
    training.optimisers["counters"].skipped.fill_(PLUGIN.PATIENCE - 1)
    assert not training.step(1)["gradient_norm"].isfinite()
    assert all(p.isfinite().all() for p in training.optimisers["live generator"].parameters())


def test_training_resumes_to_the_last_bit():
    whole, half = stepper(micro(), blobs(4)), stepper(micro(), blobs(4))
    for i in range(4):
        whole.step(i, i / 4)
    for i in range(2):
        half.step(i, i / 4)
    resumed = stepper(micro(), blobs(4))
    for name, part in half.optimisers.items():
        resumed.optimisers[name].load_state_dict(deepcopy(part.state_dict()))
    for i in (2, 3):
        resumed.step(i, i / 4)
    for name in ("live generator", "live encoder", "counters"):
        ended = resumed.optimisers[name].state_dict()
        assert all(torch.equal(ended[n], t) for n, t in whole.optimisers[name].state_dict().items()), name


def test_the_learning_rate_rises_and_falls():
    config = MODEL.Config(lr=1.0, warmup_steps=9, decay_from=0.5)
    assert PLUGIN.learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert PLUGIN.learning_rate(config, 50, 0.5) == pytest.approx(1)
    assert PLUGIN.learning_rate(config, 50, 0.75) == pytest.approx(0.5)
    never = MODEL.Config(lr=1.0, decay_from=1.0)
    assert PLUGIN.learning_rate(never, 500, 0.999) == pytest.approx(1)


def test_unlearning_needs_the_generator_only():
    networks = opened()
    assert not any("posterior" in name for name in networks.generator.state_dict())
    generator = networks.generator.requires_grad_(True)
    generator(normal(2, LATENTS)).sum().backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None] == []


# --- the published sizes ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "gigabytes"), [("imagenet64", 8), ("ffhq256", 14)])
def test_a_step_at_a_published_size(preset, gigabytes, capsys):
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    if free < gigabytes:
        pytest.skip(f"needs about {gigabytes} GB of free memory, {free:.1f} are free")
    config = MODEL.Config(preset=preset, batch_size=1)
    training = stepper(build(MODEL(), config, "test"), blobs(1, config.image_shape))
    weight = training.optimisers["live generator"].gain
    before, began = weight.detach().clone(), time.perf_counter()
    values = training.step(0)
    took, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    with capsys.disabled():
        sys.stdout.write(
            f"\n{preset}: one step of batch 1 took {took:.0f} s on {torch.get_num_threads()} thread(s), peak memory "
            f"{peak:.1f} GB, {values['bits_per_dim']:.2f} bits per dimension\n"
        )
    assert values["bits_per_dim"].isfinite() and values["skipped"] == 0
    assert not torch.equal(weight.detach(), before)
