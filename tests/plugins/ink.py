"""Measures thickness by how much ink there is: another judge than the data set's, on another scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Classifier, hookimpl


class Ink(Classifier):
    attributes = ("thickness",)
    cuts = {"thickness": 0.11}
    top_fraction = 0.1

    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        ink: NDArray[np.float64] = images.double().mean(dim=(1, 2, 3)).cpu().numpy()[:, None] / 255
        return ink.repeat(len(attributes), axis=1)


@hookimpl
def register_classifiers(register: Any) -> None:
    register(Ink)
