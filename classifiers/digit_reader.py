"""A network that reads digits: the oracle of features such as ``digit=1``.

It is the network of the extractor ``digits``, trained as that is, on blurred, noisy and shifted digits, so it reads the
soft digits of a VAE. Two copies from different seeds are shipped: one clicks, the other judges, and neither is the
network that FID looks with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Batch, Classifier, Dataset, Networks, Stateful, Trainable, chunks, hookimpl, to_float
from bench.toolkit.intervals import agreement
from bench.toolkit.training import class_log_odds

from .digits import Digits, DigitsConfig

EVEN = 0.0  # log odds
READ = 1024  # test images read at once


NAMES = tuple(f"digit={name}" for name in Digits.classes)


class Columns(Digits):
    """``digits``, which here learns from a column for each digit."""

    targets = NAMES  # type: ignore[assignment]  # mypy takes Digits' for tuples of one name

    def classes_of(self, targets: Tensor) -> Tensor:
        """Map the ten columns, (N, 10) of 0 or 1, to digits (N,) int64."""
        return targets.argmax(1)


class DigitReader(Classifier, Trainable[DigitsConfig]):
    """The score of ``digit=1`` is the log odds that the digit is a 1; the threshold is even odds."""

    Config = DigitsConfig
    attributes = NAMES
    cuts = MappingProxyType(dict.fromkeys(attributes, EVEN))

    def __init__(self, networks: Networks[DigitsConfig] | None = None) -> None:
        super().__init__(networks)
        self._digits = Columns(networks)

    @torch.no_grad()
    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        parts = [self._digits.outputs(to_float(images[start:stop]))[1].cpu() for start, stop in chunks(len(images))]
        logits = torch.cat(parts).double()  # (N, 10)
        columns = [self.attributes.index(name) for name in attributes]
        odds: NDArray[np.float64] = class_log_odds(logits, columns).numpy()
        return odds

    # --- training, that of the extractor ------------------------------------------------------------

    def build(self, config: DigitsConfig) -> Networks[DigitsConfig]:
        return self._digits.build(config)  # type: ignore[return-value]

    def optimisers(self, networks: Networks[DigitsConfig]) -> Mapping[str, Stateful]:
        return self._digits.optimisers(networks)  # type: ignore[arg-type]

    def training_step(
        self,
        networks: Networks[DigitsConfig],
        optimisers: Mapping[str, Any],
        batch: Batch,
        rng: torch.Generator,
        progress: float,
    ) -> dict[str, Tensor]:
        return self._digits.training_step(networks, optimisers, batch, rng, progress)  # type: ignore[arg-type]

    def assess(self, networks: Networks[DigitsConfig], dataset: Dataset) -> dict[str, Any]:
        """Return the accuracy of each digit on the test split; nothing if the split is empty."""
        judge, split = type(self)(networks), dataset.split("test")
        if len(split) == 0:
            return {}
        truth = split.attributes[list(NAMES)].to_numpy(dtype=bool)  # (N, 10)
        parts = [
            judge.scores(split.read(np.arange(start, stop)), judge.attributes) >= EVEN
            for start, stop in chunks(len(split), READ)
        ]
        labels = np.concatenate(parts)  # (N, 10)
        found = {name: agreement(labels[:, k], truth[:, k]) for k, name in enumerate(judge.attributes)}
        return {"accuracy": found}


@hookimpl
def register_classifiers(register):  # type: ignore[no-untyped-def]
    register(DigitReader)
