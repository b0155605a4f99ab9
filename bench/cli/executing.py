"""Options that choose the back end and limit each cell's time and memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.errors import UsageError, shown

if TYPE_CHECKING:
    from bench.experiments.execution.backends.base import Backend
    from bench.experiments.planning.plan import Plan
    from bench.workspace.workspace import Workspace

    FloatType = click.ParamType[float]
    JobsType = click.ParamType[int | str]
else:
    FloatType = JobsType = click.ParamType

F = TypeVar("F", bound=Callable[..., Any])

BACKENDS = ("serial", "local", "dask", "slurm")
PACKAGES = {"dask": "distributed", "slurm": "submitit"}  # that a back end needs, an extra of the same name
TIMES = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SIZES = {"MB": 1e6, "M": 1e6, "GB": 1e9, "G": 1e9, "TB": 1e12, "T": 1e12}


class Quantity(FloatType):
    """A positive number with a unit."""

    def __init__(self, name: str, units: Mapping[str, float], examples: str) -> None:
        self.name, self._units, self._examples = name, units, examples

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([A-Za-z]*)", str(value).strip())
        if match is None or match[2] not in self._units or not float(match[1]):
            self.fail(f"'{shown(str(value))}' is not understood. Write {self._examples}", param, ctx)
        return float(match[1]) * self._units[match[2]]


class Jobs(JobsType):
    """A number of cells, or ``auto``."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value).strip()
        if text != "auto" and not re.fullmatch(r"[1-9]\d{0,3}", text):
            self.fail(f"'{shown(text)}' is not understood. Write a number from 1 to 9999, or auto", param, ctx)
        return text if text == "auto" else int(text)


@dataclass(frozen=True)
class How:
    """The back end and the limits of each cell, as typed."""

    jobs: int | str
    backend: str | None
    scheduler: str | None
    slurm: tuple[str, ...]
    time_limit: float | None
    memory_limit: float | None

    def opened(self, plan: Plan, workspace: Workspace) -> Backend:
        """Return the back end for a plan, and set the limits of cells."""
        from bench.core.processes.watch import Limits
        from bench.experiments.execution.backends.choice import BackendChoice, choose

        memory = None if self.memory_limit is None else int(self.memory_limit)
        workspace.limits = Limits(self.time_limit, memory)
        return choose(BackendChoice(self.backend, self.jobs, self.scheduler, self.slurm), plan, workspace)

    @property
    def in_this_process(self) -> bool:
        """Whether this process starts the cells' processes itself."""
        return (self.backend or ("serial" if self.jobs == 1 else "local")) == "serial"


def executing(command: F) -> F:
    """Add --jobs, --backend, --scheduler, --slurm, --time-limit and --memory-limit."""
    for option in (
        click.option(
            "--memory-limit",
            type=Quantity("SIZE", SIZES, "4GB or 500MB"),
            default=None,
            help="Memory that a cell may use; a cell that uses more is killed: 4GB, 500MB.",
        ),
        click.option(
            "--time-limit",
            type=Quantity("TIME", TIMES, "90s, 30m, 2h or 1d"),
            default=None,
            help="Time that a cell may take; it is stopped after that: 90s, 30m, 2h, 1d.",
        ),
        click.option(
            "--slurm",
            multiple=True,
            metavar="KEY=VALUE",
            help="A parameter of sbatch for --backend slurm: partition=gpu, gres=gpu:1.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            default=None,
            help="A running Dask scheduler for --backend dask: tcp://HOST:PORT. By default one is started here.",
        ),
        click.option(
            "--backend",
            type=click.Choice(BACKENDS),
            default=None,
            help="Back end for the cells: serial, one after another; local, several at once; a Dask or Slurm cluster.  "
            "[default: serial; with --jobs: local]",
        ),
        click.option(
            "--jobs",
            type=Jobs(),
            default="1",
            show_default=True,
            help="Cells to run at once; the cores are divided between them. auto: as many as cores and memory allow.",
        ),
    ):
        command = option(command)
    return command


def taken(asked: dict[str, Any]) -> How:
    """Take what ``executing`` added out of a command's options.

    Raises
    ------
    UsageError
        For options that contradict each other.
    """
    how = How(**{name: asked.pop(name) for name in How.__dataclass_fields__})
    if how.scheduler is not None and how.backend != "dask":
        raise UsageError("--scheduler: is for --backend dask. Add that, or leave --scheduler out")
    if how.slurm and how.backend != "slurm":
        raise UsageError("--slurm: is for --backend slurm. Add that, or leave --slurm out")
    if how.backend == "serial" and how.jobs != 1:
        raise UsageError("--backend serial: runs one cell at a time. Leave --jobs out, or take --backend local")
    package = PACKAGES.get(how.backend or "")
    if package is not None and find_spec(package) is None:
        raise UsageError(
            f"--backend {how.backend}: needs the package '{package}'. Install it with: "
            f"pip install 'feature-unlearning-bench[{how.backend}]'"
        )
    return how


def require_torchrun(how: How) -> None:
    """Raise UsageError if processes of ``torchrun`` cannot train together."""
    from bench.core.together import launched

    if not how.in_this_process:
        raise UsageError("--together: trains one cell at a time. Leave --jobs and --backend out")
    if launched() == 1:
        raise UsageError(
            "--together: is for several processes of torchrun. Start them with: "
            "torchrun --nproc-per-node 8 --no-python bench run ... --together"
        )
