"""What a training step needs, prepared in a second thread while the step before is still running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

from bench.core import modes

T = TypeVar("T")


def prepared(
    steps: Iterable[int], total: int, prepare: Callable[[int], T], device: torch.device
) -> Iterator[tuple[int, T]]:
    """Yield each step with what is prepared for it, one step ahead if the CPU computes with two threads or more.

    Small tensors gain nothing from a second thread within an operation; two steps side by side do. The threads that
    torch may use are shared: half for the step, half for the preparation.

    Parameters
    ----------
    steps : iterable of int
        Consecutive, up to ``total - 1``.
    total : int
    prepare : callable
        Takes a step. It must not depend on what the steps before it changed.
    device : torch.device
        On any other than the CPU nothing is prepared ahead: there the operations queue up by themselves.

    Yields
    ------
    step : int
    preparation : T
    """
    if device.type != "cpu" or torch.get_num_threads() < 2:
        yield from ((step, prepare(step)) for step in steps)
        return
    with modes.half_the_threads(), ThreadPoolExecutor(1) as pool:
        coming: Future[T] | None = None
        for step in steps:
            ready = (coming or pool.submit(prepare, step)).result()
            coming = pool.submit(prepare, step + 1) if step + 1 < total else None
            yield step, ready
