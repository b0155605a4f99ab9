"""``bench zoo import``: a file of other code becomes a weights file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench.api import Networks
from bench.core.files import file_sha256
from bench.errors import CheckpointError, UsageError
from bench.registry import Registry
from bench.workspace.foreign.containers import read_content
from bench.workspace.foreign.fitting import built, fitting_networks, require_fit, taken
from bench.workspace.foreign.layouts import MODELS, OFFICIAL, PLAIN, Imported, tensor_sha256
from bench.workspace.foreign.plain import read_plain
from bench.workspace.foreign.release import Release
from bench.workspace.new_file import require_new
from bench.workspace.settings.values import values_of
from bench.workspace.weights import saving
from bench.workspace.weights.loading import require_contract_of


def import_official(registry: Registry, source: Path, layout: str, out: Path, typed: Mapping[str, str]) -> str:
    """Convert a checkpoint of code that this project knows to a weights file.

    Parameters
    ----------
    registry : Registry
    source : Path
        The file.
    layout : {"vdvae", "pgan"}
    out : Path
        The weights file to write; it must not exist.
    typed : mapping of str to str
        Fields of the model's Config as ``-p`` takes them, name to text. For vdvae they describe the architecture in the
        file; without any, the published size that fits is taken. A pgan file describes its architecture itself; they
        set the training recipe.

    Returns
    -------
    str
        A line that says what was written.

    Raises
    ------
    CheckpointError
        Naming the file: missing, truncated, refused because it would run code, of another architecture, or with NaN or
        infinite weights. Nothing is written then.
    UsageError
        For a wrong ``typed``, or an ``out`` that exists.
    """
    require_new(out)
    params = values_of(registry.get("models", MODELS[layout]).Config, typed, "-p")
    release = OFFICIAL[layout](read_content(source), source, params)
    networks = fitting_networks(registry, release, source)
    count = _fill(networks, release, source)
    return _save(out, release.model, networks, _imported(source, layout), count)


def import_state_dict(
    registry: Registry, source: Path, model: str, out: Path, typed: Mapping[str, str], at: str = ""
) -> str:
    """Convert the state dict of a module that a model's generator wraps to a weights file.

    Parameters
    ----------
    registry : Registry
    source : Path
        The file.
    model : str
        The model that builds the generator.
    out : Path
        The weights file to write; it must not exist.
    typed : mapping of str to str
        Fields of the model's Config as ``-p`` takes them, name to text; they describe the architecture in the file.
    at : str
        Where the state dict lies in the file (``places.state_at``).

    Returns
    -------
    str
        A line that says what was written.

    Raises
    ------
    CheckpointError
        As ``import_official`` does, and for an ``at`` that the file lacks.
    PluginError
        If the model cannot be built, or its generator with these weights breaks the contract.
    UsageError
        For a wrong ``typed`` or ``model``, or an ``out`` that exists.
    """
    require_new(out)
    params = values_of(registry.get("models", model, "--model").Config, typed, "-p")
    networks = built(registry, model, params)
    content = read_content(source)
    if others := sorted(networks.modules().keys() - {"generator"}):
        raise UsageError(
            f"--model {model}: has the {' and the '.join(others)} besides its generator, and a state dict is that of a "
            "generator alone. Wrap the module that wrote the file in a plug-in, as in examples/my_generator.py"
        )
    names = networks.generator.state_dict() if networks.generator is not None else {}
    release = read_plain(content, source, at, model, params, names)
    require_fit(networks, release, source)
    if release.wrapper:
        _require_constant(release, built(registry, model, params), source)
    count = _fill(networks, release, source)
    require_contract_of(networks.generator, model, source)
    return _save(out, model, networks, _imported(source, PLAIN, at, release), count)


def _require_constant(release: Release, again: Networks[Any], source: Path) -> None:
    """Raise CheckpointError if what the wrapper adds to the file is drawn anew each time it is built."""
    assert again.generator is not None
    state = again.generator.state_dict()
    for name in sorted(release.wrapper):
        own = name.removeprefix("generator.")
        if not torch.equal(state[own], release.own[name]):
            raise CheckpointError(
                f"{source}: lacks {own}, which the plug-in's generator has besides the module that it wraps, with "
                f"other values each time it is built. {release.remedy}"
            )


def _fill(networks: Networks[Any], release: Release, source: Path) -> int:
    """Put the file's values into the networks, which may be without memory until then; return how many there are."""
    values = taken(networks, release, source)
    state = release.adapt(values) | release.own
    for part, module in networks.modules().items():
        module.load_state_dict({name: state[f"{part}.{name}"] for name in module.state_dict()}, assign=True)
    return sum(tensor.numel() for tensor in values.values())


def _imported(source: Path, layout: str, at: str = "", release: Release | None = None) -> Imported:
    own = {name: tensor_sha256(release.own[name]) for name in sorted(release.wrapper)} if release else {}
    return Imported(file=source.name, sha256=file_sha256(source), layout=layout, at=at, own=own)


def _save(out: Path, model: str, networks: Networks[Any], imported: Imported, count: int) -> str:
    described = imported.model_dump(exclude=None if imported.own else {"own"})
    saving.save_networks(out, "model", model, networks, {"imported": described})
    assert networks.generator is not None
    return f"{out}: {model}, {networks.generator.image_shape[1]} px, {count:,} parameters"
