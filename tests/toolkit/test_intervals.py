from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from bench.toolkit.intervals import agreement, auc_delong, balanced_accuracy, kappa, of_mean, shown, wilson

# statsmodels.stats.proportion.proportion_confint(..., method="wilson"); the last four also in Newcombe 1998,
# Statistics in Medicine 17:857, Table I, method 3
WILSON = [
    (0, 10, 0.0, 0.277533),
    (1, 10, 0.017876, 0.404150),
    (5, 10, 0.236593, 0.763407),
    (10, 10, 0.722467, 1.0),
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("successes", "n", "low", "high"), WILSON)
def test_wilson_against_known_values(successes, n, low, high):
    digits = 1e-6 if n == 10 else 5e-5
    assert wilson(successes, n) == pytest.approx((low, high), abs=digits)
    assert wilson(n - successes, n) == pytest.approx((1 - high, 1 - low), abs=digits)


def test_wilson_holds_its_level():
    rng = np.random.default_rng(0)
    for p in (0.01, 0.1, 0.5):
        draws = rng.binomial(500, p, 2000)
        covered = np.mean([low <= p <= high for low, high in (wilson(int(k), 500) for k in draws)])
        assert 0.93 < covered < 0.985


def test_balanced_accuracy_at_both_ends_and_by_hand():
    assert balanced_accuracy(10, 10, 40, 40)[0] == balanced_accuracy(10, 10, 40, 40)[2] == 1.0
    assert balanced_accuracy(0, 10, 0, 40)[:2] == (0.0, 0.0)
    accuracy, low, high = balanced_accuracy(5, 10, 10, 10)
    assert accuracy == 0.75 and low == pytest.approx(0.75 - np.hypot(0.5 - 0.236593, 1 - 0.722467) / 2, abs=1e-6)
    assert high == pytest.approx(0.75 + (0.763407 - 0.5) / 2, abs=1e-6)


def test_agreement_of_labels_with_the_truth():
    truth = np.array([True, False, False, False])
    assert agreement(truth, truth) == {"balanced_accuracy": 1.0, "rate": 0.25, "n": 4}
    assert agreement(~truth, truth)["balanced_accuracy"] == 0.0
    assert agreement(np.zeros(4, bool), truth)["balanced_accuracy"] == 0.5, "saying no to everything is no skill"
    assert agreement(truth, np.zeros(4, bool)) == {"balanced_accuracy": None, "rate": 0.0, "n": 4}


def test_balanced_accuracy_holds_its_level():
    rng = np.random.default_rng(0)
    for sensitivity, specificity in ((0.75, 0.97), (0.5, 0.5), (0.9, 0.6)):
        draws = zip(rng.binomial(50, sensitivity, 2000), rng.binomial(450, specificity, 2000), strict=True)
        truth = (sensitivity + specificity) / 2
        limits = [balanced_accuracy(int(hits), 50, int(rejections), 450)[1:] for hits, rejections in draws]
        assert 0.93 < np.mean([low <= truth <= high for low, high in limits]) < 0.985


def test_mean_by_hand():
    mean, low, high = of_mean(np.array([1.0, 2.0, 3.0, 4.0]))
    half = 1.959963985 * 1.2909944487 / 2
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - half, 2.5 + half), rel=1e-9)
    assert of_mean(np.full(9, 0.25)) == (0.25, 0.25, 0.25)


def test_a_normal_interval_is_shown_where_it_holds_nine_times_in_ten():
    rng = np.random.default_rng(3)
    held = [
        abs(of_mean(values)[0]) <= of_mean(values)[2] - of_mean(values)[0] for values in rng.normal(size=(2000, 10))
    ]
    assert np.mean(held) > 0.9
    assert shown(0.1, 0.2, 10) == (0.1, 0.2) and shown(0.1, 0.2, 9) == (None, None)


