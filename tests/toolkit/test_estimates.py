from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from bench.toolkit import estimates
from bench.toolkit.estimates import Z95
from bench.toolkit.frechet import frechet_distance, statistics_of

DIM = 6


def cloud(count, seed, shift=0.0, scale=1.0):
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(DIM, DIM)) / 2 + np.eye(DIM)
    return (rng.normal(size=(count, DIM)) * scale) @ mix + shift


REFERENCE = statistics_of(cloud(4000, 0), "reference")


def spread(value, make, draws=200):
    """Return the standard deviation of a number over samples that are drawn anew."""
    return np.std([value(make(1000 + i)) for i in range(draws)], ddof=1)


def test_the_values_are_those_of_the_metrics():
    x, logits = cloud(300, 1, 0.3, 1.2), cloud(400, 4)
    assert estimates.frechet(x, REFERENCE).value == pytest.approx(
        frechet_distance(statistics_of(x, "x"), REFERENCE), rel=1e-9
    )
    score = isc_features_to_metric(torch.from_numpy(logits), splits=1)["inception_score_mean"]
    assert estimates.inception_score(logits).value == pytest.approx(float(score), rel=1e-9)


def test_the_kernel_distance_is_the_mean_over_different_pairs():
    rows = estimates.ROWS  # computed at once: take more, and not a multiple
    x, y = cloud(rows + 30, 1, 0.3), cloud(2 * rows + 20, 2)
    inside, across, rest = ((a @ b.T / DIM + 1) ** 3 for a, b in ((x, x), (x, y), (y, y)))
    pairs = [k[~np.eye(len(k), dtype=bool)].mean() for k in (inside, rest)]
    found = estimates.kernel_distance(x, estimates.kernel_reference(y))
    assert found.value == pytest.approx(sum(pairs) - 2 * across.mean(), rel=1e-9)


@pytest.mark.parametrize("of", ["frechet", "kernel_distance", "inception_score"])
def test_intervals_are_those_of_drawing_again(of):
    kernel = estimates.kernel_reference(cloud(500, 5))
    compute = {
        "frechet": lambda x: estimates.frechet(x, REFERENCE),
        "kernel_distance": lambda x: estimates.kernel_distance(x, kernel),
        "inception_score": estimates.inception_score,
    }[of]
    found = np.median([compute(cloud(400, seed, 0.4, 1.3)).half_width for seed in range(10)])
    assert found / Z95 == pytest.approx(spread(lambda x: compute(x).value, lambda s: cloud(400, s, 0.4, 1.3)), rel=0.2)


def test_at_distance_0_the_interval_is_wide_rather_than_narrow():
    found = np.median([estimates.frechet(cloud(400, seed), REFERENCE).half_width for seed in range(10)]) / Z95
    true = spread(lambda x: estimates.frechet(x, REFERENCE).value, lambda s: cloud(400, s))
    assert true < found < 2 * true


def test_pairs_make_the_interval_of_a_difference_narrow_and_right():
    def both(seed):
        x = cloud(400, seed, 0.4)
        return estimates.frechet(x + 0.05, REFERENCE), estimates.frechet(x, REFERENCE)

    found = np.median([estimates.half_width_of_difference(*both(seed)) for seed in range(10)])
    true = np.std([a.value - b.value for a, b in map(both, range(1000, 1200))], ddof=1)
    assert found / Z95 == pytest.approx(true, rel=0.2)
    assert found < both(0)[0].half_width / 3
    assert estimates.half_width_of_difference(both(0)[0], both(0)[0]) == 0


def test_copies_are_not_independent():
    few, ten = cloud(100, 7, 0.4), np.tile(np.arange(100), 10)
    as_if = estimates.frechet(few[ten], REFERENCE).half_width
    honest = estimates.frechet(few[ten], REFERENCE, ten).half_width
    assert honest == pytest.approx(as_if * np.sqrt(10))


def test_a_score_of_certain_classes_is_their_number():
    logits = np.tile(40 * np.eye(DIM), (50, 1))
    found = estimates.inception_score(logits)
    assert found.value == pytest.approx(DIM) and found.half_width == pytest.approx(0, abs=1e-9)
