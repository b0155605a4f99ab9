"""Small convolutional network for MNIST digits, for FID and IS.

Its embedding learns the digit, and to tell images apart (``_small.py``). It is not an oracle: its ten classes say
nothing about stroke thickness or slant. It reads blurred, noisy and shifted digits too, because generators draw such.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from bench.api import hookimpl

from ._small import SmallConfig, SmallExtractor


class DigitsConfig(SmallConfig):
    """Architecture and training recipe."""

    epochs: float = Field(3, gt=0, description="passes over the training images")


class Digits(SmallExtractor):
    """The extractor for MNIST; its embedding has 64 numbers."""

    Config = DigitsConfig
    classes = tuple("0123456789")
    targets = ("digit",)

    def classes_of(self, targets: Tensor) -> Tensor:
        """Map digits (N, 1) to (N,) int64."""
        return targets[:, 0].long()


@hookimpl
def register_extractors(register):  # type: ignore[no-untyped-def]
    register(Digits)
