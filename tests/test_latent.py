from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bench import randomness
from bench.api import Generator, NoiseLatentGenerator
from bench.errors import UsageError
from bench.feedback import Feedback
from bench.latent import Direction, DirectionParams, edited_images, fit_direction

STREAM = "test"
DIM = 8


class Identity(NoiseLatentGenerator):
    """Draws its latent as 'pixels', so that an image says which latent it was drawn from."""

    image_shape, noise_dim, latent_dim = (1, 1, DIM), DIM, DIM

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.passes = []

    def render(self, latents):
        self.passes.append(len(latents))
        return (self.scale * latents).view(-1, *self.image_shape)


class Layered(Generator):
    """Its latent is not the noise, and the rest of the noise enters the image by itself, as per-layer noise does."""

    image_shape, noise_dim, latent_dim = (1, 2, 4), DIM, 4

    def __init__(self):
        super().__init__()
        self.mapping = nn.Parameter(torch.linspace(-1, 1, 16).view(4, 4) + torch.eye(4))
        self.decoded = []

    def decode(self, latents, noise):
        self.decoded.append(len(latents))
        return torch.stack([latents, noise[:, 4:]], dim=1)[:, None]

    def sample(self, noise):
        latents = noise[:, :4] @ self.mapping
        return latents, torch.stack([latents, noise[:, 4:]], dim=1)[:, None]


def clicks(direction, count, share=0.2, seed=STREAM, flip=0.0):
    """Label the upper ``share`` of a stream's samples along a direction."""
    noise = randomness.draw(seed, range(count), len(direction))
    scores = (noise @ direction).numpy()
    labels = scores >= np.quantile(scores, 1 - share)
    return Feedback(labels ^ (np.random.default_rng(0).random(count) < flip), seed)


def planted():
    direction = torch.tensor([3.0, -1.0, 0.5, 0, 0, 0, 2.0, 0])
    return direction / direction.norm()


def params(**given):
    return DirectionParams(**given)


# --- the direction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
@pytest.mark.parametrize("flip", [0.0, 0.05])
def test_a_planted_direction_is_recovered(kind, flip):
    found = fit_direction(Identity(), clicks(planted(), 2000, flip=flip), params(direction=kind))
    assert float(found.unit @ planted()) > (0.99 if flip == 0 else 0.97)
    assert float(found.unit.norm()) == pytest.approx(1, abs=1e-6)


def test_a_planted_direction_is_recovered_in_latents_that_are_not_the_noise():
    generator = Layered()
    noise = randomness.draw(STREAM, range(4000), DIM)
    feature = torch.tensor([0.0, 1.0, 0.0, 0.0])
    scores = (generator.sample(noise)[0] @ feature).detach().numpy()
    found = fit_direction(generator, Feedback(scores >= np.quantile(scores, 0.8), STREAM), params())
    wanted = generator.mapping.detach().T @ generator.mapping.detach() @ feature  # covariance times the rule's normal
    assert float(wanted @ feature / wanted.norm()) < 0.9
    assert float(found.unit @ wanted / wanted.norm()) > 0.995


def test_mean_difference_by_hand():
    feedback = clicks(planted(), 300)
    noise = randomness.draw(STREAM, range(300), DIM).double().numpy()
    difference = noise[feedback.labels].mean(0) - noise[~feedback.labels].mean(0)
    found = fit_direction(Identity(), feedback, params())
    np.testing.assert_allclose(found.unit, difference / np.linalg.norm(difference), atol=1e-6)


def test_the_raw_step_is_the_printed_equation_three():
    feedback = clicks(planted(), 300)
    noise = randomness.draw(STREAM, range(300), DIM).double().numpy()
    z_e = noise[feedback.labels].mean(0) - noise[~feedback.labels].mean(0)
    t = (noise @ z_e / np.linalg.norm(z_e)).mean()
    found = fit_direction(Identity(), feedback, params(step="raw"))
    z = randomness.draw("fresh", range(50), DIM)
    projection = z.double().numpy() @ z_e / np.linalg.norm(z_e)
    literal = z.double().numpy() - (projection - t)[:, None] * z_e
    np.testing.assert_allclose(found.erase(z), literal, atol=1e-5)
    assert np.linalg.norm(z_e) > 1.3
    assert not torch.allclose(found(found.erase(z)), found.threshold, atol=1e-2), "it lands on t only if |z_e| = 1"


def test_a_raw_step_of_length_one_lands_on_the_threshold():
    direction = Direction(DIM)
    direction.unit.copy_(planted())
    direction.threshold.fill_(0.3)
    direction.landing.fill_(0.3)
    direction.length.fill_(1.0)
    z = randomness.draw("fresh", range(50), DIM)
    torch.testing.assert_close(direction(direction.erase(z)), torch.full((50,), 0.3), atol=1e-6, rtol=0)


# --- thresholds and landings --------------------------------------------------------------------------


def projections(feedback, found):
    return found(randomness.draw(STREAM, range(len(feedback)), DIM)).double().numpy()


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
def test_threshold_readings(kind):
    feedback = clicks(planted(), 500)
    by_name = {
        t: fit_direction(Identity(), feedback, params(direction=kind, threshold=t))
        for t in ("mean", "midpoint", "quantile")
    }
    p = projections(feedback, by_name["mean"])
    positive, negative = p[feedback.labels], p[~feedback.labels]
    assert float(by_name["mean"].threshold) == pytest.approx(p.mean(), abs=1e-6)
    assert float(by_name["midpoint"].threshold) == pytest.approx((positive.mean() + negative.mean()) / 2, abs=1e-6)
    t = float(by_name["quantile"].threshold)
    assert abs((p >= t).sum() - feedback.positives) <= 1, "as many flagged as were clicked"
    assert by_name["mean"].threshold < by_name["midpoint"].threshold


