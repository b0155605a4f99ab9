"""Plug-ins to start from: complete working files, in which only the name is replaced."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from bench.core.files import write_bytes
from bench.errors import UsageError
from bench.hookspecs import kind_named
from bench.registry import Registry

HERE = Path(__file__).parent


def write_template(singular: str, name: str, folder: Path) -> Path:
    """Write ``folder/name.py`` from the template of a kind.

    Parameters
    ----------
    singular : str
        The kind: "method", for instance.
    name : str
        What the plug-in will be registered as.
    folder : Path

    Raises
    ------
    UsageError
        If the name is not a Python identifier, is a word of Python, is taken, or the file exists.
    """
    if keyword.iskeyword(name):
        raise UsageError(
            f"NAME '{name}': cannot be the file name of a plug-in, since it is a word of Python. Choose another one: "
            f"my_{name}"
        )
    if not name.isidentifier() or name.startswith("_"):
        raise UsageError(
            f"NAME '{name}': cannot be the file name of a plug-in. Use letters, digits and underscores; start with a "
            "letter"
        )
    kind, registry = kind_named(singular), Registry(folder)
    if name in registry.names(kind.name):
        origin = registry.source(kind.name, name).origin
        raise UsageError(f"NAME '{name}': there is already a {kind.label} of that name ({origin}). Choose another one")
    path = folder / f"{name}.py"
    if path.exists():
        raise UsageError(f"{path}: exists already. Choose another name, or another folder: --plugins DIR")
    write_bytes(path, _filled(singular, name).encode())
    return path


def _filled(singular: str, name: str) -> str:
    """Return the template of a kind with the class named after the plug-in."""
    text = (HERE / f"{singular}.py.txt").read_text(encoding="utf-8")
    title = "".join(part.capitalize() for part in name.split("_"))
    if re.search(rf"\b{title}\b", text):
        title += f"{singular.capitalize()}Plugin"  # the file uses the name for something else: Direction, Value, ...
    return text.replace("TemplateName", title)
