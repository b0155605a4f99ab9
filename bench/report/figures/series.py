"""The inputs of a figure: stored cells, their generators and their judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.api import Generator, Oracle
from bench.api.noise import noise_chunks
from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.method_runner import LazyStudent, Student
from bench.workspace.store.record import Record
from bench.workspace.weights.oracles import without_folders


@dataclass(frozen=True)
class Series:
    """One stored cell: a method on a model and a feature; with a ``drawer``, what it unlearned can be seen."""

    label: str
    resolved: Resolved
    record: Record
    drawer: LazyStudent | None = None

    @property
    def student(self) -> Student:
        """The generator that was stored, and what the method knows of latents."""
        assert self.drawer is not None
        return self.drawer()

    @property
    def original(self) -> Generator:
        """The generator before unlearning."""
        return self.resolved.original.generator

    @property
    def oracle(self) -> Oracle:
        """The oracle that evaluated the cell, with its frozen threshold."""
        pair = self.record.provenance.oracle
        assert pair is not None
        return self.resolved.judgement.oracles.evaluation.oracle(self.resolved.cell.feature, pair.threshold)

    @property
    def count(self) -> int:
        """Samples of the evaluation stream that the cell was measured on."""
        return self.resolved.cell.settings.evaluation.count


@dataclass(frozen=True)
class Panel:
    """One feature of a model: its cells, and the reasons for missing ones, by method."""

    feature: str
    series: Sequence[Series]
    missing: Sequence[str] = ()


def evaluation_chunks(generator: Generator, count: int) -> Iterator[tuple[Tensor, int]]:
    """Yield the noise (64, D) of the evaluation samples in whole chunks, and how many of each are among ``count``.

    Pictures drawn from a whole chunk are those the cell was measured on, to the last grey level.
    """
    yield from noise_chunks(generator, randomness.EVALUATION, count)


@torch.no_grad()
def drawn(generator: nn.Module, noise: Tensor) -> Tensor:
    """Draw (B, C, H, W) uint8 pictures."""
    return to_uint8(generator(noise))


def heading(what: str, panels: Sequence[Panel]) -> str:
    """Say in a title what is shown, of which model and data."""
    resolved = panels[0].series[0].resolved
    return f"{what}: {resolved.cell.model}, {resolved.dataset.label}"


def about(panels: Sequence[Panel]) -> str:
    """Say in a caption which model, data, methods, seed and judge stand behind a figure, and what is missing."""
    resolved = panels[0].series[0].resolved
    methods = dict.fromkeys(series.label for panel in panels for series in panel.series)
    oracles = resolved.judgement.oracles
    judge = without_folders(oracles.evaluation.label, oracles)
    parts = [
        f"Model {resolved.cell.model} on {resolved.dataset.label}; {', '.join(methods)}; feedback and unlearning seed "
        f"{resolved.cell.seed}; suite {resolved.cell.suite}; oracle {judge}."
    ]
    parts += [f"Not shown for {panel.feature}: {'; '.join(panel.missing)}." for panel in panels if panel.missing]
    return " ".join(parts)
