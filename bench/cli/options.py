"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.cli.lists import PLUGINS, Folders, Names, Seeds, each_once, joined
from bench.core import collecting
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.registry import Registry
    from bench.workspace.workspace import Workspace

SUFFIX = ".safetensors"  # of weights files
FILES = (  # what ends so is meant as a file, not as a folder
    ".csv", ".tsv", ".txt", ".md", ".tex", ".html", ".htm", ".json", ".xml", ".xls", ".xlsx", ".ods", ".doc", ".docx",
    ".odt", ".rtf", ".ppt", ".pptx", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".svg", ".eps",
    ".ps", ".pdf", ".zip", ".gz", ".tar",
)  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


def choice(command: str, singular: str, text: str, default: str | None = "all") -> Callable[[F], F]:
    """Add ``--singular``: --model, --feature or --method, each a comma list or given several times.

    The command gets one list under the plural's name.
    """
    plural = f"{singular}s"
    return click.option(
        f"--{singular}",
        plural,
        envvar=f"BENCH_{command.upper()}_{singular.upper()}",
        type=Names(plural),
        multiple=True,
        callback=joined,
        help=text,
        default=None if default is None else [default],
        show_default=bool(default),
    )


def seeds(command: str, default: str | None, text: str) -> Callable[[F], F]:
    """Add --seed."""
    variable = f"BENCH_{command.upper()}_SEED"
    return click.option(
        "--seed",
        "seeds",
        envvar=variable,
        type=Seeds(),
        multiple=True,
        callback=joined,
        default=None if default is None else [default],
        show_default=default is not None,
        help=text,
    )


params = click.option(
    "-p",
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE[//VALUE...]",
    help="Hyper-parameter of the method; commas make a list (keep=Male,Young), // makes a grid (alpha=1//3//5).",
)


def suite(command: F) -> F:
    """Add --suite and --set."""
    command = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a setting of the suite, such as feedback.count=4000.",
    )(command)
    return click.option(
        "--suite", metavar="NAME|FILE", default="lite", show_default=True, help="Suite name, or a TOML file."
    )(command)


def file_named(out: Path) -> str:
    """Say of a folder's name that it is a file's."""
    return f"is {'a file' if out.exists() else 'the name of a file'}. Name a folder"


def no_file(refused: Callable[[Path], str]) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """Return a callback that refuses a folder's name that is a file's, with what ``refused`` says ("" if it does)."""

    def check(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() in FILES and not value.is_dir() and (why := refused(value)):
            raise UsageError(f"--out {value}: {why}")
        return value

    return check


def written(formats: str, folder: str, out: str, refused: Callable[[Path], str]) -> Callable[[F], F]:
    """Add --formats, --out, --no-run and --dry-run, for commands that write files from cells.

    The help of --out is ``out``; ``refused`` says why the name of a file does not do, and what does.
    """

    def add(command: F) -> F:
        for option in (
            click.option("--dry-run", is_flag=True, help="Print which cells would run, why, and for how long."),
            click.option("--no-run", is_flag=True, help="Use stored cells only; run nothing."),
            click.option(
                "--out",
                type=click.Path(path_type=Path),
                default=Path(folder),
                show_default=True,
                callback=no_file(refused),
                help=out,
            ),
            click.option(
                "--formats", default=formats, show_default=True, help="Formats to write, some or all of the default."
            ),
        ):
            command = option(command)
        return command

    return add


def require_weights_name(out: Path) -> None:
    """Raise UsageError unless a file is named as weights files are."""
    if out.suffix != SUFFIX:
        raise UsageError(f"--out {out}: a weights file is named FILE{SUFFIX}")


def require_one(dry_run: bool, no_run: bool) -> None:
    """Raise UsageError if both flags of ``written`` are given, which contradict each other."""
    if dry_run and no_run:
        raise UsageError(
            "--dry-run and --no-run cannot be combined: one prints what would run, the other uses stored cells only"
        )


def plugins(command: F) -> F:
    """Add --plugins."""
    option = click.option(
        "--plugins",
        type=Folders(),
        multiple=True,
        callback=each_once,
        default=PLUGINS,
        show_default="plugins",
        help="Folder with your own plug-in files; several as A,B or in several options.",
    )
    return option(command)


def _there(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Refuse a folder that was typed and is not there; that of the environment may be on another machine."""
    typed = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if value is not None and typed and not value.is_dir():
        raise UsageError(f"--data-dir {value}: no such folder")
    return value


data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    callback=_there,
    default=None,
    envvar="BENCH_DATA",
    show_envvar=True,
    help="Folder of data sets, in torchvision's layout.",
)


results_folder = click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results/runs"),
    show_default=True,
    help="Folder of stored results.",
)


def workplace(command: F) -> F:
    """Add --plugins, --results, --data-dir and --device."""
    for option in (
        click.option(
            "--device",
            metavar="DEVICE",
            default="auto",
            show_default=True,
            help="Device to compute on: auto, cpu, cuda, cuda:1, ...",
        ),
        data_dir,
        results_folder,
    ):
        command = option(command)
    return plugins(command)


def open_registry(folders: tuple[Path, ...], files: tuple[Path, ...] = ()) -> Registry:
    """Open the registry; folders named explicitly must exist."""
    from bench.registry import Registry

    for folder in folders:
        if folders != PLUGINS and not folder.is_dir():
            raise UsageError(f"--plugins {folder}: no such folder")
    return Registry(folders, files, _try_import)


def _try_import(*plugin: Any) -> None:
    from bench.workspace.trial import try_import

    try_import(*plugin)


def workspace_at(
    plugins: tuple[Path, ...], results: Path, data_dir: Path | None, device: str, *, write: bool = True
) -> Workspace:
    """Open the workspace; with ``write``, first check that a new folder of results could be made, and tidy up.

    Whether a folder that is there can be written is asked when there is something to write: what is stored in it can
    be shown without.
    """
    with collecting.importing("torch"):
        from bench.core.machine import choose_device
        from bench.core.progress import for_stderr
        from bench.workspace.store.store import Store
        from bench.workspace.workspace import Workspace

    store = Store(results)
    if not write:
        store.require_folder()
    if write and not results.is_dir():
        store.require_writable()
    if write:
        from bench.workspace.store import sweeps

        store.sweep()
        sweeps.tidy(store)
    return Workspace(open_registry(plugins), store, choose_device(device), data_dir, for_stderr())


def warm_up() -> None:
    """Begin to start the process from which those of the cells are forked, while this one plans."""
    from bench.core.processes.parent import warm
    from bench.experiments import PRELOADED

    warm(PRELOADED)
