"""The layouts that files of other code come in, by the name that ``--format`` takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.api import Params
from bench.workspace.foreign.pgan import read_pgan
from bench.workspace.foreign.plain import read_plain
from bench.workspace.foreign.release import Release
from bench.workspace.foreign.vdvae import read_vdvae
from bench.workspace.weights.checkpoint import content_sha256

OFFICIAL: dict[str, Callable[[Any, Path, dict[str, Any]], Release]] = {"vdvae": read_vdvae, "pgan": read_pgan}
MODELS = {"vdvae": "vdvae", "pgan": "proggan"}  # the model of each layout
PLAIN = "state-dict"


class Imported(Params):
    """The origin and the layout of imported weights, stored with them so that they can be written back.

    ``own`` holds the sha256 of each parameter and buffer of the wrapper itself, which the layout has no place for.
    """

    file: str
    sha256: str
    layout: str
    at: str = ""
    own: dict[str, str] = {}


def tensor_sha256(tensor: Tensor) -> str:
    """Return the sha256 of a tensor's type, shape and bytes."""
    return content_sha256("", "", {}, {"": tensor})


def read_as(imported: Imported, content: Any, path: Path, model: str, generator: Mapping[str, Tensor]) -> Release:
    """Read a file in the layout that weights were imported from; ``generator`` holds the generator's tensors."""
    if imported.layout == PLAIN:
        return read_plain(content, path, imported.at, model, {}, generator)
    return OFFICIAL[imported.layout](content, path, {})
