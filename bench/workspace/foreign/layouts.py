"""The layouts that files of other code come in, by the name that ``--format`` takes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from bench.api import Params
from bench.workspace.foreign.pgan import read_pgan
from bench.workspace.foreign.plain import read_plain
from bench.workspace.foreign.release import Release
from bench.workspace.foreign.vdvae import read_vdvae

OFFICIAL: dict[str, Callable[[Any, Path, dict[str, Any]], Release]] = {"vdvae": read_vdvae, "pgan": read_pgan}
MODELS = {"vdvae": "vdvae", "pgan": "proggan"}  # the model of each layout
PLAIN = "state-dict"


class Imported(Params):
    """Where weights came from, and in which layout; stored with them, so that they can be written back."""

    file: str
    sha256: str
    layout: str
    at: str = ""


def read_as(imported: Imported, content: Any, path: Path, model: str, generator: Collection[str]) -> Release:
    """Read a file in the layout that weights were imported from; ``generator`` holds the names of its tensors."""
    if imported.layout == PLAIN:
        return read_plain(content, path, imported.at, model, {}, generator)
    return OFFICIAL[imported.layout](content, path, {})
