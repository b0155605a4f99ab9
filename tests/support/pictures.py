"""Smooth random pictures."""

from __future__ import annotations

import torch
from torch import nn


def pictures(count, side=28, channels=1, seed=0):
    rng = torch.Generator().manual_seed(seed)
    smooth = torch.rand(count, channels, side // 4, side // 4, generator=rng)
    return nn.functional.interpolate(smooth, size=(side, side), mode="bilinear")
