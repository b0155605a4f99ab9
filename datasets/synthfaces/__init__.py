"""Stylised 64x64 faces drawn from a causal model of 35 attributes with CelebA's names; knows the true counterfactual.

Procedural: no files, no download; ``data_dir`` is ignored. Face i of split s is a function of ("synthfaces/s", i)
alone, bit for bit, whichever images are read with it.

``draws`` (random numbers by name) -> ``causes`` (who is it) -> ``appearance`` (numbers and colours) ->
``layers_*`` (shapes, coverage, colour) -> ``renderer`` (8-bit pictures).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import DataError, Dataset, Split, code_of, hookimpl, unknown

from .causes import FEATURES, attributes, can_show, intervene, sample
from .draws import Draws
from .renderer import region, render

SPLITS = {"train": 50_000, "test": 10_000}
Indices = NDArray[np.int64]


class SynthFaces(Dataset):
    """Faces with attributes under CelebA's names; the feature "bang" is Bangs, "beard" is not No_Beard."""

    image_shape = (3, 64, 64)
    classifier = "mobilenet"
    features = ("bang", "beard")
    label = "synthfaces (synthetic)"
    extractors = ("faces",)
    feature_attributes = FEATURES

    def split(self, name: str) -> Split:
        """Describe the "train" (50,000) or "test" (10,000) split; images are drawn when they are read."""
        stream = _stream(name)
        frame = attributes(sample(Draws(stream, range(SPLITS[name]))))
        drawn = drawn_once(lambda indices: render(stream, indices), SPLITS[name], self.image_shape)
        return Split(frame, lambda indices: drawn(_checked(name, indices)), self.identity(name))

    def identity(self, split: str) -> str:
        """Hash the code that draws the faces."""
        return sha256(f"{code_of(type(self).split)} {_stream(split)}".encode()).hexdigest()

    def counterfactual(self, split: str, indices: Indices, feature: str, value: bool) -> Tensor:
        """Redraw the same faces with one feature set and everything else held.

        All other causes keep their value, descendants of the feature too (a moustache stays when the beard goes), and
        so does every other latent. A face that cannot show the value (``can_show``) comes
        back without the feature.

        Parameters
        ----------
        split : str
        indices : (N,) int64
        feature : {"bang", "beard"}
        value : bool

        Returns
        -------
        (N, 3, 64, 64) uint8
            Equal to the split's own images outside ``feature_region``, and everywhere where nothing changes.
        """
        _known(feature)
        return render(_stream(split), _checked(split, indices), lambda people: intervene(people, feature, value))

    def feature_region(self, split: str, indices: Indices, feature: str) -> NDArray[np.bool_]:
        """Return where the feature is, or would be, drawn: a mask for evaluations of your own.

        The benchmark itself does not use it. ``counterfactual`` changes nothing outside it.

        Returns
        -------
        (N, 64, 64) bool
            The support of the feature's layer, shadow included; all False for a face that cannot show it.
        """
        _known(feature)
        return region(_stream(split), _checked(split, indices), feature)

    def can_show(self, split: str, indices: Indices, feature: str) -> NDArray[np.bool_]:
        """Return (N,) bool: False where the feature is impossible.

        A fringe is impossible under a hat, on a bald head and above a receding hairline; a beard, on a woman.
        """
        _known(feature)
        return can_show(sample(Draws(_stream(split), _checked(split, indices).tolist())), feature)


def drawn_once(
    draw: Callable[[Indices], Tensor], count: int, image_shape: tuple[int, int, int]
) -> Callable[[Indices], Tensor]:
    """Return a ``draw`` that keeps what it has drawn: training reads every image many times (600 MB at most)."""
    kept = torch.empty(count, *image_shape, dtype=torch.uint8)  # takes memory as it is filled
    known = np.zeros(count, dtype=bool)

    def read(indices: Indices) -> Tensor:
        missing = np.unique(indices[~known[indices]])
        if len(missing):
            kept[torch.from_numpy(missing)] = draw(missing)
            known[missing] = True
        return kept[torch.from_numpy(indices)]

    return read


def _stream(split: str) -> str:
    if split not in SPLITS:
        raise unknown("split", split, SPLITS, "split")
    return f"synthfaces/{split}"


def _known(feature: str) -> None:
    if feature not in FEATURES:
        raise unknown("feature", feature, FEATURES, "--feature (data set 'synthfaces')")


def _checked(split: str, indices: Indices) -> Indices:
    count = SPLITS[split]
    if len(indices) and (indices.min() < 0 or indices.max() >= count):
        raise DataError(f"synthfaces {split} has images 0 to {count - 1}; asked for {indices.min()} to {indices.max()}")
    return indices


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(SynthFaces)
