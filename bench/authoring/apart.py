"""Run checks in a separate process, because a plug-in may end its process, hang, or change global state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from bench.authoring.outcome import Outcome
from bench.core.processes.channel import Channel
from bench.core.processes.line import Ended, Failed
from bench.core.processes.parent import Child, warm
from bench.core.progress import Progress, silent


def checked_apart(
    name: str, folders: tuple[Path, ...], files: tuple[Path, ...], data_dir: Path | None, seconds: float
) -> Iterator[Outcome]:
    """Yield the outcome of each check of a plug-in as soon as the check has ended.

    If the process ends, or a check takes longer than ``seconds``, that is the last outcome.

    Parameters
    ----------
    name : str
        As registered.
    folders : tuple of Path
        Of loose plug-ins.
    files : tuple of Path
        Single loose files.
    data_dir : Path or None
        Where data sets find their files.
    seconds : float
        What one check may take.

    Raises
    ------
    UsageError
        If no plug-in has this name.
    """
    warm(("bench.api",))
    plugin, check = name, "loads"
    with Child(f"{__name__}:check_it", _told(name, folders, files, data_dir), silent()) as child:
        while True:
            try:
                message = child.answer(seconds)
            except TimeoutError:
                late = f"it has not ended after {seconds:g} s (--timeout SECONDS)"
                yield Outcome(plugin, check, f"{late}; the rest was not checked")
                return
            except Ended as error:
                yield Outcome(plugin, check, f"{error}; the rest was not checked")
                return
            except Failed as error:
                yield Outcome(plugin, check, str(error).partition("\n")[0])
                return
            if message.kind == "done":
                return
            if message.kind == "begins":
                plugin, check = message.content
            elif message.kind == "outcome":
                yield Outcome(**message.content)


def _told(name: str, folders: tuple[Path, ...], files: tuple[Path, ...], data_dir: Path | None) -> str:
    """Return the task as text."""
    data = str(data_dir) if data_dir else None
    return json.dumps({"name": name, "folders": [*map(str, folders)], "files": [*map(str, files)], "data_dir": data})


def check_it(text: str, channel: Channel, progress: Progress) -> None:
    """Run the checks in this process, and send each outcome."""
    from bench.authoring.conformance import checked
    from bench.registry import Registry

    told = json.loads(text)
    data_dir = Path(told["data_dir"]) if told["data_dir"] else None
    registry = Registry([*map(Path, told["folders"])], tuple(map(Path, told["files"])))

    def begins(plugin: str, check: str) -> None:
        channel.send("begins", [plugin, check])

    for outcome in checked(registry, told["name"], data_dir=data_dir, before=begins, alone=True):
        channel.send("outcome", asdict(outcome))
