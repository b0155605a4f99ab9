"""Clicks in Python: of a simulated oracle, or of a person; and the feedback they make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from bench.api import Dataset
from bench.errors import UsageError, unknown
from bench.feedback import Feedback, cut_of
from bench.library.arguments import oracle_of
from bench.library.places import PLUGINS, open_workshop
from bench.machine import choose_device
from bench.rendering import to_uint8


def ask_oracle(
    images: NDArray[Any] | Tensor,
    feature: str,
    dataset: str,
    *,
    oracle: str | Path | None = None,
    plugins: str | Path | None = PLUGINS,
) -> tuple[NDArray[np.bool_], float]:
    """Let the simulated user of a data set click on the images that show a feature, as ``bench run`` does.

    Parameters
    ----------
    images : (N, C, H, W) uint8 in 0..255, or float in [0, 1]
        What ``bench.sample`` returns, or a generator itself: what overshoots is clamped. An oracle that clicks the top
        tenth clicks the top tenth of these.
    feature : str
        An attribute that the oracle knows: of ``mnist`` "thickness" or "slant", of ``synthfaces`` "beard" or "bang".
    dataset : str
        Registered name of the data set whose oracle is asked (``bench list datasets``).
    oracle : str or path-like, optional
        Zoo name or file of the trained classifier that clicks, as ``--set oracle.feedback=FILE``; by default the data
        set's own, ``<classifier>-<dataset>-a``.
    plugins : path-like, optional

    Returns
    -------
    labels : (N,) bool
    threshold : float
        The score from which it clicked. Given to ``bench.evaluate``, the feature is there what it was here.

    Raises
    ------
    bench.errors.UsageError
        Unknown names, with the nearest match; images of another shape than the data set's, or in another range.
    bench.errors.CheckpointError
        If the oracle's weights are missing, with the command that makes them, or are another classifier's.
    """
    shop = open_workshop(choose_device("auto"), plugins)
    classifier = oracle_of(shop, dataset, "feedback", oracle, "ask_oracle").classifier
    if feature not in classifier.attributes:
        raise unknown("attribute", feature, classifier.attributes, f"ask_oracle(dataset='{dataset}', feature=...)")
    scores = classifier.scores(_shown(images, dataset, shop.dataset(dataset)), [feature])[:, 0]
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
    noise : (N, noise_dim) float32, optional
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
    others = {name: _clicks(found, f"also['{name}']", len(clicked)) for name, found in (also or {}).items()}
    return Feedback(clicked, stream, None if noise is None else _noise(noise, len(clicked)), others)


def _shown(images: NDArray[Any] | Tensor, name: str, dataset: Dataset) -> Tensor:
    """Return images (N, C, H, W) as uint8 on the CPU."""
    shown = images if isinstance(images, Tensor) else torch.from_numpy(np.array(images))
    if shown.ndim != 4 or tuple(shown.shape[1:]) != dataset.image_shape or len(shown) == 0:
        raise UsageError(
            f"ask_oracle(images): has the shape {tuple(shown.shape)}; the data set '{name}' has images "
            f"(N, {', '.join(map(str, dataset.image_shape))})"
        )
    return shown.cpu() if shown.dtype == torch.uint8 else to_uint8(shown)


def _array(values: ArrayLike | Tensor, what: str) -> NDArray[Any]:
    try:
        return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    except ValueError as error:
        raise UsageError(f"make_feedback({what}): is no array ({error})") from error


def _clicks(values: ArrayLike | Tensor, what: str, count: int | None = None) -> NDArray[np.bool_]:
    array = _array(values, what)
    if array.ndim != 1 or len(array) < 2 or len(array) != (count or len(array)):
        expected = "(N,) with N of at least 2" if count is None else f"({count},), one for each label"
        raise UsageError(f"make_feedback({what}): has the shape {array.shape}; expected {expected}")
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
