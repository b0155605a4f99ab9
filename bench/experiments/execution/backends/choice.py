"""Choose the back end from the options; Dask and Slurm are imported only here."""

from __future__ import annotations

from dataclasses import dataclass

from bench.experiments.execution.backends.base import Backend
from bench.experiments.execution.backends.local import Local, automatic, most
from bench.experiments.execution.backends.serial import Serial
from bench.experiments.planning.plan import Plan
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class BackendChoice:
    """The back end that was asked for, and its options.

    Attributes
    ----------
    backend : {"serial", "local", "dask", "slurm"} or None
        None: serial for one job, else local.
    jobs : int or "auto"
        Cells at once.
    scheduler : str or None
        Of Dask.
    slurm : tuple of str
        Parameters of sbatch, ``key=value``.
    """

    backend: str | None = None
    jobs: int | str = 1
    scheduler: str | None = None
    slurm: tuple[str, ...] = ()


def choose(asked: BackendChoice, plan: Plan, workspace: Workspace) -> Backend:
    """Return the back end that was asked for.

    Raises
    ------
    UsageError
        If a cluster cannot be reached.
    """
    name = asked.backend or ("serial" if asked.jobs == 1 else "local")
    if name == "serial":
        return Serial()
    useful = most(len(plan.waiting), workspace.device) if name == "local" else max(len(plan.waiting), 1)
    jobs = automatic(useful, workspace.device) if isinstance(asked.jobs, str) else min(asked.jobs, useful)
    if name == "local":
        return Local(jobs, workspace.device, workspace.progress.note)
    if name == "dask":
        from bench.experiments.execution.backends.dask import Dask

        return Dask(jobs, asked.scheduler, workspace.device.type == "cuda", workspace.progress.note)
    from bench.experiments.execution.backends.slurm import Slurm

    limits = workspace.limits
    return Slurm(asked.jobs if isinstance(asked.jobs, int) else None, limits, asked.slurm, workspace.progress.note)
