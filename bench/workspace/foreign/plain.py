"""State dicts of any torch module that a model's generator is, or holds as its only submodule with tensors.

The module's names are the generator's, less the attribute that holds it: "generator.net.layers.0.weight" here is
"layers.0.weight" in the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.errors import CheckpointError
from bench.workspace.foreign.release import Release, State, state_dict

REMEDY = (
    "Names and shapes must be those of the module that the plug-in's generator holds (fields of its Config: "
    "-p NAME=VALUE; another place in the file: --at PLACE; names that all start with 'module.': --at PLACE/module.)."
)


def read_plain(
    content: Any, path: Path, at: str, model: str, params: dict[str, Any], generator: Collection[str]
) -> Release:
    """Take what lies ``at`` a place of the file for the module of a model's generator.

    Parameters
    ----------
    content : object
        What the file holds.
    path : Path
        Named in errors.
    at : str
        See ``place``.
    model : str
    params : dict
        Fields of the model's Config.
    generator : collection of str
        Names of the generator's tensors.
    """
    tensors = place(content, at, path)
    held = {name.partition(".")[0] for name in generator}
    within = f"{held.pop()}." if len(held) == 1 and not tensors.keys() & set(generator) else ""
    return Release(
        model=model,
        candidates={f"the generator of model '{model}'": params},
        tensors=tensors,
        origin=lambda ours: ours.removeprefix("generator.").removeprefix(within),
        remedy=REMEDY,
    )


def place(content: Any, at: str, path: Path) -> State:
    """Return the state dict at a place of a file.

    Parameters
    ----------
    content : object
    at : str
        Keys that lead to it, separated by "/"; a last part that ends in "." is what its names start with, and the rest
        of them is left out: "ema", "module.", "state_dict/generator."; "" for what the file itself holds.
    path : Path

    Raises
    ------
    CheckpointError
        Naming the file, and the places it has.
    """
    *keys, last = at.split("/")
    keys, start = (keys, last) if last == "" or last.endswith(".") else ([*keys, last], "")
    for depth, key in enumerate(keys):
        if not (isinstance(content, Mapping) and key in content):
            at = "/".join(keys[: depth + 1])
            starts = isinstance(content, Mapping) and any(str(name).startswith(f"{key}.") for name in content)
            names = f" Names there start with '{key}.': --at {at}." if starts else _places(content)
            raise CheckpointError(f"{path}: holds nothing at '{at}' (--at).{names}")
        content = content[key]
    what = f"{path}: what lies at '{'/'.join(keys)}'" if keys else f"{path}: what it holds"
    try:
        found = state_dict(content, what)
    except CheckpointError as error:
        raise CheckpointError(f"{error}.{_places(content)}") from error
    tensors = {name.removeprefix(start): tensor for name, tensor in found.items() if name.startswith(start)}
    if not tensors:
        first = next(iter(found))
        raise CheckpointError(f"{what} has no name that starts with '{start}' (--at); the first one is '{first}'")
    return tensors


def _places(content: Any) -> str:
    items = content.items() if isinstance(content, Mapping) else ()
    inner = [str(key) for key, value in items if isinstance(value, Mapping)]
    return f" Places in it, for --at: {', '.join(inner)}" if inner else ""
