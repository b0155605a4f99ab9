"""The Frechet distance of known Gaussians."""

from __future__ import annotations

import numpy as np
import pytest

from bench.api import Statistics
from bench.toolkit.frechet import frechet_distance, statistics_of


def gaussian(mean, covariance):
    return Statistics(np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float), 1000, "test")


def test_frechet_distance_of_known_gaussians():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    first, second = rotation @ np.diag(a) @ rotation.T, rotation @ np.diag(b) @ rotation.T
    assert frechet_distance(gaussian([0, 0, 0], first), gaussian([0, 0, 0], first)) == pytest.approx(0, abs=1e-6)
    # commuting covariances: |difference of means|^2 + sum of (sqrt a - sqrt b)^2
    wanted = 1 + 4 + 9 + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    found = frechet_distance(gaussian([0, 0, 0], first), gaussian([1, 2, 3], second))
    assert found == pytest.approx(wanted, rel=1e-9)
    assert frechet_distance(gaussian([1, 2, 3], second), gaussian([0, 0, 0], first)) == pytest.approx(wanted, rel=1e-9)


def test_statistics_are_mean_and_unbiased_covariance():
    embeddings = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    found = statistics_of(embeddings, "test")
    np.testing.assert_allclose(found.mean, embeddings.mean(0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(embeddings.astype(np.float64), rowvar=False), rtol=1e-10)
    assert found.n == 50
