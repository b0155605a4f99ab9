"""The hooks a plug-in may implement, one per kind. ``register`` takes the plug-in's class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("bench")

Register = Callable[[type[Any]], None]


@hookspec
def register_methods(register: Register) -> None:
    """Register a subclass of ``bench.api.Method``."""


@hookspec
def register_models(register: Register) -> None:
    """Register a subclass of ``bench.api.Model``."""


@hookspec
def register_classifiers(register: Register) -> None:
    """Register a subclass of ``bench.api.Classifier`` (an oracle) or ``bench.api.Extractor``."""


@hookspec
def register_datasets(register: Register) -> None:
    """Register a subclass of ``bench.api.Dataset``."""


@hookspec
def register_metrics(register: Register) -> None:
    """Register a subclass of ``bench.api.Metric``."""
