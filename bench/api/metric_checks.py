"""Checks of a metric's declarations and of what ``look`` returns, for ``bench check`` and for every use."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api.metrics import Columns, Metric
from bench.errors import PluginError, suggestion

PER_EXTRACTOR = frozenset(
    {
        "embeddings",
        "original_embeddings",
        "extractor",
        "logits",
        "original_logits",
        "reference",
        "reference_retain",
        "reference_counterfactual",
    }
    | {"reference_embeddings", "oracle_embeddings"}
)  # there is one of each per extractor
RESERVED = frozenset(
    {"change", "flagged_change", "flagged_ratio", "peak_memory_mb", "seconds", "unflagged_change"}
    | {"learnt_agreement", "learnt_resolution", "learnt_target_ratio", "original_learnt_target_ratio"}
    | {"clicked_ratio", "original_clicked_ratio"}
    | {"agreeing", "agrees", "non_target_images", "ratio", "read_elsewhere", "target_images", "verdict"}
)  # names of what the engine computes itself: without an oracle, of clicks, of the unlearning stage, in tables


def require_declared(cls: type[Metric]) -> None:
    """Raise PluginError unless a metric correctly declares the columns it reads and the names of its values."""
    for field in ("columns", "values"):
        names = getattr(cls, field, None)
        if not isinstance(names, (set, frozenset)) or not all(isinstance(name, str) for name in names):
            raise PluginError(f"`{field}` must be a set of names: {field} = frozenset({{'...'}})")
    if not cls.columns:
        raise PluginError("`columns` is empty: name the fields of bench.api.Columns that it reads")
    known = {field.name for field in fields(Columns)}
    for name in sorted(cls.columns - known):
        raise PluginError(f"reads an unknown column '{name}'. {suggestion(name, known)}")
    if cls.columns & PER_EXTRACTOR and not cls.per_extractor:
        raise PluginError(
            f"reads {', '.join(sorted(cls.columns & PER_EXTRACTOR))}, of which there is one per extractor. Set "
            "per_extractor = True"
        )
    if "looked" in cls.columns and not cls.looks():
        raise PluginError("reads `looked`, which its method `look` returns. Write that method, or leave `looked` out")
    if brackets := sorted(name for name in cls.values if "[" in name):
        raise PluginError(f"`values` names {', '.join(brackets)}: leave out what is in brackets")


def rows_of(metric: Metric, f_images: Tensor, g_images: Tensor) -> NDArray[Any]:
    """Let a metric look at copies of (B, C, H, W) uint8 images; returns (B, ...), raises ValueError otherwise."""
    seen = metric.look(f_images.clone(), g_images.clone())
    rows = seen.detach().cpu().numpy() if isinstance(seen, Tensor) else np.asarray(seen)
    if rows.shape[:1] != (len(f_images),) or rows.dtype.kind not in "biuf":
        raise ValueError(f"it must return a row of numbers per sample, not {rows.dtype} {rows.shape}")
    return rows
