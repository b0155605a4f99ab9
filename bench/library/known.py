"""A generator together with its origin: model, checkpoint, and the unlearning that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from bench.api import Generator, Networks, Oracle, Params
from bench.errors import UsageError
from bench.workspace.weights.checkpoint import content_sha256, state_of
from bench.workspace.weights.loading import Original


@dataclass(frozen=True, eq=False)
class KnownGenerator:
    """A generator together with its origin.

    It is called like the torch module that it holds, ``known(noise)``, and moved with ``known.to("cuda")``. Everything
    else that a module can do is done with ``known.generator``. A copy (``copy.deepcopy``) knows the same.

    Attributes
    ----------
    generator : Generator
        The torch module: maps noise (N, noise_dim) from its prior to images (N, C, H, W), nominally in [0, 1].
    model : str
        Registered name of its model, or the class of a generator that is not of a registered one.
    identifier : nn.Module or None
        Of the method that unlearned it: maps latents (N, latent_dim) of the original to (N,), larger meaning more of
        the feature.
    original : Original or None
        The checkpoint that it came from, as the original of an unlearning.
    unfit : str or None
        Why nothing can be unlearned from it.
    made_of : frozenset of str
        The ``names`` of what it was unlearned from.
    """

    generator: Generator = field(repr=False)
    model: str
    identifier: nn.Module | None = field(default=None, repr=False)
    original: Original | None = field(default=None, repr=False)
    unfit: str | None = field(default=None, repr=False)
    made_of: frozenset[str] = field(default=frozenset(), repr=False)

    def __call__(self, noise: Tensor) -> Tensor:
        """Map noise (N, noise_dim) to images (N, C, H, W)."""
        images: Tensor = self.generator(noise)
        return images

    @property
    def device(self) -> torch.device:
        """The generator's device, on which it is unlearned and evaluated."""
        return next(self.generator.parameters()).device

    def to(self, device: str | torch.device) -> Self:
        """Move the generator and its other networks to a device, in place, as a torch module does."""
        for module in filter(None, (*self.networks().modules().values(), self.identifier)):
            module.to(device)
        return self

    def names(self) -> frozenset[str]:
        """Return what identifies it: the sha256 of its weights as they are, and of the checkpoint that it came from."""
        weights = content_sha256("", "", {}, state_of({"generator": self.generator}))
        return frozenset({weights} if self.original is None else {weights, self.original.sha256})

    def networks(self) -> Networks[Any]:
        """Return the generator with the other networks of its checkpoint, if it came from one."""
        others: Networks[Any] = Networks(Params()) if self.original is None else self.original.networks
        return replace(others, generator=self.generator)


@dataclass(frozen=True, eq=False)
class LoadedGenerator(KnownGenerator):
    """What ``bench.load`` returns: a generator, and the checkpoint that it came from."""


@dataclass(frozen=True, eq=False)
class UnlearnedGenerator(KnownGenerator):
    """What ``bench.unlearn`` returns: a generator, and how it was made.

    A method itself returns less, a ``bench.api.Unlearned``: its generator and its identifier.

    Attributes
    ----------
    method : str
        Registered name, or the name of the class.
    params : Params
        The method's Config.
    teacher : Original or None
        The checkpoint that was unlearned; None for a generator that ``bench.load`` did not load.
    oracle : Oracle or None
        What the method was handed, if it needs an oracle.
    registered : bool
        False for a method that was given as a class.
    losses : sequence of mapping of str to (float or str)
        What the method logged, step by step: ``pandas.DataFrame(unlearned.losses)``.
    """

    method: str = ""
    params: Params = Params()
    teacher: Original | None = field(default=None, repr=False)
    oracle: Oracle | None = field(default=None, repr=False)
    registered: bool = field(default=True, repr=False)
    losses: Sequence[Mapping[str, float | str]] = field(default=(), repr=False)


def known(value: Any, argument: str) -> KnownGenerator:
    """Return a generator with its origin; of a plain generator, only the class is known.

    Raises
    ------
    UsageError
        Naming the argument, if it is not a generator.
    """
    if isinstance(value, KnownGenerator):
        return value
    if not isinstance(value, Generator):
        raise UsageError(
            f"{argument}: a generator is expected, not a {type(value).__name__}: bench.load(FILE) gives one"
        )
    return KnownGenerator(value, type(value).__name__)


def frozen_networks(known: KnownGenerator) -> Networks[Any]:
    """Return a generator's networks in eval mode, gradients off, on its device."""
    networks = known.networks()
    for module in networks.modules().values():
        module.to(known.device).eval().requires_grad_(False)
    return networks
