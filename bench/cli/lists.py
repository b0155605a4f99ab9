"""Types of options that hold lists: names with completion, seeds, folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from bench.core import limits
from bench.errors import shown

if TYPE_CHECKING:
    NamesType = click.ParamType[list[str]]
    SeedsType = click.ParamType[list[int]]
    SeedType = click.ParamType[int]
    FoldersType = click.ParamType[list[Path]]
else:
    NamesType = SeedsType = SeedType = FoldersType = click.ParamType  # generic only in recent versions of click

PLUGINS = (Path("plugins"),)  # where loose plug-ins are unless --plugins names other folders

T = TypeVar("T")


class Names(NamesType):
    """A comma list of registered names, or ``all``."""

    name = "NAME[,NAME...]"

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        if self.kind == "methods":
            from bench.workspace.settings.asked_methods import split_methods

            found = split_methods(value)
        else:
            found = [part.strip() for part in value.split(",") if part.strip()]
        if value and not found:  # the default may be empty
            self.fail(f"'{shown(value)}' names nothing", param, ctx)
        return found

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]  # an environment variable holds one list, as one option does

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from bench.cli.options import open_registry

        head, _, last = incomplete.rpartition(",")
        start = f"{head}," if head else ""
        names = open_registry(ctx.params.get("plugins") or PLUGINS).names(self.kind)
        return [CompletionItem(start + name) for name in names if name.startswith(last)]


class Seeds(SeedsType):
    """Seeds as a comma list and ranges: ``0,1,2`` or ``0-4``."""

    name = "N[,N...]|N-M"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        try:
            ranges = [_range(part) for part in str(value).split(",")]
        except ValueError:
            self.fail(f"'{shown(str(value))}' is not a list of seeds. Write 0,1,2 or 0-4", param, ctx)
        if (count := sum(each.stop - each.start for each in ranges)) > limits.SEEDS:
            self.fail(f"'{shown(str(value))}': {count:,} seeds, at most {limits.SEEDS:,} in one command", param, ctx)
        return list(dict.fromkeys(seed for each in ranges for seed in each))

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]


class Seed(SeedType):
    """One seed: ``3``."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            seed = int(str(value))
        except ValueError:  # also for one of more than 4,300 digits
            seed = -1
        if not 0 <= seed < 10**limits.SEED_DIGITS:
            self.fail(f"'{shown(str(value))}' is not a seed. Write a whole number from 0 on", param, ctx)
        return seed


class Steps(Seeds):
    """Steps of a run as a comma list: ``1,5,10``."""

    name = "N[,N...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        found = value if isinstance(value, list) else str(value).split(",")
        try:
            steps = sorted({int(each) for each in found})
        except ValueError:
            steps = [0]
        if steps[0] < 1:
            self.fail(f"'{shown(str(value))}' is not a list of steps. Write 1,5,10", param, ctx)
        return steps


def _range(text: str) -> range:
    """Read ``3`` or ``0-4``; raises ValueError for anything else, an empty range, and a seed of too many digits."""
    first, dash, last = text.partition("-")
    found = range(int(first), int(last if dash else first) + 1)
    if found.start >= found.stop or found.start < 0 or found.stop > 10**limits.SEED_DIGITS:
        raise ValueError(text)
    return found


class Folders(FoldersType):
    """A folder, or several as a comma list."""

    name = "DIR[,DIR...]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Path]:
        if not isinstance(value, str):
            return [*value] if isinstance(value, list) else [value]
        parts = [value] if Path(value).is_dir() else [part.strip() for part in value.split(",")]
        if not any(parts):
            self.fail(f"'{shown(value)}' names nothing", param, ctx)
        return [Path(part) for part in parts if part]

    def split_envvar_value(self, rv: str) -> list[str]:
        return [rv]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="dir")]


def each_once(ctx: click.Context, param: click.Parameter, value: Sequence[list[Path]]) -> tuple[Path, ...]:
    """Return each folder once."""
    found = {folder.resolve(): folder for part in reversed(value) for folder in reversed(part)}
    return tuple(reversed(found.values()))


def joined(ctx: click.Context, param: click.Parameter, value: Sequence[list[T]]) -> list[T] | None:
    """Join the lists of an option that was given several times; None if there is none."""
    return [each for part in value for each in part] if value or param.default is not None else None
