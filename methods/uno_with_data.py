"""UNO on the training data: descend what is retained, and make both gradients orthogonal.

    minimise L_r + weight cos^2(grad L_f, grad L_r)

by differentiating twice; L_f is the negative ELBO of training images with the feature, L_r that of those without it.
Mandal and Gottwald (2025, arXiv 2506.04712).

L_f and L_r are nats per image, means over a batch, and the cosine has no scale. Their code sums over batches of 128, so
their weights of 1e3 to 1e5 are 7.8 to 780 here.

Deviation: batch norm keeps its statistics; in their code it takes those of each batch, as with train_mode=true.

It needs what feature unlearning does without: the training data and its labels. ``uno`` is the same from clicks alone.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import FromTrainingData, UnoParams


class UnoWithData(FromTrainingData[UnoParams]):
    """UNO on the training data."""

    Config = UnoParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(UnoWithData)
