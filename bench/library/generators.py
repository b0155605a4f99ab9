"""Generators in Python: from a file, to images, to a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Generator, Unlearned
from bench.api.noise import noise_chunks
from bench.core import limits
from bench.core.modes import ordinary
from bench.core.rendering import to_float, to_uint8
from bench.errors import CheckpointError, UsageError
from bench.library.arguments import whole
from bench.library.known import KnownGenerator, LoadedGenerator, UnlearnedGenerator, known
from bench.library.places import PLUGINS, workspace_for
from bench.library.sound import require_shown
from bench.library.wording import arguments_of
from bench.workspace.weights import loading, saving
from bench.workspace.workspace import Workspace

SUFFIX = ".safetensors"


@ordinary()
@arguments_of("load")
def load(
    path: str | Path, plugins: str | Path | None = PLUGINS, *, workspace: Workspace | None = None
) -> LoadedGenerator:
    """Load the generator in a checkpoint written by this project.

    Parameters
    ----------
    path : path-like
        A ``.safetensors`` file (of ``bench run``, ``bench pretrain``, ``bench.save`` or the zoo), or the name of a zoo
        entry.
    plugins : path-like, optional
        Folder of loose plug-ins, for weights that were made by one.
    workspace : Workspace, optional
        From ``bench.open_workspace``, instead of ``plugins``.

    Returns
    -------
    LoadedGenerator
        In eval mode, gradients off; on the workspace's device, else on the CPU. Call it on noise (N, noise_dim) from
        its prior (N(0, I), or what ``.generator.prior`` says) to get images (N, C, H, W), nominally in [0, 1]. Move it
        with ``.to("cuda")``; what is done with it is done there. ``.generator`` is the torch module.

    Raises
    ------
    bench.errors.CheckpointError
        If the file is missing, damaged or not written by this project.
    """
    if not isinstance(path, (str, Path)) or not str(path):
        raise UsageError(f"load(path): a file or a name of the zoo is expected, not {path!r}")
    opened = workspace_for(torch.device("cpu") if workspace is None else None, workspace, plugins)
    return _load(opened, path).to(opened.device)


def _load(workspace: Workspace, path: str | Path) -> LoadedGenerator:
    stored, loaded = loading.load_either(workspace.registry, path)
    if isinstance(loaded, loading.Original):
        return LoadedGenerator(loaded.generator, stored.name, None, loaded)
    original, unfit, made_of = None, None, frozenset({str(stored.description.get("original_sha256"))})
    try:
        original = loading.as_original(workspace.registry, stored, loaded, Path(path))
    except CheckpointError as error:
        unfit = str(error)
    return LoadedGenerator(loaded.generator, stored.name, loaded.identifier, original, unfit, made_of)


@ordinary()
@torch.no_grad()
def sample(generator: KnownGenerator | Generator, count: int = 64, *, stream: str = "sample") -> NDArray[np.float32]:
    """Draw images, as ``bench sample`` does: sample i of a stream has the same noise whichever generator draws it.

    Parameters
    ----------
    generator : what ``bench.load`` or ``bench.unlearn`` returned, or any bench.api.Generator
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
    given, count = known(generator, "sample(generator)"), whole(count, 1, "sample(count)", limits.SAMPLES)
    require_shown(given, "sample(generator)")
    if not isinstance(stream, str) or not stream:
        raise UsageError(f"sample(stream): a name is expected, such as 'evaluation', not {stream!r}")
    drawn = noise_chunks(given.generator, stream, count)
    pictures = torch.cat([to_uint8(given(noise))[:kept] for noise, kept in drawn])
    images: NDArray[np.float32] = to_float(pictures).numpy()
    return images


def save(unlearned: KnownGenerator | Generator, path: str | Path) -> Path:
    """Write an unlearned generator, as ``bench run`` does; ``bench.load`` and ``bench sample`` read it.

    Parameters
    ----------
    unlearned : UnlearnedGenerator
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
        If the path has another suffix, the generator another origin, or its method was given as a class: the file could
        not say how to build it.
    """
    if Path(path).suffix != SUFFIX:
        raise UsageError(f"save(path={str(path)!r}): a weights file is named FILE{SUFFIX}")
    made = known(unlearned, "save(unlearned)")
    if not isinstance(made, UnlearnedGenerator) or made.teacher is None:
        raise UsageError(
            "save: keeps what bench.unlearn made of a generator from bench.load; this one has another "
            "origin. torch.save(unlearned.generator.state_dict(), FILE) keeps its weights; for a second feature, save "
            "the first unlearned generator and bench.load it."
        )
    if not made.registered:
        raise UsageError(
            f"save: the method {made.method} was given as a class, which bench.load could not find again. Move it to a "
            "file of the folder plugins/ (bench new method NAME shows the form), and give its name: method='NAME'"
        )
    parts = Unlearned(made.generator, made.identifier)
    saving.save_unlearned(Path(path), made.teacher, parts, made.method, made.params, made.oracle)
    return Path(path)
