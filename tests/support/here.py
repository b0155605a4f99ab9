"""A method in the process of the tests: quick, but what it leaves behind stays."""

from __future__ import annotations

from contextlib import nullcontext

from bench.experiments.stages.method_runner import load_student, stage_of
from bench.experiments.stages.training import train


class Here:
    """Runs a method in this process."""

    def unlearn(self, resolved, clicks):
        train(resolved.cell, resolved.workspace, stage_of(resolved), clicks)

    def student(self, resolved, weights):
        return nullcontext(load_student(resolved.workspace, resolved.cell, weights))
