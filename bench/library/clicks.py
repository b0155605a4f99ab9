"""Clicks in Python: of a simulated oracle, or of a person; and the feedback they make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from bench.api import Dataset, Generator
from bench.api.feedback import Feedback
from bench.core.modes import ordinary
from bench.core.rendering import by_chunk, to_uint8
from bench.errors import UsageError
from bench.evaluation.sight import require_sight
from bench.feedback.oracle import cut_of, generator_cut
from bench.library.known import KnownGenerator, known
from bench.library.places import PLUGINS, workspace_for
from bench.library.task import Task, oracle_of
from bench.library.wording import arguments_of
from bench.workspace.workspace import Workspace

MARGIN, STRAY = 0.05, 0.02  # generators overshoot [0, 1]: so few of their values lie farther out


@ordinary()
@arguments_of("ask_oracle")
def ask_oracle(
    images: NDArray[Any] | Tensor,
    feature: str,
    dataset: str,
    *,
    oracle: str | Path | None = None,
    generator: KnownGenerator | Generator | None = None,
    plugins: str | Path | None = PLUGINS,
    workspace: Workspace | None = None,
) -> tuple[NDArray[np.bool_], float]:
    """Let the simulated user of a data set click on the images that show a feature, as ``bench run`` does.

    Parameters
    ----------
    images : (N, C, H, W) uint8 in 0..255, or float in [0, 1]
        What ``bench.sample`` returns, or what a generator draws: what overshoots is clamped.
    feature : str
        An attribute that the oracle knows: of ``mnist`` "thickness" or "slant", of ``synthfaces`` "beard" or "bang".
    dataset : str
        Registered name of the data set whose oracle is asked (``bench list datasets``).
    oracle : str or path-like, optional
        What clicks, as ``--set oracle.feedback=NAME``: a classifier, an extractor, or the weights of either (zoo name
        or file); by default the data set's own, if it is trained the copy ``<classifier>-<dataset>-a``.
    generator : what ``bench.load`` returned, or any bench.api.Generator, optional
        For an oracle that clicks a top share (the top tenth, of ``mnist``): its cut is that of 10,000 other samples of
        this generator, as in ``bench run``. Without it, the top share of these images is clicked. Other oracles have
        their own cut.
    plugins : path-like, optional
        Folder of loose plug-ins.
    workspace : Workspace, optional
        From ``bench.open_workspace``, instead of ``plugins``.

    Returns
    -------
    labels : (N,) bool
    threshold : float
        The score from which it clicked. Pass it to ``bench.evaluate`` to use the same threshold.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, with the nearest match; images of another shape than the data set's, or in another range.
    bench.errors.CheckpointError
        If the oracle's weights are missing, with the command that makes them, or are another classifier's.
    """
    task = Task(feature, dataset, oracle=oracle)
    drawer = None if generator is None else known(generator, "ask_oracle(generator)").generator
    opened = workspace_for(None, workspace, plugins)
    loaded = oracle_of(opened, task, "feedback")
    shown, classifier = _shown(images, dataset, opened.dataset(dataset)), loaded.classifier
    require_sight(tuple(shown.shape[1:]), dataset, opened.dataset(dataset), {"feedback": loaded}, {})
    scores = np.concatenate(list(by_chunk(lambda chunk: classifier.scores(chunk, [feature])[:, 0], shown)))
    if drawer is not None and classifier.top_fraction is not None:
        require_sight(tuple(drawer.image_shape), dataset, opened.dataset(dataset), {"feedback": loaded}, {})
        threshold = generator_cut(drawer, classifier, feature)
    else:
        threshold = cut_of(classifier, feature, scores)
    return scores >= threshold, threshold


def make_feedback(
    labels: ArrayLike | Tensor,
    *,
    stream: str | None = None,
    noise: ArrayLike | Tensor | None = None,
    also: Mapping[str, ArrayLike | Tensor] | None = None,
) -> Feedback:
    """Make feedback of clicks: which samples were shown, and which of them have the feature.

    Parameters
    ----------
    labels : (N,) bool, or 0 and 1
        True where the sample has the feature. Both kinds must be there.
    stream : str, optional
        The stream that was given to ``bench.sample``, if the samples came from there.
    noise : (N, noise_dim) float, optional
        Else the noise they were drawn from. Exactly one of the two.
    also : mapping of str to (N,) bool, optional
        Clicks on the same samples for further attributes, for a method that asks for them (``keep=["Male"]``).

    Returns
    -------
    Feedback

    Raises
    ------
    bench.errors.UsageError
        Naming the argument that is wrong.
    """
    clicked = _clicks(labels, "labels")
    if clicked.all() or not clicked.any():
        raise UsageError(
            f"make_feedback(labels): all {len(clicked)} are {bool(clicked[0])}; both kinds are needed. Show more."
        )
    if (stream is None) == (noise is None):
        raise UsageError(
            "make_feedback: needs exactly one of stream= (as given to bench.sample) and noise= (what the samples were "
            "drawn from)"
        )
    if not isinstance(also, Mapping | None):
        raise UsageError(f"make_feedback(also): is a {type(also).__name__}; expected a dict, also={{NAME: labels}}")
    others = {name: _clicks(found, f"also['{name}']", len(clicked)) for name, found in (also or {}).items()}
    return Feedback(clicked, stream, None if noise is None else _noise(noise, len(clicked)), others)


def _shown(images: NDArray[Any] | Tensor, name: str, dataset: Dataset) -> Tensor:
    """Return images (N, C, H, W) as uint8 on the CPU; raises UsageError for another shape, type or range."""
    if isinstance(images, Generator | KnownGenerator):
        raise UsageError("ask_oracle(images): is a generator; draw images with it: bench.sample(generator, 500)")
    try:
        shown = images if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
    except (TypeError, ValueError) as error:
        raise UsageError(f"ask_oracle(images): is not an array of numbers ({error})") from error
    shape = getattr(dataset, "image_shape", tuple(shown.shape[1:]))  # a data set without images fits any shape
    if shown.ndim != 4 or tuple(shown.shape[1:]) != shape or len(shown) == 0:
        raise UsageError(
            f"ask_oracle(images): has the shape {tuple(shown.shape)}; the data set '{name}' has images "
            f"(N, {', '.join(map(str, shape))})"
        )
    if shown.dtype == torch.uint8:
        return shown.cpu()
    _require_unit_range(shown.detach())
    return to_uint8(shown)


def _require_unit_range(images: Tensor) -> None:
    """Raise UsageError unless images are float, finite, and in [0, 1], except where a generator overshoots."""
    if not images.is_floating_point():
        raise UsageError(f"ask_oracle(images): are {images.dtype}; expected float in [0, 1], or uint8 in 0..255")
    if not torch.isfinite(images).all():
        raise UsageError("ask_oracle(images): hold NaN or infinite values")
    outside = ((images - 0.5).abs() > 0.5 + MARGIN).float().mean().item()
    if outside > STRAY:
        low, high = images.min().item(), images.max().item()
        raise UsageError(
            f"ask_oracle(images): hold values from {low:.4g} to {high:.4g}, {outside:.0%} of them outside [0, 1]. Of "
            "[-1, 1], pass (images + 1) / 2; of 0..255, images / 255; of a generator that overshoots, "
            "images.clip(0, 1)"
        )


def _array(values: ArrayLike | Tensor, what: str) -> NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        values = values.float() if values.dtype == torch.bfloat16 else values  # numpy has no bfloat16
    try:
        return values.numpy() if isinstance(values, Tensor) else np.asarray(values)
    except (TypeError, ValueError) as error:
        raise UsageError(f"make_feedback({what}): is not an array of numbers ({error})") from error


def _clicks(values: ArrayLike | Tensor, what: str, count: int | None = None) -> NDArray[np.bool_]:
    array = _array(values, what)
    if array.ndim != 1 or len(array) < 2 or len(array) != (count or len(array)):
        expected = "(N,) with N of at least 2" if count is None else f"({count},), one for each label"
        raise UsageError(f"make_feedback({what}): has the shape {array.shape}; expected {expected}")
    if (missing := np.flatnonzero(pd.isna(array))).size:
        raise UsageError(
            f"make_feedback({what}): {len(missing)} are missing (NA, NaN or None), the first is that of sample "
            f"{missing[0]}. Click each sample, or give the labels and the noise= of the clicked ones alone"
        )
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise UsageError(f"make_feedback({what}): holds other values than True and False, or 1 and 0")
    return array.astype(np.bool_)


def _noise(values: ArrayLike | Tensor, count: int) -> NDArray[np.float32]:
    array = _array(values, "noise")
    if array.ndim != 2 or len(array) != count or not np.issubdtype(array.dtype, np.floating):
        raise UsageError(
            f"make_feedback(noise): is {array.dtype} {array.shape}; expected float32 ({count}, noise_dim), one row for "
            "each label"
        )
    if not np.isfinite(array).all():
        raise UsageError("make_feedback(noise): holds NaN or infinite values")
    return array.astype(np.float32)
