"""Check that an interrupted run resumes: in every phase, with a checkpoint after every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from bench.authoring.conformance.recording import RecordingContext, stops_of
from bench.errors import Interrupted

Run = Callable[[RecordingContext], Mapping[str, Tensor]]
REMEDY = "give context.steps, as its second argument, everything that changes from step to step"


def require_resumable(run: Run) -> None:
    """Raise AssertionError unless an interrupted run ends like an uninterrupted one.

    Parameters
    ----------
    run : callable
        Makes everything anew, as a new process does, works with the context it is handed, and returns the tensors that
        it ends with, by name.
    """
    with TemporaryDirectory() as folder:
        whole = RecordingContext("check", torch.device("cpu"), checkpoint=Path(folder) / "whole")
        expected = copied(run(whole))
        problems = list(_problems(run, whole, expected, Path(folder)))
    assert not problems, f"{problems[0]}: {REMEDY}"


def _problems(run: Run, whole: RecordingContext, expected: Mapping[str, Tensor], folder: Path) -> Iterator[str]:
    for number, stop in enumerate(stops_of(whole.taken)):
        path = folder / f"stopped-{number}"
        when = f"interrupted after {stop} and started again, it"
        try:
            run(RecordingContext("check", torch.device("cpu"), checkpoint=path, stop=stop))
        except Interrupted:
            pass
        else:
            yield f"interrupted after {stop}, it does not stop. Let Interrupted and KeyboardInterrupt through"
            continue
        again = RecordingContext("check", torch.device("cpu"), checkpoint=path)
        try:
            found = run(again)
        except Exception as error:
            yield f"{when} raises {type(error).__name__}: {error}"
            continue
        rest = len(whole.taken) - whole.taken.index(stop) - 1
        if len(again.taken) != rest:
            yield f"{when} takes {len(again.taken)} steps, not the {rest} that are left"
        elif other := [name for name, tensor in expected.items() if not _equal(found.get(name), tensor)]:
            yield f"{when} ends with another {other[0]}"


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies, which later changes do not reach."""
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _equal(found: Tensor | None, expected: Tensor) -> bool:
    return found is not None and found.shape == expected.shape and torch.equal(found, expected)


def tensors_of(modules: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors of modules, by module and name; those that are None are left out."""
    return {
        f"{part} ({name})": tensor
        for part, module in modules.items()
        if module is not None
        for name, tensor in module.state_dict().items()
        if isinstance(tensor, Tensor)
    }
