"""The folders and the device that the functions of ``bench`` use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.core.machine import choose_device
from bench.core.progress import for_stderr
from bench.errors import UsageError
from bench.library.wording import arguments_of
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

PLUGINS, RESULTS = "plugins", "results/runs"  # in the working directory, as on the command line


@arguments_of("open_workspace")
def open_workspace(
    plugins: str | Path | Sequence[str | Path] | None = PLUGINS,
    *,
    data_dir: str | Path | None = None,
    results: str | Path = RESULTS,
    device: str | torch.device = "auto",
) -> Workspace:
    """Name all folders once; pass the result as ``workspace=`` to the other functions.

    What one call has loaded (oracles, extractors, reference statistics), the next call finds there.

    Parameters
    ----------
    plugins : path-like or sequence of path-like, optional
        Folders of loose plug-ins, as ``--plugins``.
    data_dir : path-like, optional
        Folder of the data sets, as ``--data-dir``; by default the environment's ``BENCH_DATA``.
    results : path-like
        Folder of results, as ``--results``. Reference statistics that are not shipped are kept next to it.
    device : str or torch.device
        As ``--device``: "auto" (CUDA, then the CPU), "cpu", "cuda:1".

    Returns
    -------
    Workspace
        Nothing is read or written yet.

    Raises
    ------
    bench.errors.UsageError
        If the device is not available.
    """
    data = data_dir or os.environ.get("BENCH_DATA")
    for name, given in {"plugins": plugins, "data_dir": data_dir, "results": results}.items():
        if given == "":
            raise UsageError(f"open_workspace({name}=''): is empty. Name a folder, or leave it out")
    registry = Registry(Path(plugins) if isinstance(plugins, (str, Path)) else [*map(Path, plugins or ())])
    return Workspace(
        registry, Store(Path(results)), choose_device(str(device)), Path(data) if data else None, for_stderr()
    )


def workspace_for(
    device: torch.device | None,
    workspace: Workspace | None,
    plugins: str | Path | None,
    data_dir: str | Path | None = None,
) -> Workspace:
    """Return the caller's workspace, else a new one with the given folders and device.

    Parameters
    ----------
    device : torch.device or None
        Where the caller's generator lies; the default device if he gave none.
    workspace, plugins, data_dir
        As given to a function of this package.

    Raises
    ------
    UsageError
        If both are given, or if the workspace computes elsewhere than the generator lies.
    """
    if workspace is None:
        return open_workspace(plugins, data_dir=data_dir, device=device or "auto")
    if not isinstance(workspace, Workspace):
        raise UsageError(f"workspace: is a {type(workspace).__name__}; bench.open_workspace(...) gives one")
    if plugins != PLUGINS or data_dir is not None:
        raise UsageError("workspace: has its own folders; give plugins= and data_dir= to bench.open_workspace instead")
    if device is not None and _place(device) != _place(workspace.device):
        raise UsageError(
            f"workspace: computes on {workspace.device}, and the generator lies on {device}; move the generator with "
            f".to('{workspace.device}'), or open another workspace: bench.open_workspace(device='{device}')"
        )
    return workspace


def _place(device: torch.device) -> tuple[str, int]:
    return device.type, device.index or 0
