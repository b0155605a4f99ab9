"""Data redaction on the training images: for the discriminator, those with the feature count as fake.

    L_D = -E log D(real) - (1 - share) E log(1 - D(g(z))) - share E log(1 - D(redacted))       share: lambda
    L_G = -E log D(g(z))                                                                       non-saturating

"redacted" are training images with the feature, "real" those without it. Kong and Chaudhuri (SaTML 2023, arXiv
2206.14389), with the redaction set given as data.

It needs what feature unlearning does without: the training data and its labels. ``redaction`` is the same from clicks
alone, and names what else deviates.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import TrainingImages

from .redaction import Config, Redaction


class RedactionWithData(TrainingImages[Config], Redaction):
    """Adversarial training against the training images that have the feature."""

    needs = frozenset({"discriminator", "training_data"})


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(RedactionWithData)
