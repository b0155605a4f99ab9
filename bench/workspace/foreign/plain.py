"""State dicts of any torch module that a model's generator wraps, or that it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.workspace.foreign.naming import naming
from bench.workspace.foreign.places import state_at
from bench.workspace.foreign.release import Release

REMEDY = (
    "Names and shapes must match the module that the plug-in's generator wraps. Set fields of its Config with "
    "-p NAME=VALUE, and another place in the file with --at PLACE (--at PLACE/module. where all names start so). If "
    "your own code loads the file, save the weights again from there: torch.save(net.state_dict(), NEW)"
)


def read_plain(
    content: Any, path: Path, at: str, model: str, params: dict[str, Any], generator: Mapping[str, Tensor]
) -> Release:
    """Read the state dict ``at`` a place of the file as that of a model's generator.

    Parameters
    ----------
    content : object
        The content of the file.
    path : Path
        Named in errors.
    at : str
        See ``places.state_at``.
    model : str
    params : dict
        Fields of the model's Config.
    generator : mapping of str to Tensor
        The generator's tensors: those that the file lacks by right are taken from here.
    """
    tensors = state_at(content, at, path)
    names = naming(tensors, generator)
    return Release(
        model=model,
        candidates={f"the generator of model '{model}'": params},
        tensors=tensors,
        origin=lambda ours: names.origin[ours.removeprefix("generator.")],
        remedy=REMEDY,
        own={f"generator.{name}": generator[name] for name in names.absent | names.own},
        wrapper=frozenset(f"generator.{name}" for name in names.own),
    )
