"""Adaptive augmentation, and mirrored images."""

from __future__ import annotations

import pytest
import torch
from proggan_toys import BATCH, ProgGAN, images, new, noise, train
from pydantic import ValidationError

from bench.core import randomness
from bench.models.proggan.adaptive import CUT, IMAGES, LARGEST, SHIFT, Augmentation, cut_out, moved, recoloured
from bench.toolkit.augmentation import random_flip


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def signed(count=64, size=16):
    return 2 * images(count, size) - 1


def test_the_probability_says_how_many_images_change():
    augment, before = Augmentation(0.6), signed(2000, 4)
    assert torch.equal(augment(before, rng()), before)
    augment.probability.fill_(0.2)
    changed = (augment(before, rng()) != before).flatten(1).any(1).float().mean()
    # at 4 px nothing moves (1/8 of 4 is less than a pixel), so two changes are left
    assert changed == pytest.approx(1 - 0.8**2, abs=0.03)


def test_augmentation_that_is_off_draws_nothing_and_follows_nothing():
    augment, random, before = Augmentation(0.0), rng(), signed()
    state = random.get_state()
    assert augment(before, random) is before and torch.equal(random.get_state(), state)
    augment.adapt(torch.ones(8))
    assert augment.report() == {} and (augment.sign, augment.probability) == (0, 0)


@pytest.mark.parametrize(("score", "expected"), [(1.0, LARGEST), (0.5, LARGEST), (-1.0, 0.0)])
def test_a_critic_that_is_sure_of_its_reals_is_augmented_more(score, expected):
    augment, batch = Augmentation(0.6), 1000
    for _ in range(IMAGES // batch + 20):  # at first the running mean is still below the target
        augment.adapt(torch.full((batch,), score))
    assert float(augment.probability) == pytest.approx(expected, abs=0.01)
    assert float(augment.sign) == pytest.approx(1.0 if score > 0 else -1.0)


def test_the_probability_falls_again():
    augment = Augmentation(0.6)
    augment.probability.fill_(0.3)
    augment.adapt(-torch.ones(5000))
    assert float(augment.probability) == pytest.approx(0.3 - 5000 / IMAGES)


def test_colours_change_within_their_bounds():
    before = signed()
    after = recoloured(before, rng())
    assert (after.mean((1, 2, 3)) - before.mean((1, 2, 3))).abs().max() <= 0.5
    grey = torch.full_like(before, 0.25)
    flat = recoloured(grey, rng())  # a flat grey image has no contrast and no saturation to change
    assert torch.allclose(flat, flat[:, :1, :1, :1].expand_as(flat), atol=1e-6)
    assert (flat - grey).abs().max() <= 0.5


def test_images_move_by_an_eighth_at_most():
    dot = torch.zeros(400, 1, 16, 16)
    dot[:, :, 8, 8] = 1
    places = moved(dot, rng()).nonzero()[:, 2:] - 8
    assert len(places) == 400 and places.unique().tolist() == list(range(-2, 3)) and 16 * SHIFT == 2


def test_a_grey_square_is_cut_out():
    cut = cut_out(torch.ones(400, 3, 16, 16), rng())[:, 0] == 0  # (N, R, R)
    rows, columns = cut.any(2).sum(1), cut.any(1).sum(1)
    assert (cut.sum((1, 2)) == rows * columns).all()  # one rectangle each
    assert rows.max() == columns.max() == 16 * CUT - 1 and rows.min() >= 16 * CUT / 2  # fewer at an edge


def test_changes_let_the_generator_s_gradient_through():
    augment, before = Augmentation(0.6), signed().requires_grad_(True)
    augment.probability.fill_(1)
    augment(before, rng()).sum().backward()
    assert torch.isfinite(before.grad).all() and (before.grad != 0).float().mean() > 0.3


def test_augmented_training_adapts_and_is_resumed_to_the_last_bit(tmp_path):
    def started(probability):
        made = new(augmentation=0.6, flip=True)
        made.optimisers["augmentation"].probability.fill_(probability)
        return made

    def parts(made):
        return made.networks.modules() | {f"optimiser {name}": part for name, part in made.optimisers.items()}

    whole, first, second = started(0.3), started(0.3), new(augmentation=0.6, flip=True)
    losses = train(whole, 6)
    assert losses["augmented"] != 0.3 and losses["sign"] == whole.optimisers["augmentation"].sign
    train(first, 3)
    torch.save({name: part.state_dict() for name, part in parts(first).items()}, tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    for name, part in parts(second).items():
        part.load_state_dict(stored[name])
    train(second, 3, first=3)
    assert torch.equal(second.networks.generator(noise()), whole.networks.generator(noise()))
    assert torch.equal(second.optimisers["augmentation"].probability, whole.optimisers["augmentation"].probability)


def test_augmentation_changes_the_training_once_it_is_on():
    off, idle, on = new(), new(augmentation=0.6), new(augmentation=0.6)
    on.optimisers["augmentation"].probability.fill_(1)
    for made in (off, idle, on):
        train(made, 2)
    drawn = [made.networks.generator(noise()) for made in (off, idle, on)]
    assert torch.isfinite(drawn[2]).all() and not torch.equal(drawn[1], drawn[2])


def test_flipped_training_sees_mirrored_images(monkeypatch):
    seen = []

    def recorded(flipped, random):
        seen.append(random_flip(flipped, random))
        return seen[-1]

    monkeypatch.setitem(ProgGAN.training_step.__globals__, "random_flip", recorded)
    train(new(), 1)
    assert seen == []
    train(new(flip=True), 1)
    (shown,) = seen
    same = (shown == BATCH.images).flatten(1).all(1)
    mirrored = (shown == BATCH.images.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all() and 0 < mirrored.sum() < len(shown)


def test_wasserstein_scores_have_no_sign():
    with pytest.raises(ValidationError, match="augmentation needs loss=r1: scores of wgan-gp have no zero point"):
        ProgGAN.Config(augmentation=0.6, loss="wgan-gp")


def test_the_default_draws_as_before():
    """Without the two options, a step uses its random numbers for noise only."""
    random = randomness.generator("t", 0)
    made = new()
    made.model.training_step(made.networks, made.optimisers, BATCH, random, 0.0)
    expected = randomness.generator("t", 0)
    torch.randn(8, 8, generator=expected)
    assert torch.equal(random.get_state(), expected.get_state())
