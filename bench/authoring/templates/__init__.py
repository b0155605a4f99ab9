"""Plug-ins to start from: whole working files, in which only the name is replaced."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from bench.core.files import write_bytes
from bench.errors import UsageError
from bench.registry import Registry

HERE = Path(__file__).parent


def write_template(kind: str, name: str, folder: Path) -> Path:
    """Write ``folder/name.py`` from the template of a kind ("method", "model", "metric").

    Raises
    ------
    UsageError
        If the name is no Python identifier, is taken, or the file exists.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise UsageError(f"NAME '{name}': is no file name for a plug-in; use letters, digits and underscores")
    taken = Registry(folder)
    if name in taken.names(f"{kind}s"):
        raise UsageError(
            f"NAME '{name}': there is a {kind} of that name ({taken.source(f'{kind}s', name).origin}); choose another"
        )
    path = folder / f"{name}.py"
    if path.exists():
        raise UsageError(f"{path}: is there already")
    title = "".join(part.capitalize() for part in name.split("_"))
    text = (HERE / f"{kind}.py.txt").read_text(encoding="utf-8")
    if re.search(rf"\b{title}\b", text):
        title += f"{kind.capitalize()}Plugin"  # the file uses the name for something else: Direction, Value, ...
    write_bytes(path, text.replace("TemplateName", title).encode())
    return path
