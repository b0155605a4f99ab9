"""Asking the simulated oracle."""

from __future__ import annotations

import numpy as np
import torch

from bench.authoring.conformance.toys import ToyClassifier
from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.feedback.oracle import simulate_feedback, top_fraction_threshold


class Watching(ToyClassifier):
    """Remembers what it was shown, and scores brightness and darkness."""

    attributes = ("bright", "dark")
    cuts = {"bright": 0.12, "dark": -0.08}

    def __init__(self):
        super().__init__()
        self.seen = []

    def scores(self, images, attributes):
        self.seen.append(images)
        bright = super().scores(images, ["bright"])[:, 0]
        return np.stack([{"bright": bright, "dark": -bright}[name] for name in attributes], axis=1)


def test_the_oracle_sees_the_stream_in_order(generator):
    classifier = Watching()
    found, threshold = simulate_feedback(generator, classifier, ["bright", "dark"], "s", 100)
    assert [len(images) for images in classifier.seen] == [64, 64], "whole chunks"
    images = torch.cat(classifier.seen)[:100]
    assert images.dtype == torch.uint8 and images.shape == (100, 1, 28, 28)
    brightness = generator(randomness.draw("s", range(100), 6)).mean(dim=(1, 2, 3)).detach().numpy()
    np.testing.assert_allclose(images.double().mean(dim=(1, 2, 3)).numpy() / 255, brightness, atol=0.002)
    assert threshold == 0.12 and found.stream == "s"
    np.testing.assert_array_equal(found.labels, classifier.scores(images, ["bright"])[:, 0] >= 0.12)
    assert list(found.also) == ["dark"], "on the same samples, from its own cut on"
    np.testing.assert_array_equal(found.also["dark"], classifier.scores(images, ["bright"])[:, 0] <= 0.08)
    assert 0 < found.positives < 100 and 0 < found.also["dark"].sum() < 100


def test_a_score_at_the_cut_is_a_click(generator):
    images = to_uint8(generator(randomness.draw("s", range(20), 6)))
    bright, dark = Watching().scores(images, ["bright", "dark"])[3]

    class Exact(Watching):
        cuts = {"bright": bright, "dark": dark}

    found, _ = simulate_feedback(generator, Exact(), ["bright", "dark"], "s", 20)
    assert found.labels[3] and found.also["dark"][3]


def test_a_top_fraction_is_of_the_feature_alone(generator):
    class Top(Watching):
        top_fraction = 0.1

    found, threshold = simulate_feedback(generator, Top(), ["bright", "dark"], "s", 50)
    assert found.positives == 5 and threshold > 0.12
    np.testing.assert_array_equal(found.also["dark"], simulate_feedback(generator, Watching(), ["bright", "dark"], "s", 50)[0].also["dark"])  # fmt: skip  # noqa: E501


def test_the_threshold_selects_the_top_fraction():
    scores = np.random.default_rng(0).permutation(500).astype(float)
    threshold = top_fraction_threshold(scores, 0.1)
    assert threshold == 450 and (scores >= threshold).sum() == 50
    assert top_fraction_threshold(np.array([3.0, 1.0, 2.0]), 0.1) == 3.0, "at least one"
    assert (np.array([1.0, 2.0, 2.0]) >= top_fraction_threshold(np.array([1.0, 2.0, 2.0]), 0.3)).sum() == 2, "ties"
