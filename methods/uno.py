"""UNO on the clicked samples: descend what is retained, and make both gradients orthogonal.

    minimise L_r + weight cos^2(grad L_f, grad L_r)

by differentiating twice; L_f is the negative ELBO of clicked samples, L_r that of the samples that were not. Mandal and
Gottwald (2025, arXiv 2506.04712).

L_f and L_r are nats per image, means over a batch, and the cosine has no scale. Their code sums over batches of 128, so
their weights of 1e3 to 1e5 are 7.8 to 780 here.

Deviations: the published method takes both kinds of images from the training data; ``uno_with_data`` does so. Here they
are the samples that were shown, so that clicks are all that is needed. Batch norm keeps its statistics; in their code
it takes those of each batch, as with train_mode=true.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import FromClicks, UnoParams


class Uno(FromClicks[UnoParams]):
    """UNO on the clicked samples."""

    Config = UnoParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Uno)
