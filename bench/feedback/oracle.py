"""Simulated feedback: an oracle that labels the samples of a stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Classifier, Generator
from bench.api.feedback import Feedback
from bench.api.noise import noise_chunks
from bench.core.rendering import to_uint8


@torch.no_grad()
def simulate_feedback(
    generator: Generator, classifier: Classifier, attributes: Sequence[str], stream: str, count: int
) -> tuple[Feedback, float]:
    """Show samples of a stream to a classifier and let it click.

    Parameters
    ----------
    generator : Generator
    classifier : Classifier
    attributes : sequence of str
        The feature, then further attributes to click on the same samples.
    stream : str
    count : int

    Returns
    -------
    feedback : Feedback
        The further attributes are in ``also``.
    threshold : float
        The score from which the feature was clicked: that of the top fraction, or the classifier's cut. Further
        attributes are always clicked from the classifier's cut on.
    """
    parts = []
    for noise, kept in noise_chunks(generator, stream, count):
        parts.append(classifier.scores(to_uint8(generator(noise)), attributes)[:kept])
    scores = np.concatenate(parts)  # (N, A)
    feature, *others = attributes
    threshold = cut_of(classifier, feature, scores[:, 0])
    also = {name: scores[:, i] >= classifier.cuts[name] for i, name in enumerate(others, 1)}
    return Feedback(scores[:, 0] >= threshold, stream, also=also, prior=generator.prior), threshold


def cut_of(classifier: Classifier, feature: str, scores: NDArray[np.float64]) -> float:
    """Return the score from which a classifier clicks a feature, for samples with these scores (N,)."""
    if classifier.top_fraction is None:
        return classifier.cuts[feature]
    return top_fraction_threshold(scores, classifier.top_fraction)


def top_fraction_threshold(scores: NDArray[np.float64], fraction: float) -> float:
    """Return the smallest score of the top ``fraction`` of samples, so that ``>=`` selects them."""
    keep = max(1, round(fraction * len(scores)))
    return float(np.sort(scores)[-keep])
