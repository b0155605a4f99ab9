"""Run a method on the toy generator; store and rebuild its result."""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from torch import Tensor, nn

from bench import api
from bench.authoring.conformance.plugins import stored
from bench.authoring.conformance.toys import IMAGE_SHAPE, ToyClassifier, ToyModel, frozen, toy_split
from bench.authoring.conformance.variants import quick
from bench.core import randomness
from bench.toolkit.training import build

SHOWN = 100
POSITIVE = 0.8  # the brightest fifth is clicked


@dataclass(frozen=True)
class Trial:
    """One run of a method: its inputs, and its result."""

    method: api.Method[Any]
    networks: api.Networks[Any]
    original: api.Generator
    oracle: api.Oracle | None
    unlearned: api.Unlearned

    def noise(self) -> Tensor:
        """Return the noise of a few fresh samples."""
        return randomness.draw("check", range(6), self.unlearned.generator.noise_dim)


def toy_networks() -> api.Networks[Any]:
    """Return the toy model's networks, the same ones every time."""
    return frozen(build(ToyModel(), api.TrainingConfig(), "check"))


def try_method(
    cls: type[api.Method[Any]], config: api.Params | None = None, context: api.Context | None = None
) -> Trial:
    """Unlearn brightness from the toy generator; by default with a configuration that is quick."""
    method = cls(quick(cls.Config) if config is None else config)
    networks = toy_networks()
    assert networks.generator is not None
    feedback, oracle = _clicks(networks.generator, method)
    handed = oracle if "oracle" in method.needs else None
    context = api.Context("check", torch.device("cpu")) if context is None else context
    _hand_over(method, networks, handed, context)
    process = os.getpid()
    unlearned = method.unlearn(networks.generator, feedback, context)
    if os.getpid() != process:
        os._exit(1)  # a fork that the method left behind; it would go through all checks too
    return Trial(method, networks, networks.generator, handed, unlearned)


def reloaded(trial: Trial) -> api.Unlearned:
    """Store what a method made, rebuild it by the stored configuration, and load the weights into it.

    Raises
    ------
    AssertionError
        If ``rebuild`` gives other modules than ``unlearn`` gave.
    """
    again = type(trial.method)(stored(trial.method.config))
    rebuilt = again.rebuild(_untrained(trial.original), trial.oracle)
    assert (rebuilt.identifier is None) == (trial.unlearned.identifier is None), (
        "unlearn returns an identifier and rebuild does not, or the other way round: override rebuild"
    )
    _load("generator", rebuilt.generator, trial.unlearned.generator)
    if rebuilt.identifier is not None and trial.unlearned.identifier is not None:
        _load("identifier", rebuilt.identifier, trial.unlearned.identifier)
    return rebuilt


def _untrained(original: api.Generator) -> api.Generator:
    """Return a generator of the same structure with other weights: ``rebuild`` is not handed the original's."""
    other = deepcopy(original)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in other.parameters():
            tensor.copy_(torch.randn(tensor.shape, generator=rng))
    return other


def _load(part: str, module: nn.Module, made: nn.Module) -> None:
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in made.state_dict().items()}
    try:
        module.load_state_dict(load(save(tensors)), strict=True)
    except RuntimeError as error:
        what = f"the {part} that rebuild returns has another structure than unlearn's"
        raise AssertionError(f"{what}: {' '.join(str(error).split())}") from error
    module.eval()


def _clicks(generator: api.Generator, method: api.Method[Any]) -> tuple[api.Feedback, api.Oracle]:
    """Click bright samples; for each further attribute of the method, samples whose last latent is positive."""
    latents, images = generator.sample(randomness.draw("check", range(SHOWN), generator.noise_dim))
    brightness = images.mean(dim=(1, 2, 3)).numpy()
    cut = float(np.quantile(brightness, POSITIVE))
    labels: NDArray[np.bool_] = brightness >= cut
    shown = api.Feedback(labels[:0], "check")
    if method.reads_feedback:
        shown = api.Feedback(labels, "check", also=dict.fromkeys(method.also_asks(), (latents[:, -1] > 0).numpy()))
    return shown, api.Oracle(ToyClassifier(), "toy", "bright", cut)


def _hand_over(
    method: api.Method[Any], networks: api.Networks[Any], oracle: api.Oracle | None, context: api.Context
) -> None:
    """Put what the method needs, and nothing else, into the context."""
    split = toy_split(IMAGE_SHAPE)
    target = split.attributes["bright"].to_numpy() == 1
    context.oracle = oracle
    context.encoder = networks.encoder if "encoder" in method.needs else None
    context.discriminator = networks.discriminator if "discriminator" in method.needs else None
    if "recipe" in method.needs:
        context.recipe = api.Recipe(ToyModel(), networks)
    if "training_data" in method.needs:
        context.training_data = api.TrainingData(split, target, ToyModel(), networks)
