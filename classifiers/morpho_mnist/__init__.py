"""Morpho-MNIST for digits: stroke thickness, left slant and more, by image analysis.

Castro et al., "Morpho-MNIST: Quantitative Assessment and Diagnostics for Representation Learning", JMLR 20(178), 2019.
As in Moon et al. (arXiv 2303.05699), the oracle clicks the thickest, or the most left-slanted, tenth of the samples.
Nothing is trained; ``measures.py`` has the measures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, hookimpl

from .measures import COLUMNS, measure

__all__ = ["TRAINING_TOP_DECILE", "MorphoMnist", "measure", "register_classifiers"]

# 90 % points of the scores of the MNIST training set (np.quantile of all 60,000). "score >= cut" selects
# exactly 6,000 images; 6,004 by area and 6,008 by length, where several images share the value at the cut.
TRAINING_TOP_DECILE: Mapping[str, float] = MappingProxyType(
    {
        "area": 148.4375,  # px^2
        "length": 56.991378028648455,  # px
        "thickness": 3.5227965876983576,  # px
        "slant": 0.22538537939086722,  # rad, to the left
        "width": 17.938878156999422,  # px
        "height": 19.843602991406787,  # px
    }
)


class MorphoMnist(Classifier):
    """Scores are the measures, except that slant is negated: larger means leaning further left."""

    attributes = COLUMNS
    cuts = TRAINING_TOP_DECILE
    top_fraction = 0.1

    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        found = measure(images, attributes).to_numpy(np.float64, copy=True)  # (N, A)
        found[:, [name == "slant" for name in attributes]] *= -1
        return found + 0.0  # no -0.0 for a blank image


@hookimpl
def register_classifiers(register: Callable[[type[Classifier]], None]) -> None:
    """Register the classifier."""
    register(MorphoMnist)
