"""Adapt-then-Unlearn on the training images: learn those with the feature, then the rest, away from those weights.

    1. adapt     theta_k, k = 1..K:  L_adv(images with the feature) + ewc / 2 sum F (theta - theta_0)^2,  from theta_0
    2. unlearn   theta:  L_adv(images without it) + R(r),  r = sum_k |theta - theta_k|^2 / sum_k |theta_0 - theta_k|^2

R and L_adv are those of ``adapt_then_unlearn``. Tiwary, Guha, Panda, Prathosh (TMLR 2025, arXiv 2309.14054).

Deviation: the published method needs no training data, as ``adapt_then_unlearn`` needs none. This one shows what
training images instead of the shown samples would add; it names what else deviates.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import TrainingImages

from .adapt_then_unlearn import AdaptThenUnlearn, Config


class AdaptThenUnlearnWithData(TrainingImages[Config], AdaptThenUnlearn):
    """Adversarial training on the training images without the feature, away from weights that draw it."""

    needs = frozenset({"discriminator", "training_data"})


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(AdaptThenUnlearnWithData)
