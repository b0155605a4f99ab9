"""Logistic directions."""

from __future__ import annotations

import numpy as np
import pytest
from shown_latents import DIM, Blocks, clicked, whole

from bench.errors import UsageError
from bench.toolkit.linear_directions import classifier_normals, logistic_regression
from bench.toolkit.moments import ShownLatents


@pytest.mark.parametrize("count", [9, 200])  # within one chunk, and over several
def test_a_normal_is_the_classifier_s_on_the_scaled_latents(count):
    feedback, factor = clicked(count, also=("a",)), np.linspace(0.5, 2, DIM)
    labels = np.stack([feedback.labels, feedback.also["a"]])
    found = classifier_normals(ShownLatents(Blocks(), feedback), factor, labels, logistic_regression(0.01))
    assert found.shape == (2, DIM)
    for normal, row in zip(found, labels, strict=True):
        alone = logistic_regression(0.01).fit(whole(feedback) * factor, row).coef_[0]
        np.testing.assert_allclose(normal, alone, atol=1e-6 * np.abs(alone).max())


def test_more_samples_than_fit_into_memory_are_refused_with_what_to_do(monkeypatch):
    feedback, classifier = clicked(150), logistic_regression(0.01)
    monkeypatch.setattr("bench.toolkit.linear_directions.LIMIT", 149 * DIM)
    with pytest.raises(UsageError) as error:
        classifier_normals(ShownLatents(Blocks(), feedback), np.ones(DIM), feedback.labels[None], classifier)
    told = str(error.value)
    assert told.startswith("-p direction: a classifier of 150 samples with 12 latents each")
    for remedy in ("--set feedback.count=149", "-p layers=", "-p direction=mean_difference"):
        assert remedy in told
    monkeypatch.setattr("bench.toolkit.linear_directions.LIMIT", 150 * DIM)
    classifier_normals(ShownLatents(Blocks(), feedback), np.ones(DIM), feedback.labels[None], classifier)