@pytest.mark.parametrize("threshold", ["mean", "midpoint", "quantile"])
def test_landings(threshold):
    feedback = clicks(planted(), 500)
    z = randomness.draw("fresh", range(200), DIM)
    lands = {
        landing: fit_direction(Identity(), feedback, params(threshold=threshold, landing=landing))
        for landing in ("threshold", "negative_mean", "reflect")
    }
    t = float(lands["threshold"].threshold)
    p = projections(feedback, lands["threshold"])
    before = lands["threshold"](z)
    after = {name: each(each.erase(z)) for name, each in lands.items()}
    torch.testing.assert_close(after["threshold"], torch.full((200,), t), atol=1e-5, rtol=0)
    wanted = torch.full((200,), float(p[~feedback.labels].mean()))
    torch.testing.assert_close(after["negative_mean"], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(after["reflect"], 2 * t - before, atol=1e-5, rtol=0)
    assert {float(each.threshold) for each in lands.values()} == {t}, "landing must not move the threshold"


def test_erasing_changes_nothing_across_the_direction():
    found = fit_direction(Identity(), clicks(planted(), 500), params())
    z = randomness.draw("fresh", range(50), DIM)
    moved = found.erase(z) - z
    torch.testing.assert_close(
        moved - (moved @ found.unit)[:, None] * found.unit, torch.zeros(50, DIM), atol=1e-6, rtol=0
    )


def test_edit_erases_the_flagged_alone():
    found = fit_direction(Identity(), clicks(planted(), 500), params(threshold="midpoint"))
    z = randomness.draw("fresh", range(200), DIM)
    flagged = found.flag(z)
    assert 5 < int(flagged.sum()) < 195
    assert torch.equal(flagged, found(z) >= found.threshold)
    edited = found.edit(z)
    assert torch.equal(edited[~flagged], z[~flagged])
    assert torch.equal(edited[flagged], found.erase(z)[flagged])
    at_threshold = found.threshold * found.unit[None]
    found.threshold.copy_(found(at_threshold)[0])
    assert bool(found.flag(at_threshold)), "flagged means at or above"


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
@pytest.mark.parametrize(("value", "what"), [(False, "no positives among 20 samples"), (True, "no negatives among 20")])
def test_one_class_only_is_an_error(kind, value, what):
    with pytest.raises(UsageError, match=what) as error:
        fit_direction(Identity(), Feedback(np.full(20, value), STREAM), params(direction=kind))
    assert "--set feedback.count" in str(error.value) and "--feedback" in str(error.value)


def test_equal_means_are_an_error():
    noise = np.ones((4, DIM), dtype=np.float32)
    with pytest.raises(UsageError, match="no direction"):
        fit_direction(Identity(), Feedback(np.array([True, False, True, False]), noise_array=noise), params())


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_a_raw_step_wants_the_mean_difference(kind):
    with pytest.raises(ValidationError, match="step=raw needs direction=mean_difference"):
        params(direction=kind, step="raw")


def test_latents_too_many_to_hold_are_refused(monkeypatch):
    monkeypatch.setattr("bench.latent.FITTED_LIMIT", 100 * DIM)
    with pytest.raises(UsageError, match="use direction=mean_difference"):
        fit_direction(Identity(), clicks(planted(), 101), params(direction="logistic"))
    fit_direction(Identity(), clicks(planted(), 101), params())


# --- the edited images --------------------------------------------------------------------------------


def test_edited_images_of_a_noise_latent_generator_are_one_pass():
    generator = Identity()
    found = fit_direction(generator, clicks(planted(), 500), params())
    noise = randomness.draw("fresh", range(64), DIM)
    generator.passes.clear()
    images, flagged = edited_images(generator, found, noise)
    assert generator.passes == [64]
    assert torch.equal(images, generator.decode(found.edit(noise), noise))
    assert torch.equal(flagged, found.flag(noise)) and 0 < int(flagged.sum()) < 64
    assert not images.requires_grad


def test_edited_images_keep_what_is_not_edited():
    generator = Layered()
    direction = Direction(4)
    direction.unit.copy_(torch.tensor([0.0, 0.6, 0.8, 0.0]))
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(64), DIM)
    images, flagged = edited_images(generator, direction, noise)
    latents, plain = generator.sample(noise)
    assert generator.decoded == [int(flagged.sum())] and 0 < int(flagged.sum()) < 64
    assert torch.equal(images[~flagged], plain[~flagged])
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))
    assert torch.equal(images[:, 0, 1], noise[:, 4:]), "per-layer noise is that of the same sample"


@pytest.mark.parametrize("threshold", [-100.0, 100.0])
def test_edited_images_when_all_or_none_are_flagged(threshold):
    generator, direction = Layered(), Direction(4)
    direction.unit[0] = 1.0
    direction.threshold.fill_(threshold)
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(8), DIM)
    images, flagged = edited_images(generator, direction, noise)
    assert flagged.all() if threshold < 0 else not flagged.any()
    latents = generator.sample(noise)[0]
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))


def test_a_direction_is_stored_and_restored_whole():
    found = fit_direction(Identity(), clicks(planted(), 300), params(step="raw", landing="reflect"))
    again = Direction(DIM, reflect=True)
    again.load_state_dict(found.state_dict())
    z = randomness.draw("fresh", range(20), DIM)
    assert torch.equal(again.edit(z), found.edit(z)) and torch.equal(again(z), found(z))
