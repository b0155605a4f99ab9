"""Clicks: from a simulated oracle, from a file, from a folder of pictures."""

from __future__ import annotations

from bench.core import old_paths


def __getattr__(name: str) -> object:
    """Return ``Feedback`` for its old path, with a warning, until version 1.0."""
    if name != "Feedback":
        raise AttributeError(f"module 'bench.feedback' has no attribute '{name}'")
    from bench.api.feedback import Feedback

    old_paths.warn("bench.feedback", "bench.api.feedback", stacklevel=2)
    return Feedback
