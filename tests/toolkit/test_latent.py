"""The feature's direction: how it is found, thresholds, landings, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from latent_toys import DIM, STREAM, Identity, Layered, bearded, clicks, params, planted
from pydantic import ValidationError

from bench.api.feedback import Feedback
from bench.core import randomness
from bench.errors import UsageError
from bench.toolkit.latent import Direction, fit_direction

# --- the direction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
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


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
def test_threshold_readings(kind):
    feedback = clicks(planted(), 500)
    by_name = {
        t: fit_direction(Identity(), feedback, params(direction=kind, threshold=t)) for t in ("mean", "midpoint")
    }
    p = projections(feedback, by_name["mean"])
    positive, negative = p[feedback.labels], p[~feedback.labels]
    assert float(by_name["mean"].threshold) == pytest.approx(p.mean(), abs=1e-6)
    assert float(by_name["midpoint"].threshold) == pytest.approx((positive.mean() + negative.mean()) / 2, abs=1e-6)
    assert by_name["mean"].threshold < by_name["midpoint"].threshold


@pytest.mark.parametrize("threshold", ["mean", "midpoint"])
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


@pytest.mark.parametrize("kind", ["mean_difference", "logistic"])
@pytest.mark.parametrize(("value", "what"), [(False, "no positives among 20 samples"), (True, "no negatives among 20")])
def test_one_class_only_is_an_error(kind, value, what):
    with pytest.raises(UsageError, match=what) as error:
        fit_direction(Identity(), Feedback(np.full(20, value), STREAM), params(direction=kind))
    assert "--set feedback.count" in str(error.value) and "--feedback" in str(error.value)


def test_equal_means_are_an_error():
    noise = np.ones((4, DIM), dtype=np.float32)
    with pytest.raises(UsageError, match="no direction"):
        fit_direction(Identity(), Feedback(np.array([True, False, True, False]), noise_array=noise), params())


def test_a_raw_step_wants_the_mean_difference():
    with pytest.raises(ValidationError, match="step=raw needs direction=mean_difference"):
        params(direction="logistic", step="raw")


def test_shrinkage_wants_the_mean_difference():
    with pytest.raises(ValidationError, match="shrink=true needs direction=mean_difference"):
        params(direction="logistic", shrink=True)


def test_layers_want_a_layered_generator():
    with pytest.raises(UsageError, match="-p layers: this generator's latent has no layers"):
        fit_direction(Identity(), clicks(planted(), 100), params(layers=(1, 4)))


def test_differences_that_noise_explains_are_no_direction():
    labels = np.arange(200) < 100
    noise = np.tile(randomness.draw(STREAM, range(100), DIM).numpy(), (2, 1)) + 0.01 * labels[:, None].astype(
        np.float32
    )
    fit_direction(Identity(), Feedback(labels, noise_array=noise), params())
    with pytest.raises(UsageError, match="up to sampling noise"):
        fit_direction(Identity(), Feedback(labels, noise_array=noise), params(shrink=True))


# --- the edited images --------------------------------------------------------------------------------


def test_a_direction_is_stored_and_restored_whole():
    found = fit_direction(Identity(), clicks(planted(), 300), params(step="raw", landing="reflect"))
    again = Direction(DIM, reflect=True)
    again.load_state_dict(found.state_dict())
    z = randomness.draw("fresh", range(20), DIM)
    assert torch.equal(again.edit(z), found.edit(z)) and torch.equal(again(z), found(z))


@pytest.mark.parametrize("given", [{}, {"keep": ("Male",)}, {"scale": "deviation", "landing": "reflect"}])
def test_an_unfitted_direction_takes_a_fitted_ones_values(given):
    found = fit_direction(Identity(), bearded(300), params(**given))
    again = Direction.unfitted(DIM, params(**given))
    again.load_state_dict(found.state_dict())
    z = randomness.draw("fresh", range(20), DIM)
    assert torch.equal(again.edit(z), found.edit(z)) and torch.equal(again(z), found(z))
