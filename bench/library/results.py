"""All stored cells as a frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.library.places import RESULTS
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def results(results: str | Path = RESULTS, *, tidy: bool = False, workspace: Workspace | None = None) -> pd.DataFrame:
    """Return every stored cell as a pandas frame, of whatever status.

    Parameters
    ----------
    results : path-like
        Folder of stored results, as ``--results``.
    tidy : bool
        A row for each number of a metric, with its interval and source, instead of a row for each cell.
    workspace : Workspace, optional
        From ``bench.open_workspace``: its results, instead of the folder.

    Returns
    -------
    pandas.DataFrame
        A row for each cell: ``cell`` (its folder's name), ``status``, ``method``, ``model``, ``dataset``, ``feature``,
        ``seed``; ``label``, what distinguishes it from other cells of the same method, model and feature; its
        hyper-parameters (``params.epochs``), the metrics by name (``target_ratio``, ``fid[digits]``), the stages' times
        (``seconds.unlearn``, s); ``reason`` of a failure; ``weights`` of the original and ``feedback_file``, the file
        of clicks, as they were named (an oracle's clicks have none); ``suite``, ``key``, ``stored`` (local time at
        which the record was last written here; a copy has its own), ``folder`` and ``losses``, the CSV file of what the
        method logged. What a cell does not have is missing (NaN or None).

        Tidy: the same first columns, then ``metric``, ``value``, ``low`` and ``high`` (95 % interval; ``covers`` says
        of what), ``n``, ``higher_is_better`` and ``source``.

    Raises
    ------
    bench.errors.UsageError
        If both a folder and a workspace are given, or the folder does not exist.

    Examples
    --------
    >>> cells = bench.results()  # doctest: +SKIP
    >>> cells.groupby(["method", "feature"])["target_ratio"].agg(["mean", "std"])  # doctest: +SKIP
    >>> losses = pd.concat({row.cell: pd.read_csv(row.losses) for row in cells.dropna(subset="losses").itertuples()})
    """
    from bench.report.results import frame_of

    if workspace is not None and results != RESULTS:
        raise UsageError("results: workspace= has its own folder; give results= to bench.open_workspace instead")
    store = Store(Path(results)) if workspace is None else workspace.store
    if not store.root.is_dir():
        raise UsageError(f"results({str(store.root)!r}): no such folder; bench run stores its cells in {RESULTS}")
    return frame_of(store, tidy=tidy)
