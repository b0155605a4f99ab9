"""The command line: one file per command, imported only when used."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence

import click

from bench.cli import streams
from bench.core.version import __version__
from bench.errors import EXIT_INTERRUPTED, EXIT_PLUGIN, EXIT_USAGE, BenchError, Interrupted, UsageError, unknown

COMMANDS = (
    "run", "table", "figure", "report", "status", "list", "show", "new", "check", "sample", "feedback", "serve",
    "pretrain", "zoo", "doctor", "clean", "export", "merge", "cache",
)  # fmt: skip
RESUMABLE = {"run", "table", "figure", "pretrain"}  # the others begin anew
MAY_BE_EMPTY = ("--at",)  # the whole file


class ReaderGone(Exception):
    """The pipe we write to was closed."""


class LazyGroup(click.Group):
    """Imports a command's module only when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # not list(): importing bench.cli.list puts that module here

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return a command's module, as click does; the error for an unknown one names the nearest."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise unknown("command", args[0], COMMANDS, "bench")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bench.cli.{cmd_name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _require_no_empty(args, lambda: self._empty_argument(ctx, args))
        return super().parse_args(ctx, args)

    def _empty_argument(self, ctx: click.Context, args: list[str]) -> str:
        """Return the name of the argument for which an empty text was typed: NAME, FOLDER, COMMAND."""
        command, rest = self.get_command(ctx, args[0]), args[1:]
        while isinstance(command, click.Group) and rest and (inner := command.get_command(ctx, rest[0])) is not None:
            command, rest = inner, rest[1:]
        if command is None or isinstance(command, click.Group):
            return "COMMAND" if command or not args[0].strip() else "an argument"
        apart = click.Context(command, parent=ctx, resilient_parsing=True)
        given, _, _ = command.make_parser(apart).parse_args([*rest])
        blank = [
            each for each in command.params if isinstance(each, click.Argument) and _blank(given.get(str(each.name)))
        ]
        return blank[0].human_readable_name.removesuffix("...") if blank else "an argument"

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error  # click would turn it into exit code 1


def _require_no_empty(args: Sequence[str], argument: Callable[[], str]) -> None:
    """Raise UsageError for an empty text: most often a variable of the shell that is not set."""
    for before, arg in zip(("", *args), args, strict=False):
        name, sign, value = arg.partition("=")
        if arg.strip() and not (name.startswith("--") and sign and not value.strip()):
            continue
        flag = name.strip() or (before if before.startswith("-") else argument())
        if flag not in MAY_BE_EMPTY:
            raise UsageError(f"{flag}: is empty. Give a value, or leave it out (a variable that is not set gives none)")


def _blank(value: object) -> bool:
    values = value if isinstance(value, tuple) else (value,)  # of an argument that takes several
    return any(isinstance(each, str) and not each.strip() for each in values)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "BENCH"})
@click.version_option(__version__, prog_name="bench")
def cli() -> None:
    """Benchmark feature unlearning in pre-trained image generators (arXiv 2303.05699).

    \b
    bench run --method ours --model vae --feature thickness     one cell: unlearn, evaluate, store
    bench table 2                                               a paper table: CSV, LaTeX, HTML
    bench new method my_idea && bench check my_idea             your own plug-in

    Exit codes: 0 all cells ok, 1 some cell failed, 2 interrupted (run the same command again to
    resume), 3 plug-in or internal error, 4 wrong usage, 5 nothing selected.
    """


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    streams.prepare()
    _treat_as_ctrl_c()
    try:
        code = cli(prog_name="bench", standalone_mode=False)
        sys.stdout.flush()  # a closed pipe raises here, not when Python exits
    except click.ClickException as error:
        error.show()
        if hint := _hint(error):
            click.echo(hint, err=True)
        code = EXIT_USAGE
    except (click.Abort, KeyboardInterrupt, Interrupted) as error:
        detail = f" ({error})" if isinstance(error, Interrupted) and str(error) else ""
        resumes = " to resume" if set(sys.argv[1:]) & RESUMABLE else ""
        click.echo(f"Interrupted{detail}. Run the same command again{resumes}.", err=True)
        code = EXIT_INTERRUPTED
    except BenchError as error:
        click.echo(f"Error: {error}", err=True)
        code = error.exit_code
    except (BrokenPipeError, ReaderGone):
        code = 0  # the reader has stopped reading (bench list | head)
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 (discards what is left to flush)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}", err=True)
        code = EXIT_USAGE
    except Exception:
        import traceback

        click.echo(f"Internal error. Please report it with this traceback:\n{traceback.format_exc()}", err=True)
        code = EXIT_PLUGIN
    sys.exit(code if isinstance(code, int) else 0)


def _hint(error: click.ClickException) -> str:
    """Say where parameters are typed in a command without -p; "" for other errors."""
    if not isinstance(error, click.NoSuchOption) or error.option_name not in ("-p", "--param") or error.ctx is None:
        return ""
    methods = any(param.name == "methods" for param in error.ctx.command.params)
    return 'Type parameters with their method: --method "ours -p alpha=1"' if methods else ""


def _treat_as_ctrl_c() -> None:
    """Save and stop on the signals of a scheduler or a closed terminal, as on Ctrl-C, unless ignored (nohup)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(*_: object) -> None:
    """Do what Ctrl-C does, also where a shell has started this command with ``&`` and so ignores Ctrl-C for it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
