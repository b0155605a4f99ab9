"""Simulated feedback: an oracle that labels the samples of a stream, and its threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Classifier, Generator
from bench.api.feedback import Feedback
from bench.api.noise import noise_chunks
from bench.core.progress import Progress, silent
from bench.core.rendering import to_uint8

CUT_STREAM = "cut"
CUT_COUNT = 10_000


def simulate_feedback(
    generator: Generator,
    classifier: Classifier,
    attributes: Sequence[str],
    stream: str,
    count: int,
    cut: float | None = None,
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
    cut : float, optional
        The score from which the feature is clicked, of a classifier with a ``top_fraction``: ``generator_cut``. Without
        one the top share of the shown samples is clicked.

    Returns
    -------
    feedback : Feedback
        The further attributes are in ``also``.
    threshold : float
        The score from which the feature was clicked. Further attributes are always clicked from the classifier's cut
        on.
    """
    scores = _scores(generator, classifier, attributes, stream, count, silent())
    feature, *others = attributes
    threshold = cut_of(classifier, feature, scores[:, 0]) if cut is None else cut
    also = {name: scores[:, i] >= classifier.cuts[name] for i, name in enumerate(others, 1)}
    return Feedback(scores[:, 0] >= threshold, stream, also=also, prior=generator.prior), threshold


def generator_cut(
    generator: Generator, classifier: Classifier, feature: str, progress: Progress | None = None
) -> float:
    """Return the score that the top share of a generator's samples reach: of 10,000 that nothing else uses.

    The quantile of the 500 samples shown is another task for each seed: the share of all samples that lies above the
    cut of their top tenth has a standard deviation of 1.3 points.
    """
    scores = _scores(generator, classifier, (feature,), CUT_STREAM, CUT_COUNT, progress or silent())[:, 0]
    return cut_of(classifier, feature, scores)


@torch.no_grad()
def _scores(
    generator: Generator,
    classifier: Classifier,
    attributes: Sequence[str],
    stream: str,
    count: int,
    progress: Progress,
) -> NDArray[np.float64]:
    """Draw the samples of a stream and score them, (N, A) float64."""
    parts = []
    progress.start(count, label=f"measure {attributes[0]} of the original")
    for noise, kept in noise_chunks(generator, stream, count):
        parts.append(classifier.scores(to_uint8(generator(noise)), attributes)[:kept])
        progress.advance(kept)
    progress.stop()
    return np.concatenate(parts)


def cut_of(classifier: Classifier, feature: str, scores: NDArray[np.float64]) -> float:
    """Return the score from which a classifier clicks a feature, for samples with these scores (N,)."""
    if classifier.top_fraction is None:
        return classifier.cuts[feature]
    return top_fraction_threshold(scores, classifier.top_fraction)


def top_fraction_threshold(scores: NDArray[np.float64], fraction: float) -> float:
    """Return the smallest score of the top ``fraction`` of samples, so that ``>=`` selects them."""
    keep = max(1, round(fraction * len(scores)))
    return float(np.sort(scores)[-keep])
