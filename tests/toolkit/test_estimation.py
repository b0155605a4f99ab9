from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from bench.api import Generator
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.errors import UsageError
from bench.toolkit.linear_directions import classifier_normals, gram_matrix, linear_classifier
from bench.toolkit.moments import ShownLatents, columns_of, moments, shrunk, sure_threshold

DIM = 12


class Blocks(Generator):
    """Three layers of stretched noise; counts the samples it draws. The last latent never varies."""

    image_shape, noise_dim, latent_dim = (1, 1, DIM), DIM, DIM
    latent_layers = tuple(
        SimpleNamespace(resolution=px, start=start, stop=stop) for px, start, stop in ((1, 0, 3), (4, 3, 8), (1, 8, 12))
    )

    def __init__(self):
        super().__init__()
        self.stretch = nn.Parameter(torch.tensor([0.1, 1, 5, 1, 2, 0.5, 1, 1, 3, 1, 1, 0]), requires_grad=False)
        self.drawn = 0

    def decode(self, latents, noise):
        return latents.view(-1, 1, 1, DIM)

    def sample(self, noise):
        self.drawn += len(noise)
        latents = noise * self.stretch + 0.3
        return latents, self.decode(latents, noise)


def clicked(count, share=0.3, also=()):
    noise = randomness.draw("shown", range(count), DIM)
    labels = {name: (noise[:, i] > np.quantile(noise[:, i], 1 - share)).numpy() for i, name in enumerate(also)}
    scores = noise[:, 1] + noise[:, 4]
    return Feedback((scores > scores.quantile(1 - share)).numpy(), "shown", also=labels)


def whole(feedback):
    return Blocks().sample(feedback.noise(0, len(feedback), DIM))[0].double().numpy()


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
    assert np.array_equal(first, second) and generator.drawn == draws * 150


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


# --- classifiers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["logistic", "svm"])
@pytest.mark.parametrize("count", [9, 200])  # fewer and more samples than latents
def test_the_gram_form_is_the_direct_form(monkeypatch, kind, count):
    feedback, factor = clicked(count, also=("a",)), np.linspace(0.5, 2, DIM)
    labels = np.stack([feedback.labels, feedback.also["a"]])
    classifier = linear_classifier(kind, 0.01).set_params(tol=1e-10)
    direct = classifier_normals(ShownLatents(Blocks(), feedback), factor, labels, classifier)
    monkeypatch.setattr("bench.toolkit.linear_directions.FITTED_LIMIT", 0)
    monkeypatch.setattr("bench.toolkit.linear_directions.HELD", 128 * DIM)  # two chunks at a time
    spanned = classifier_normals(ShownLatents(Blocks(), feedback), factor, labels, classifier)
    assert direct.shape == (2, DIM)
    np.testing.assert_allclose(spanned, direct, atol=1e-6 * np.abs(direct).max())


def test_the_gram_matrix_by_hand(monkeypatch):
    feedback, factor = clicked(200), np.linspace(0.5, 2, DIM)
    monkeypatch.setattr("bench.toolkit.linear_directions.HELD", 64 * DIM)
    scaled = whole(feedback) * factor
    np.testing.assert_allclose(gram_matrix(ShownLatents(Blocks(), feedback), factor), scaled @ scaled.T, atol=1e-5)


def test_equal_samples_do_the_gram_form_no_harm(monkeypatch):
    noise = np.repeat(randomness.draw("shown", range(20), DIM).numpy(), 3, axis=0)
    feedback = Feedback(np.arange(60) < 24, noise_array=noise)
    classifier = linear_classifier("logistic", 0.01).set_params(tol=1e-10)
    direct = classifier_normals(ShownLatents(Blocks(), feedback), np.ones(DIM), feedback.labels[None], classifier)
    monkeypatch.setattr("bench.toolkit.linear_directions.FITTED_LIMIT", 0)
    spanned = classifier_normals(ShownLatents(Blocks(), feedback), np.ones(DIM), feedback.labels[None], classifier)
    np.testing.assert_allclose(spanned, direct, atol=1e-6 * np.abs(direct).max())


def test_samples_too_many_for_the_gram_matrix_are_refused(monkeypatch):
    feedback, classifier = clicked(150), linear_classifier("svm", 0.01)
    monkeypatch.setattr("bench.toolkit.linear_directions.FITTED_LIMIT", 149 * DIM)
    monkeypatch.setattr("bench.toolkit.linear_directions.GRAM_LIMIT", 149)
    with pytest.raises(UsageError, match="--set feedback.count=149.*use -p direction=mean_difference") as error:
        classifier_normals(ShownLatents(Blocks(), feedback), np.ones(DIM), feedback.labels[None], classifier)
    assert "150 samples with 12 latents" in str(error.value)
