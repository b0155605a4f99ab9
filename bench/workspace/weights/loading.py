"""From checkpoint files to generators, original and unlearned; and to reference statistics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from bench.api import Generator, Method, Model, Networks, Pretrained, Statistics, Unlearned
from bench.api.checks import require_contract
from bench.errors import BenchError, CheckpointError, PluginError, shown, wrong_fields
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.weights import checkpoint
from bench.workspace.weights.building import TooLarge, WithinReason
from bench.workspace.weights.checkpoint import Checkpoint
from bench.workspace.weights.made_by import MadeBy, Summary, made_as
from bench.workspace.weights.networks import LINE, built, networks_of
from bench.workspace.weights.observers import stored_oracle

MOMENTS = ("mean", "covariance")  # tensors of the statistics of one subset


@dataclass(frozen=True)
class Original:
    """A loaded original generator: the model plug-in, its networks, and the weights' identity.

    A generator that was unlearned before comes without the other networks.
    """

    model_name: str
    model: Model[Any]
    networks: Networks[Any]
    sha256: str
    path: Path
    description: dict[str, Any]
    unlearned: bool = False

    @property
    def generator(self) -> Generator:
        """The generator, which every model has."""
        assert self.networks.generator is not None
        return self.networks.generator


def load_original(registry: Registry, weights: str | Path, expected_model: str | None = None) -> Original:
    """Load a pre-trained model, or an unlearned generator to unlearn further; eval mode, gradients off.

    Raises
    ------
    CheckpointError
        If the file holds no model, or another one than ``expected_model``.
    """
    path = manifest.path_of(weights)
    stored = checkpoint.read(path)
    if stored.kind in ("model", "unlearned") and expected_model not in (None, stored.name):
        raise CheckpointError(
            f"{path}: holds the model '{stored.name}', not '{expected_model}' (--model). Take --model {stored.name}, "
            f"or weights of '{expected_model}'"
        )
    return _original(registry, stored, path)


def load_either(registry: Registry, weights: str | Path) -> tuple[Checkpoint, Original | Unlearned]:
    """Load a pre-trained model or an unlearned generator, in eval mode, gradients off."""
    path = manifest.path_of(weights)
    stored = checkpoint.read(path)
    if stored.kind == "unlearned":
        return stored, _unlearned(registry, stored, path)
    return stored, _original(registry, stored, path)


def statistics_in(stored: Checkpoint, path: Path, extractor_sha256: str) -> dict[str, Statistics]:
    """Return reference statistics by subset ("all", "without thickness", ...), made with the given extractor."""
    if stored.kind != "statistics":
        raise CheckpointError(f"{path}: its kind is '{stored.kind}'; reference statistics are expected")
    made = made_as(Summary, stored, path)
    if made.extractor_sha256 != extractor_sha256:
        raise CheckpointError(
            f"{path}: was made with another version of the extractor '{stored.name}'. "
            "Make it again with `bench zoo statistics`"
        )
    missing = [f"{n}.{what}" for n in made.counts for what in MOMENTS if f"{n}.{what}" not in stored.tensors]
    if missing:
        raise CheckpointError(f"{path}: lacks {shown(missing[0])}. Make it again with `bench zoo statistics`")
    return {
        subset: Statistics(
            stored.tensors[f"{subset}.mean"].numpy(),
            stored.tensors[f"{subset}.covariance"].numpy(),
            count,
            f"{made.dataset}, {subset}, extractor {stored.name}",
        )
        for subset, count in made.counts.items()
    }


def load_unlearned(registry: Registry, path: Path, device: torch.device | str = "cpu") -> Unlearned:
    """Load what ``save_unlearned`` wrote onto a device, rebuilt by its method; raises whatever the method raises."""
    unlearned = _rebuilt(registry, checkpoint.read(path), path)
    for module in (unlearned.generator, unlearned.identifier):
        if module is not None:
            module.to(device)
    return unlearned


def _original(registry: Registry, stored: Checkpoint, path: Path) -> Original:
    if stored.kind == "unlearned":
        return as_original(registry, stored, _unlearned(registry, stored, path), path)
    if stored.kind != "model":
        raise CheckpointError(f"{path}: its kind is '{stored.kind}' ({stored.name}); a pre-trained model is expected")
    plugin = registry.get("models", stored.name, f"{path}")()
    networks = networks_of(plugin, stored, path)
    if networks.generator is None:
        raise CheckpointError(f"{path}: model '{stored.name}' has no generator")
    if isinstance(plugin, Pretrained):
        require_contract_of(networks.generator, stored.name, path)
    return Original(stored.name, plugin, networks, stored.sha256, path, stored.description)


def require_contract_of(generator: Generator | None, model: str, path: Path) -> None:
    """Raise PluginError, naming model and file, unless a wrapped generator with its weights does what it declares."""
    try:
        require_contract(generator)
    except PluginError as error:
        raise PluginError(f"model '{model}' with the weights of {path}: {error}") from error


def as_original(registry: Registry, stored: Checkpoint, unlearned: Unlearned, path: Path) -> Original:
    """Turn an unlearned generator into the original of a further unlearning, without encoder or discriminator.

    Raises
    ------
    CheckpointError
        If its structure is not what its model builds: a generator that edits latents around the weights, for instance.
    """
    plugin = registry.get("models", stored.name, f"{path}")()
    networks = built(plugin, stored, path)
    if _structure(unlearned.generator) != _structure(networks.generator):
        raise CheckpointError(
            f"{path}: the method '{stored.description['method']}' changed the structure of the generator, so nothing "
            "further can be unlearned from it. Start from the weights that it was given"
        )
    alone: Networks[Any] = Networks(networks.config, generator=unlearned.generator)
    return Original(stored.name, plugin, alone, stored.sha256, path, stored.description, unlearned=True)


def keeps_structure(original: Original, unlearned: Unlearned) -> bool:
    """Say whether an unlearned generator could be the original of a further unlearning, as ``as_original`` demands."""
    return _structure(unlearned.generator) == _structure(original.generator)


def missing_networks(networks: Networks[Any], needs: frozenset[str], model: Model[Any] | None) -> str | None:
    """Return why the networks, and the model if known, do not suffice for a method's ``needs``; None if they do."""
    if isinstance(model, Pretrained) and {"training_data", "recipe"} & needs:
        return "needs the recipe of the generator's training, which a wrapped generator does not have"
    trained = model.build(networks.config).modules() if model and "training_data" in needs else {}
    missing = sorted({"encoder", "discriminator"} & (needs | trained.keys()) - networks.modules().keys())
    return f"needs the {' and the '.join(missing)}, which these weights do not have" if missing else None


