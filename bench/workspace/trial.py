"""Import an outside plug-in in a separate process first, since its import may hang or end the process."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.core.processes.channel import Channel
from bench.core.processes.line import Ended, Failed
from bench.core.processes.parent import Child, warm
from bench.core.progress import Progress, silent
from bench.core.sources import Source
from bench.errors import PluginError
from bench.registry import Registry

SECONDS = 60.0


def try_import(source: Source, folders: tuple[Path, ...], files: tuple[Path, ...]) -> None:
    """Import a plug-in in another process.

    Raises
    ------
    PluginError
        If the process hangs or ends. Errors of the import itself are left to the import in this process.
    """
    what = f"{source.kind.label} '{source.name}' ({source.origin})"
    warm(("bench.api",))
    told = [source.kind.name, source.name, [*map(str, folders)], [*map(str, files)]]
    with Child(f"{__name__}:import_it", json.dumps(told), silent()) as child:
        try:
            child.answer(SECONDS)
        except TimeoutError:
            raise PluginError(
                f"{what} cannot be loaded: its import has not ended after {SECONDS:.0f} s. Move what takes long into "
                "the class"
            ) from None
        except Ended as error:
            raise PluginError(f"{what} cannot be loaded: its import ends the process: {error}") from error
        except (PluginError, Failed):
            return


def import_it(text: str, channel: Channel, progress: Progress) -> None:
    """Import a plug-in, silently."""
    kind, name, folders, files = json.loads(text)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    Registry([*map(Path, folders)], tuple(map(Path, files))).plugin(kind, name)
