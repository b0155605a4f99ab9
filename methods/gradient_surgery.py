"""Gradient surgery on the clicked samples: one gradient without its part along the other.

    project=retain    g = g_r - g_f (g_f.g_r) / (g_f.g_f)             descends; S of Mandal and Gottwald (2506.04712)
    project=forget    g = -weight (g_f - g_r (g_f.g_r) / (g_r.g_r))   ascends; Bae et al. (2023, arXiv 2307.04550)

g_f is the gradient of the negative ELBO of clicked samples, g_r that of the samples that were not. A plain gradient
step along the second leaves L_r as it is to first order. The steps here are Adam's, which scales each weight's step by
itself: they are not orthogonal to g_r. Adam divides a gradient by its size, so ``weight`` changes next to nothing.

Deviation: the published method takes both kinds of images from the training data; ``gradient_surgery_with_data`` does
so. Here they are the samples that were shown, so that clicks are all that is needed.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import FromClicks, SurgeryParams


class GradientSurgery(FromClicks[SurgeryParams]):
    """Gradient surgery on the clicked samples."""

    Config = SurgeryParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(GradientSurgery)
