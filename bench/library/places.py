"""Where things are, for the functions of this package."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from bench.core.progress import for_stderr
from bench.registry import Registry
from bench.workspace.store import Store
from bench.workspace.workspace import Workspace

PLUGINS, RESULTS = "plugins", "results/runs"  # in the working directory, as on the command line


def open_registry(plugins: str | Path | None) -> Registry:
    """Open the registry, with the loose plug-ins of a folder."""
    return Registry(None if plugins is None else Path(plugins))


def open_workspace(
    device: torch.device,
    plugins: str | Path | None,
    data_dir: str | Path | None = None,
    results: str | Path = RESULTS,
) -> Workspace:
    """Open what the engine works with; nothing is read or written yet."""
    data = data_dir or os.environ.get("BENCH_DATA")
    return Workspace(open_registry(plugins), Store(Path(results)), device, Path(data) if data else None, for_stderr())
