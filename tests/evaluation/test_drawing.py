"""Samples of both generators, drawn at once where the unlearned one is in another process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.evaluation.drawing import Pair, RemoteDrawing, drawn


class Other(RemoteDrawing):
    """Stands for a process: what it is asked for is drawn when somebody waits for it."""

    def __init__(self, generator, at_once: bool, told: list[str]) -> None:
        super().__init__()
        self.generator, self.at_once, self.told = generator, at_once, told

    def begin(self, noise: Tensor) -> Callable[[], Tensor]:
        self.told.append("begin")
        return lambda: self(noise)

    def forward(self, noise: Tensor) -> Tensor:
        self.told.append("draw")
        images: Tensor = self.generator(noise)
        return images


@pytest.fixture
def generator(bars):
    return bars.original.generator


@pytest.mark.parametrize("at_once", [True, False])
def test_the_other_process_begins_first_and_the_samples_are_the_same(generator, at_once):
    told: list[str] = []
    sample = generator.sample
    generator.sample = lambda noise: told.append("sample") or sample(noise)
    try:
        with torch.no_grad():
            plain = drawn(Pair(generator, generator, 128), 0, 128)
            told.clear()
            found = drawn(Pair(generator, Other(generator, at_once, told), 128), 0, 128)
    finally:
        del generator.sample
    for a, b in zip(plain[1:], found[1:], strict=True):
        assert torch.equal(a, b) and a.dtype == torch.uint8 and len(a) == 128
    assert torch.equal(torch.cat(plain[0]), torch.cat(found[0]))
    assert told[0] == ("begin" if at_once else "sample") and told.count("draw") == 2
