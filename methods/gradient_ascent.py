"""Gradient ascent (NegGrad) on the clicked samples: the loss that trained the model grows where the feature is.

    g = -weight grad L_f                             with alternate=true every second step is g = grad L_r

L_f is the negative ELBO of clicked samples, L_r that of the samples that were not. Ascent alone destroys the generator
sooner or later; it is the floor of every table. With alternate=false it is ``A`` (GA) of Mandal and Gottwald (2025,
arXiv 2506.04712). Adam divides a gradient by its size, so there ``weight`` changes next to nothing.

Deviations: their ``A-D`` alternates with a descent on the retain gradient off the forget gradient (vae_ad.py of
github.com/pinakm9/forget, 100893f), alternate=true on the retain gradient itself. The published method takes both kinds
of images from the training data; ``gradient_ascent_with_data`` does so. Here they are the samples that were shown, so
that clicks are all that is needed.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import AscentParams, FromClicks


class GradientAscent(FromClicks[AscentParams]):
    """Gradient ascent (NegGrad) on the clicked samples."""

    Config = AscentParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientAscent)
