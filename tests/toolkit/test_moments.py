"""One pass over the shown latents: moments, layers, and what shrinkage leaves of a mean difference."""

from __future__ import annotations

import numpy as np
import pytest
from shown_latents import DIM, Blocks, clicked, whole

from bench.errors import UsageError
from bench.toolkit.moments import ShownLatents, columns_of, moments, shrunk, sure_threshold

# --- passes over the shown latents --------------------------------------------------------------------


def test_moments_by_hand():
    feedback = clicked(150, also=("a",))
    labels, z = np.stack([feedback.labels, feedback.also["a"]]), whole(feedback)
    found = moments(ShownLatents(Blocks(), feedback), labels)
    np.testing.assert_allclose(found.mean, z.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.variance, z.var(0), atol=1e-12)
    for k, positive in enumerate(labels):
        np.testing.assert_allclose(found.differences[k], z[positive].mean(0) - z[~positive].mean(0), atol=1e-12)
        p, q = positive.sum(), (~positive).sum()
        within = (p * z[positive].var(0) + q * z[~positive].var(0)) / (p + q)
        np.testing.assert_allclose(found.deviation(k)[:-1], np.sqrt(within)[:-1], rtol=1e-9)
        np.testing.assert_allclose(found.standard_error(k), found.deviation(k) * np.sqrt(1 / p + 1 / q), rtol=1e-12)
        assert found.deviation(k)[-1] == 0, "a latent that never varies"


def test_blocks_of_columns_change_nothing(monkeypatch):
    feedback = clicked(150)
    once = moments(ShownLatents(Blocks(), feedback), feedback.labels[None])
    monkeypatch.setattr("bench.toolkit.moments.BLOCK", 320)  # five columns at a time
    again = moments(ShownLatents(Blocks(), feedback), feedback.labels[None])
    np.testing.assert_allclose(again.differences, once.differences, atol=1e-13)
    np.testing.assert_allclose(again.variance, once.variance, atol=1e-13)
    normal = np.linspace(-1, 1, DIM)
    np.testing.assert_allclose(ShownLatents(Blocks(), feedback).project(normal), whole(feedback) @ normal, atol=1e-6)


@pytest.mark.parametrize(
    ("held", "limit", "draws"), [(True, 150 * DIM, 1), (True, 150 * DIM - 1, 2), (False, 10**9, 2)]
)
def test_latents_are_held_only_if_asked_for_and_few(monkeypatch, held, limit, draws):
    monkeypatch.setattr("bench.toolkit.moments.HELD", limit)
    generator = Blocks()
    latents = ShownLatents(generator, clicked(150), held=held)
    first, second = np.concatenate(list(latents.chunks())), np.concatenate(list(latents.chunks()))
    assert np.array_equal(first, second) and generator.drawn == draws * 192, "three whole chunks"


def test_layers_are_columns_of_the_latent():
    columns, parts = columns_of(Blocks(), (1,))
    assert columns.tolist() == [0, 1, 2, 8, 9, 10, 11] and parts == [slice(0, 3), slice(3, 7)]
    assert columns_of(Blocks(), ())[0].tolist() == list(range(DIM)) and len(columns_of(Blocks(), ())[1]) == 3
    feedback = clicked(70)
    read = np.concatenate(list(ShownLatents(Blocks(), feedback, (4,)).chunks()))
    np.testing.assert_array_equal(read, whole(feedback)[:, 3:8].astype(np.float32))


def test_layers_that_are_not_there_are_refused():
    with pytest.raises(UsageError, match="-p layers: this generator has no layer of 2, 8 px; allowed: 1, 4"):
        columns_of(Blocks(), (8, 1, 2))


# --- shrinkage ----------------------------------------------------------------------------------------


def test_the_sure_threshold_minimises_the_estimated_risk():
    size = np.abs(np.random.default_rng(0).normal(size=200) + np.repeat([0, 3], 100))

    def risk(c):  # Donoho and Johnstone 1995, equation 11
        return 200 - 2 * (size <= c).sum() + np.minimum(size, c).__pow__(2).sum()

    found = sure_threshold(size)
    assert risk(found) <= min(risk(c) for c in np.linspace(0, 6, 2000)) + 1e-9
    assert 0.3 < found < 2


def test_shrinkage_leaves_signal_and_drops_noise():
    rng = np.random.default_rng(1)
    truth = np.concatenate([[9.0, -8, 7, -9, 8], np.zeros(5000)])
    errors = rng.uniform(0.5, 2, len(truth))
    noisy = errors * (truth + rng.normal(size=len(truth)))
    quiet = shrunk(noisy, errors, [slice(0, len(truth))])
    assert np.array_equal(np.sign(quiet[:5]), np.sign(truth[:5]))
    assert (np.abs(quiet) <= np.abs(noisy)).all()
    assert np.linalg.norm(quiet - errors * truth) < 0.3 * np.linalg.norm(noisy - errors * truth)


def test_each_layer_has_a_threshold_of_its_own():
    rng = np.random.default_rng(2)
    dense, empty = 4 * rng.normal(size=100), np.zeros(5000)
    noisy = np.concatenate([dense, empty]) + rng.normal(size=5100)
    apart = shrunk(noisy, np.ones(5100), [slice(0, 100), slice(100, 5100)])
    together = shrunk(noisy, np.ones(5100), [slice(0, 5100)])
    assert np.abs(apart[:100] - dense).sum() < 0.8 * np.abs(together[:100] - dense).sum()
    assert np.count_nonzero(apart[100:]) < 0.1 * 5000


def test_a_latent_without_error_is_not_divided_by():
    assert np.array_equal(shrunk(np.array([0.0, 5.0]), np.array([0.0, 1.0]), [slice(0, 2)])[:1], [0.0])