def test_auc_at_both_ends_and_in_the_middle():
    assert auc_delong(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == (1.0, 1.0, 1.0)
    assert auc_delong(np.array([1.0, 2.0]), np.array([3.0, 4.0])) == (0.0, 0.0, 0.0)
    auc, low, high = auc_delong(np.ones(20), np.ones(30))
    assert (auc, low, high) == (0.5, 0.5, 0.5)
    assert auc_delong(np.array([1.0, 3.0]), np.array([2.0]))[0] == 0.5


@pytest.mark.parametrize("ties", [None, 0, 1])
@pytest.mark.parametrize(("positives", "negatives"), [(1, 1), (1, 30), (40, 400), (200, 50)])
def test_auc_equals_scikit_learn_s(ties, positives, negatives):
    rng = np.random.default_rng(positives)
    positive, negative = rng.normal(1, 1, positives), rng.normal(0, 1, negatives)
    if ties is not None:
        positive, negative = positive.round(ties), negative.round(ties)
    auc, low, high = auc_delong(positive, negative)
    labels = np.repeat([1, 0], [positives, negatives])
    assert auc == pytest.approx(roc_auc_score(labels, np.concatenate([positive, negative])), abs=1e-12)
    assert 0 <= low <= auc <= high <= 1


def test_delong_s_spread_is_the_bootstrap_s():
    rng = np.random.default_rng(1)
    positive, negative = rng.normal(1, 1, 120).round(1), rng.normal(0, 1.5, 300).round(1)
    auc, low, high = auc_delong(positive, negative)
    again = [auc_delong(rng.choice(positive, 120), rng.choice(negative, 300))[0] for _ in range(1500)]
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(again), rel=0.08)
    assert auc - low == pytest.approx(high - auc)


def test_delong_holds_its_level():
    rng = np.random.default_rng(2)
    truth = 0.7602499389  # P(N(1, 1) > N(0, 1)) = Phi(1 / sqrt 2)
    covered = 0
    for _ in range(500):
        _, low, high = auc_delong(rng.normal(1, 1, 80), rng.normal(0, 1, 120))
        covered += low <= truth <= high
    assert 0.92 < covered / 500 < 0.98


@pytest.mark.parametrize(("few", "level"), [(2, 0.8), (3, 0.83), (5, 0.83), (20, 0.9)])
def test_the_interval_of_an_auc_is_nearly_as_wide_as_it_should_be_where_a_class_is_small(few, level):
    rng = np.random.default_rng(few)
    truth = 0.7602499389
    found = [auc_delong(rng.normal(1, 1, few), rng.normal(0, 1, 500))[1:] for _ in range(1000)]
    assert np.mean([low <= truth <= high for low, high in found]) > level
    assert auc_delong(rng.normal(1, 1, 1), rng.normal(0, 1, 500))[1:] == (0.0, 1.0), "one score tells nothing"


def labels_of(table, n, rng):
    drawn = rng.choice(4, n, p=np.ravel(table))
    return drawn >= 2, drawn % 2 == 1


def test_kappa_is_cohens_and_its_interval_holds_its_level():
    table, rng, n = np.array([[0.83, 0.02], [0.015, 0.135]]), np.random.default_rng(0), 1000
    by_chance = table.sum(1) @ table.sum(0)
    true, hits = (np.trace(table) - by_chance) / (1 - by_chance), 0
    for _ in range(400):
        first, second = labels_of(table, n, rng)
        found, low, high = kappa(first, second)
        hits += low <= true <= high
    assert found == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert 0.915 <= hits / 400 <= 0.975


def test_kappa_of_equal_and_of_unrelated_and_of_constant_labels():
    labels = np.arange(1000) % 5 == 0
    assert kappa(labels, labels) == (1.0, 1.0, 1.0)
    found, low, high = kappa(labels, np.arange(1000) % 2 == 0)
    assert found == pytest.approx(0, abs=1e-9) and low < 0 < high
    assert kappa(labels, ~labels)[0] < -0.4
    assert kappa(labels, np.zeros(1000, bool)) is None