def _structure(module: nn.Module | None) -> tuple[type, dict[str, Any]]:
    state = {} if module is None else module.state_dict()
    return type(module), {name: getattr(value, "shape", None) for name, value in state.items()}


def _unlearned(registry: Registry, stored: Checkpoint, path: Path) -> Unlearned:
    """Return an unlearned generator of a file that anyone may have written; raises CheckpointError if it cannot."""
    try:
        return _rebuilt(registry, stored, path)
    except BenchError:
        raise
    except Exception as error:  # whatever a method's code raises
        raise CheckpointError(
            f"{path}: the method that made it cannot rebuild it ({type(error).__name__}: {shown(str(error), LINE)})"
        ) from error


def _rebuilt(registry: Registry, stored: Checkpoint, path: Path) -> Unlearned:
    if stored.kind != "unlearned":
        raise CheckpointError(f"{path}: its kind is '{stored.kind}'; an unlearned generator is expected")
    model = registry.get("models", stored.name, f"{path}")()
    skeleton = built(model, stored, path).generator
    if skeleton is None:
        raise CheckpointError(f"{path}: model '{stored.name}' has no generator")
    made = made_as(MadeBy, stored, path)
    method, oracle = _method(registry, made, path), stored_oracle(registry, made.oracle, path)
    try:
        with WithinReason(stored.tensors):
            rebuilt: Unlearned = method.rebuild(skeleton, oracle)
    except TooLarge as error:
        raise CheckpointError(f"{path}: what its method '{made.method}' rebuilds {error}") from error
    identifier = stored.part("identifier") or stored.part("score")  # its name in version 0.1
    for part, module, tensors in (
        ("generator", rebuilt.generator, stored.part("generator")),
        ("identifier", rebuilt.identifier, identifier),
    ):
        if module is not None:
            checkpoint.load_into(module, tensors, path, part)
            module.eval().requires_grad_(False)
    return rebuilt


def _method(registry: Registry, made: MadeBy, path: Path) -> Method[Any]:
    """Return the method that made an unlearned generator, with its parameters."""
    method_class = registry.get("methods", made.method, f"{path}")
    try:
        method: Method[Any] = method_class(method_class.Config.from_stored(made.params))
    except ValidationError as error:
        raise CheckpointError(
            f"{path}: its parameters do not fit this version of the method '{made.method}' ({wrong_fields(error)})"
        ) from error
    return method
