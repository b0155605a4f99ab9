"""Gradient surgery on the training data: one gradient without its part along the other.

    project=retain    g = g_r - g_f (g_f.g_r) / (g_f.g_f)             descends; S of Mandal and Gottwald (2506.04712)
    project=forget    g = -weight (g_f - g_r (g_f.g_r) / (g_r.g_r))   ascends; Bae et al. (2023, arXiv 2307.04550)

g_f is the gradient of the negative ELBO of training images with the feature, g_r that of those without it. A plain
gradient step along the second leaves L_r as it is to first order. The steps here are Adam's, which scales each weight's
step by itself: they are not orthogonal to g_r. Adam divides a gradient by its size, so ``weight`` changes next to
nothing.

It needs what feature unlearning does without: the training data and its labels. ``gradient_surgery`` is the same from
clicks alone.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import FromTrainingData, SurgeryParams


class GradientSurgeryWithData(FromTrainingData[SurgeryParams]):
    """Gradient surgery on the training data."""

    Config = SurgeryParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientSurgeryWithData)
