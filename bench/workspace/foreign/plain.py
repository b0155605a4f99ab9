"""State dicts of any torch module that a model's generator wraps as its only submodule with tensors, or that it is.

The file's names lack the attribute that holds the module: "generator.net.layers.0.weight" here is "layers.0.weight" in
the file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.errors import CheckpointError
from bench.workspace.foreign.release import Release, State, state_dict

REMEDY = (
    "Names and shapes must match the module that the plug-in's generator wraps. Set fields of its Config with "
    "-p NAME=VALUE, and another place in the file with --at PLACE (--at PLACE/module. where all names start so)."
)


def read_plain(
    content: Any, path: Path, at: str, model: str, params: dict[str, Any], generator: Collection[str]
) -> Release:
    """Read the state dict ``at`` a place of the file as that of a model's generator.

    Parameters
    ----------
    content : object
        The content of the file.
    path : Path
        Named in errors.
    at : str
        See ``state_at``.
    model : str
    params : dict
        Fields of the model's Config.
    generator : collection of str
        Names of the generator's tensors.
    """
    tensors = state_at(content, at, path)
    held = {name.partition(".")[0] for name in generator}
    within = f"{held.pop()}." if len(held) == 1 and not tensors.keys() & set(generator) else ""
    return Release(
        model=model,
        candidates={f"the generator of model '{model}'": params},
        tensors=tensors,
        origin=lambda ours: ours.removeprefix("generator.").removeprefix(within),
        remedy=REMEDY,
    )


def state_at(content: Any, at: str, path: Path) -> State:
    """Return the state dict at a place of a file.

    Parameters
    ----------
    content : object
    at : str
        Keys that lead to it, separated by "/": "ema", "state_dict/generator."; "" for the file itself. A last part that
        ends in "." is a prefix: other names are left out.
    path : Path

    Raises
    ------
    CheckpointError
        Naming the file and the places in it.
    """
    *keys, last = at.split("/")
    keys, start = (keys, last) if last == "" or last.endswith(".") else ([*keys, last], "")
    for depth, key in enumerate(keys):
        if not (isinstance(content, Mapping) and key in content):
            at = "/".join(keys[: depth + 1])
            starts = isinstance(content, Mapping) and any(str(name).startswith(f"{key}.") for name in content)
            names = f" But names there start with '{key}.': try --at {at}." if starts else _places(content)
            raise CheckpointError(f"{path}: holds nothing at '{at}' (--at).{names}")
        content = content[key]
    what = f"{path}: the content at '{'/'.join(keys)}'" if keys else f"{path}: its content"
    try:
        found = state_dict(content, what)
    except CheckpointError as error:
        raise CheckpointError(f"{error}.{_places(content)}") from error
    tensors = {name.removeprefix(start): tensor for name, tensor in found.items() if name.startswith(start)}
    if not tensors:
        first = next(iter(found))
        raise CheckpointError(f"{what} has no names that start with '{start}' (--at); the first name is '{first}'")
    return tensors


def _places(content: Any) -> str:
    items = content.items() if isinstance(content, Mapping) else ()
    inner = [str(key) for key, value in items if isinstance(value, Mapping)]
    return f" Places to try with --at: {', '.join(inner)}" if inner else ""
