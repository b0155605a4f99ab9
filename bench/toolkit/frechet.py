"""Statistics of embeddings, and the Frechet distance between two of them, by torch-fidelity."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Statistics


def statistics_of(embeddings: NDArray[np.floating], source: str) -> Statistics:
    """Return mean and covariance of embeddings (N, D), in float64."""
    from torch_fidelity.metric_fid import fid_features_to_statistics

    moments = fid_features_to_statistics(torch.from_numpy(embeddings.astype(np.float64)))
    return Statistics(moments["mu"], moments["sigma"], len(embeddings), source)


def frechet_distance(ours: Statistics, reference: Statistics) -> float:
    """Return the Frechet distance between two Gaussians (Heusel et al. 2017, arXiv 1706.08500, Eq. 6)."""
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    pair = [{"mu": s.mean, "sigma": s.covariance} for s in (ours, reference)]
    return float(fid_statistics_to_metric(*pair, verbose=False)["frechet_inception_distance"])
