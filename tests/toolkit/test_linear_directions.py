"""Logistic and SVM directions, in the direct and in the Gram form."""

from __future__ import annotations

import numpy as np
import pytest
from shown_latents import DIM, Blocks, clicked, whole

from bench.api.feedback import Feedback
from bench.core import randomness
from bench.errors import UsageError
from bench.toolkit.linear_directions import classifier_normals, gram_matrix, linear_classifier
from bench.toolkit.moments import ShownLatents


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
