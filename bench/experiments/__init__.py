"""Cells: their definition, planning and execution, each in separate processes."""

from __future__ import annotations

# What the processes of a cell import, once, in the process that they are forked from.
PRELOADED = (
    "bench.experiments.execution.isolated",
    "sklearn.metrics",
    "skimage.measure",
    "torch_fidelity",
    "torchvision.utils",
)
