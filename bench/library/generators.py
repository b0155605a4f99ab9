"""Generators in Python: from a file, to images, to a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.api import Generator, Networks, Oracle, Params, Unlearned
from bench.core import randomness
from bench.core.rendering import chunks, to_float, to_uint8
from bench.errors import CheckpointError, UsageError
from bench.library.arguments import device_of, require_generator, whole
from bench.library.places import PLUGINS, open_registry
from bench.workspace import loading, saving


@dataclass(frozen=True)
class Made:
    """From which checkpoint, and how; the oracle is one that the generator goes on asking."""

    original: loading.Original
    method: str
    params: Params
    oracle: Oracle | None


@dataclass(frozen=True)
class Known:
    """What is known of a generator in memory beside its weights.

    Attributes
    ----------
    model : str
        Registered name, or the class of a generator that is of no registered model.
    original : Original or None
        The checkpoint that it was loaded from, without the generator itself; None if it was not, or is unfit.
    made : Made or None
        How ``unlearn`` made it, so that it can be saved.
    identifier : nn.Module or None
        Of the method that unlearned it.
    unfit : str or None
        Why nothing can be unlearned from it.
    """

    model: str
    original: loading.Original | None = None
    made: Made | None = None
    identifier: nn.Module | None = None
    unfit: str | None = None


_KNOWN: WeakKeyDictionary[Generator, Known] = WeakKeyDictionary()


def recall(generator: Generator) -> Known:
    """Return what is known of a generator: its class, of one that was built or copied by hand."""
    return _KNOWN.get(generator, Known(type(generator).__name__))


def remember(generator: Generator, known: Known) -> None:
    """Keep what is known of a generator for as long as it lives."""
    _KNOWN[generator] = known


def networks_of(generator: Generator) -> Networks[Any]:
    """Return a generator with the other networks of its checkpoint, in eval mode, gradients off, on its device."""
    original = recall(generator).original
    others: Networks[Any] = Networks(Params()) if original is None else original.networks
    networks = replace(others, generator=generator)
    for module in networks.modules().values():
        module.to(device_of(generator)).eval().requires_grad_(False)
    return networks


def load(path: str | Path, plugins: str | Path | None = PLUGINS) -> Generator:
    """Load the generator in a checkpoint written by this project.

    Parameters
    ----------
    path : path-like
        A ``.safetensors`` file (of ``bench run``, ``bench pretrain``, ``bench.save`` or the zoo), or the name of a zoo
        entry.
    plugins : path-like, optional
        Folder of loose plug-ins, for weights that were made by one.

    Returns
    -------
    Generator
        In eval mode, on the CPU, with gradients off: maps noise (N, noise_dim) from N(0, I) to images (N, C, H, W),
        nominally in [0, 1]. Move it with ``.to("cuda")``; what is done with it is done there.

    Raises
    ------
    bench.errors.CheckpointError
        If the file is missing, damaged or not written by this project.
    """
    registry = open_registry(plugins)
    stored, loaded = loading.load_either(registry, path)
    identifier = loaded.identifier if isinstance(loaded, Unlearned) else None
    try:
        original = (
            loading.as_original(registry, stored, loaded, Path(path)) if isinstance(loaded, Unlearned) else loaded
        )
    except CheckpointError as error:
        remember(loaded.generator, Known(stored.name, identifier=identifier, unfit=str(error)))
    else:  # without the generator: it would keep itself alive
        without = replace(original, networks=replace(original.networks, generator=None))
        remember(loaded.generator, Known(stored.name, without, identifier=identifier))
    return loaded.generator


@torch.no_grad()
def sample(generator: Generator, count: int = 64, *, stream: str = "sample") -> NDArray[np.float32]:
    """Draw images, as ``bench sample`` does: sample i of a stream has the same noise whichever generator draws it.

    Parameters
    ----------
    generator : Generator
        In eval mode.
    count : int
        At least 1.
    stream : str
        Random stream of the noise: ``feedback/0`` is what ``bench run --seed 0`` shows to the oracle, ``evaluation``
        what it measures.

    Returns
    -------
    (count, C, H, W) float32 in [0, 1]
        Multiples of 1/255: what a PNG file would hold.
    """
    require_generator(generator, "sample(generator)")
    count, device = whole(count, 1, "sample(count)"), device_of(generator)
    drawn = [randomness.draw(stream, range(a, b), generator.noise_dim).to(device) for a, b in chunks(count)]
    images: NDArray[np.float32] = to_float(torch.cat([to_uint8(generator(noise)) for noise in drawn])).numpy()
    return images


def save(unlearned: Generator, path: str | Path) -> Path:
    """Write an unlearned generator, as ``bench run`` does; ``bench.load`` and ``bench sample`` read it.

    Parameters
    ----------
    unlearned : Generator
        What ``bench.unlearn`` made of a generator that ``bench.load`` had loaded: a pre-trained one, or one that was
        unlearned before, to unlearn something further.
    path : path-like
        ``FILE.safetensors``; replaced if it is there.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    bench.errors.UsageError
        If the generator has another origin: the file could not say how to build it.
    """
    require_generator(unlearned, "save(unlearned)")
    known = recall(unlearned)
    if known.made is None:
        raise UsageError(
            "save: keeps what bench.unlearn made of a generator from bench.load; this one has another "
            "origin. torch.save(generator.state_dict(), FILE) keeps its weights; for a second feature, save the first "
            "unlearned generator and bench.load it."
        )
    made, parts = known.made, Unlearned(unlearned, known.identifier)
    saving.save_unlearned(Path(path), made.original, parts, made.method, made.params, made.oracle)
    return Path(path)
