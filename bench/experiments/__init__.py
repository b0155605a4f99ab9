"""Cells: what they are, how they are planned and run, each in processes of its own."""

from __future__ import annotations

# What the processes of a cell import, once, in the process that they are forked from.
PRELOADED = (
    "bench.experiments.isolated",
    "sklearn.metrics",
    "skimage.measure",
    "torch_fidelity",
    "torchvision.utils",
)
