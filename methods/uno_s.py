"""UNO-S on the clicked samples: UNO, with gradient surgery in every second step.

    even steps   minimise L_r + weight cos^2(grad L_f, grad L_r)
    odd steps    g = g_r - g_f (g_f.g_r) / (g_f.g_f)

L_f, with gradient g_f, is the negative ELBO of clicked samples, L_r that of the samples that were not. Mandal and
Gottwald (2025, arXiv 2506.04712).

L_f and L_r are nats per image, means over a batch, and the cosine has no scale. Their code sums over batches of 128, so
their weights of 1e3 to 1e5 are 7.8 to 780 here.

Deviations: the published method takes both kinds of images from the training data; ``uno_s_with_data`` does so. Here
they are the samples that were shown, so that clicks are all that is needed. Batch norm keeps its statistics; in their
code it takes those of each batch, as with train_mode=true.
"""

from __future__ import annotations

from bench.api import hookimpl
from bench.toolkit.data_unlearning import FromClicks, UnoSParams


class UnoS(FromClicks[UnoSParams]):
    """UNO-S on the clicked samples."""

    Config = UnoSParams


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(UnoS)
