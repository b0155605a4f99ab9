"""Gradient ascent (NegGrad) on the training data: the loss that trained the model grows where the feature is.

    g = -weight grad L_f                             with alternate=true every second step is g = grad L_r

L_f is the negative ELBO of training images with the feature, L_r that of those without it. Ascent alone destroys the
generator sooner or later; it is the floor of every table. With alternate=false it is ``A`` (GA) of Mandal and Gottwald
(2025, arXiv 2506.04712). Adam divides a gradient by its size, so there ``weight`` changes next to nothing.

Deviation: their ``A-D`` alternates with a descent on the retain gradient off the forget gradient (vae_ad.py of
github.com/pinakm9/forget, 100893f), alternate=true on the retain gradient itself.

It needs what feature unlearning does without: the training data and its labels. ``gradient_ascent`` is the same from
clicks alone.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import AscentParams, FromTrainingData


class GradientAscentWithData(FromTrainingData[AscentParams]):
    """Gradient ascent (NegGrad) on the training data."""

    Config = AscentParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientAscentWithData)
