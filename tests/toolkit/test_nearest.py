"""Distances to the nearest known embedding, against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench.toolkit.nearest import far, nearest


@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_distances_are_scipy_s_even_far_from_the_origin(shift):
    rng = np.random.default_rng(0)
    known, seen = rng.standard_normal((300, 5)) + shift, rng.standard_normal((1500, 5)) + shift
    np.testing.assert_allclose(nearest(seen, known), cdist(seen, known).min(axis=1), rtol=1e-6)
    among = cdist(known, known) + np.diag(np.full(300, np.inf))
    np.testing.assert_allclose(nearest(known, known, others=True), among.min(axis=1), rtol=1e-6)
    assert nearest(known, known).max() < 1e-4


def test_a_twentieth_of_known_ones_would_be_far():
    grid = np.arange(100, dtype=float)[:, None]
    grid[:5] *= -10  # five that stand apart
    assert not far(np.array([[50.4]]), grid)[0] and far(np.array([[5000.0]]), grid)[0]
