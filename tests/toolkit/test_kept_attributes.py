"""Attributes that a feature's removal leaves as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from latent_toys import DIM, STREAM, Identity, bearded, men, params, who
from pydantic import ValidationError

from bench.api.feedback import Feedback
from bench.core import randomness
from bench.errors import UsageError
from bench.toolkit.latent import fit_direction


@pytest.mark.parametrize("direction", ["mean_difference", "logistic"])
def test_the_beard_goes_and_the_man_stays(direction):
    z, beard, male = men(4000, "fresh")
    dragging = fit_direction(Identity(), bearded(5000), params(direction=direction))
    keeping = fit_direction(Identity(), bearded(5000), params(direction=direction, keep=("Male",)))
    plain, kept = who(dragging.edit(z)), who(keeping.edit(z))
    assert plain[0].mean() < 0.1 * beard.mean() and kept[0].mean() < 0.1 * beard.mean()
    assert plain[1].mean() < 0.75 * male.mean(), "the plain direction drags the man along"
    assert kept[1].mean() == pytest.approx(male.mean(), rel=0.05)
    assert torch.equal(keeping.unit, dragging.unit) and keeping.threshold == dragging.threshold, "the same are flagged"


@pytest.mark.parametrize("direction", ["mean_difference", "logistic"])
def test_kept_projections_stay_what_they_are(direction):
    feedback = bearded(2000, old=(randomness.draw(STREAM, range(2000), DIM)[:, 5] > 1).numpy())
    found = fit_direction(Identity(), feedback, params(direction=direction, keep=("Male", "old")))
    z = randomness.draw("fresh", range(100), DIM)
    erased = found.erase(z)
    torch.testing.assert_close(found(erased), found.threshold.expand(100), atol=1e-5, rtol=0)
    for name in ("Male", "old"):
        kept = fit_direction(Identity(), Feedback(feedback.also[name], STREAM), params(direction=direction))
        torch.testing.assert_close(kept(erased), kept(z), atol=1e-5, rtol=0)


def test_the_kept_way_is_the_shortest():
    feedback = bearded(2000)
    found = fit_direction(Identity(), feedback, params(keep=("Male",)))
    male = fit_direction(Identity(), Feedback(feedback.also["Male"], STREAM), params())
    span = torch.stack([found.unit, male.unit], dim=1)  # a longer way would leave the span of the two
    inside = span @ torch.linalg.lstsq(span, found.move[:, None]).solution
    torch.testing.assert_close(inside[:, 0], found.move, atol=1e-5, rtol=0)
    assert float(found.unit @ found.move) == pytest.approx(1, abs=1e-6) and found.move.norm() > 1


def test_keeping_what_is_unrelated_changes_little():
    feedback = bearded(5000, chance=np.random.default_rng(0).random(5000) < 0.5)
    found = fit_direction(Identity(), feedback, params(keep=("chance",)))
    assert float(found.move.norm()) == pytest.approx(1, abs=0.1)


def test_what_is_kept_is_named_once():
    with pytest.raises(ValidationError, match="names Male twice"):
        params(keep=("Male", "Male"))


def test_every_threshold_and_landing_goes_with_keep():
    feedback, z = bearded(1000), randomness.draw("fresh", range(50), DIM)
    for given in ({"threshold": "midpoint"}, {"landing": "negative_mean"}, {"threshold_shift": 0.5}):
        plain, found = (fit_direction(Identity(), feedback, params(keep=k, **given)) for k in ((), ("Male",)))
        assert (plain.threshold, plain.landing) == (found.threshold, found.landing)
        torch.testing.assert_close(found(found.erase(z)), plain(plain.erase(z)), atol=1e-5, rtol=0)
    raw = fit_direction(Identity(), feedback, params(keep=("Male",), step="raw"))
    plain = fit_direction(Identity(), feedback, params(step="raw"))
    torch.testing.assert_close(raw(raw.erase(z)), plain(plain.erase(z)), atol=1e-5, rtol=0)


def test_kept_attributes_need_clicks():
    with pytest.raises(UsageError, match="-p keep=Old: the feedback has no clicks on 'Old'.*Male"):
        fit_direction(Identity(), bearded(100), params(keep=("Old",)))
    with pytest.raises(UsageError, match="-p keep=Hat: no sample of 100 was clicked for 'Hat'"):
        fit_direction(Identity(), bearded(100, Hat=np.zeros(100, dtype=bool)), params(keep=("Male", "Hat")))
    feedback = bearded(100)
    with pytest.raises(UsageError, match="-p keep=Beard: positives and negatives differ in these attributes only"):
        fit_direction(Identity(), bearded(100, Beard=feedback.labels), params(keep=("Beard",)))


# --- published rules ----------------------------------------------------------------------------------


def test_the_conditional_direction_leaves_kept_projections_and_reads_what_it_moves():
    feedback, z = bearded(4000), randomness.draw("fresh", range(4000), DIM)
    found = fit_direction(Identity(), feedback, params(keep=("Male",), keep_rule="conditional"))
    male = fit_direction(Identity(), Feedback(feedback.also["Male"], STREAM), params())
    torch.testing.assert_close(found.unit, found.move)
    torch.testing.assert_close(male(found.erase(z)), male(z), atol=1e-4, rtol=0)


def test_splince_removes_the_target_s_covariance_and_keeps_the_other_s():
    feedback, z = bearded(4000), randomness.draw("fresh", range(20000), DIM)
    found = fit_direction(Identity(), feedback, params(keep=("Male",), keep_rule="splince"))
    target = fit_direction(Identity(), feedback, params()).unit
    male = fit_direction(Identity(), Feedback(feedback.also["Male"], STREAM), params()).unit
    projection = torch.eye(DIM) - torch.outer(found.move, found.unit)  # of white latents: P cov(z, x) = P a
    torch.testing.assert_close(projection @ target, torch.zeros(DIM), atol=1e-5, rtol=0)
    torch.testing.assert_close(projection @ male, male, atol=1e-5, rtol=0)
    moved = found.erase(z) - found.erase(z).mean(0)
    torch.testing.assert_close(moved, (z - z.mean(0)) @ projection.T, atol=1e-3, rtol=0)


@pytest.mark.parametrize("rule", ["conditional", "splince"])
def test_a_rule_without_an_attribute_to_keep_is_refused(rule):
    with pytest.raises(ValueError, match=f"keep_rule={rule} says how .* keep names none: name some .*-p keep=Male"):
        params(keep_rule=rule)
