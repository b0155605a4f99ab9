"""A process that waits for a cell helps the process that runs it, by describing blocks of the evaluation samples.

Every process makes the same block, so neither their order nor their division matters. The process that runs the cell
begins with the first block, its helpers begin with the last one.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bench.core.blocks import Blocks
from bench.core.progress import silent
from bench.core.rendering import chunks, whole
from bench.evaluation import passes
from bench.evaluation.described import Described
from bench.experiments.cells.resolve import Resolved
from bench.experiments.stages.evaluating import FILE, _drawn
from bench.experiments.stages.first_stages import feedback_stage
from bench.experiments.stages.method_runner import LazyStudent, MethodRunner
from bench.workspace.store import seals
from bench.workspace.store.locks import LOOK
from bench.workspace.weights import checkpoint


class Helper:
    """Helps with one cell; called again and again while this process waits for it.

    Parameters
    ----------
    resolved : Resolved
    runner : MethodRunner
        Who draws with the unlearned generator.
    """

    def __init__(self, resolved: Resolved, runner: MethodRunner) -> None:
        self._tell, self._runner, self._failed = resolved.workspace.progress.note, runner, False
        self._resolved = replace(resolved, workspace=replace(resolved.workspace, progress=silent()))

    def __call__(self) -> None:
        """Make blocks until none is left; do nothing while the cell is not evaluated."""
        resolved, weights = self._resolved, self._resolved.folder / "unlearned.safetensors"
        if self._failed or not weights.exists():
            return
        try:
            key = resolved.keys.stages(checkpoint.read(weights).sha256)["columns"]
            folder = resolved.workspace.store.stage("columns", key)
            if (folder / "blocks").is_dir():
                self._make(weights, folder)
        except Exception as error:  # the process that runs the cell meets it too, and stores it
            self._failed = True
            self._tell(f"{resolved.folder.name}: cannot help to evaluate it ({type(error).__name__}: {error})")

    def _make(self, weights: Path, folder: Path) -> None:
        resolved, blocks = self._resolved, Blocks(folder / "blocks")
        _, clicks = feedback_stage(resolved)
        _, judge = resolved.judgement.oracles.of(resolved.cell.feature, clicks.threshold)
        spans = [*chunks(whole(resolved.cell.settings.evaluation.count), passes.BLOCK)]
        with LazyStudent(resolved, self._runner, lambda: weights) as student:
            for start, _ in reversed(spans):
                if (folder / seals.SEAL).exists():
                    break
                with blocks.claimed(start) as mine, suppress(_Made):
                    if mine:
                        _drawn(resolved, student(), judge, _before(resolved), {}, _One(folder / "blocks", start))
        if (folder / seals.SEAL).exists():  # the last block may have come too late
            blocks.forget()


def help_until_it_ends(resolved: Resolved, runner: MethodRunner) -> None:
    """Help with a cell as long as another process runs it."""
    store, helper = resolved.workspace.store, Helper(resolved, runner)
    resolved.workspace.progress.waits(resolved.folder.name)  # the cell's time limit is not for its helpers
    while store.is_locked(resolved.folder):
        helper()
        time.sleep(LOOK)


class _Made(Exception):
    """The block is stored: the pass can stop."""


class _One(Blocks):
    """Lets a pass make one block alone, as if it had all others."""

    def __init__(self, folder: Path, start: int) -> None:
        super().__init__(folder)
        self._start = start

    def load(self, start: int) -> dict[str, NDArray[Any]] | None:
        return None if start == self._start else {}

    def save(self, start: int, block: dict[str, NDArray[Any]]) -> None:
        super().save(start, block)
        raise _Made


def _before(resolved: Resolved) -> Described | None:
    """Return what is stored of the original's samples."""
    shared = resolved.workspace.store.stage("original", resolved.keys.original)
    sealed = seals.is_sealed(shared, resolved.keys.original, resolved.workspace.progress)
    return Described.load(shared / FILE) if sealed else None
