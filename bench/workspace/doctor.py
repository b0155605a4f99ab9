"""``bench doctor``: what is available, and whether it is intact."""

from __future__ import annotations

import json
from collections.abc import Callable

from bench.core import machine
from bench.core.files import file_sha256
from bench.errors import BenchError, first_sentence
from bench.workspace import checkpoint, manifest
from bench.workspace.workspace import Workspace


def examine(workspace: Workspace, verify: bool) -> tuple[list[str], bool]:
    """Return a report, and whether all is well; a missing data set is no problem.

    Parameters
    ----------
    workspace : Workspace
    verify : bool
        Also read every shipped file and every artefact of a stored result.
    """
    lines = [json.dumps(machine.provenance(workspace.device), indent=2)]
    problems: list[str] = []
    for name in workspace.registry.names("datasets"):
        try:
            dataset = workspace.dataset(name)
            if dataset.classifier is None:
                continue  # it has no images
            count = len(dataset.split(dataset.training_split))
            lines.append(f"data set {name}: {count} training images")
        except BenchError as error:
            lines.append(f"data set {name}: not available. {first_sentence(error)}")
    problems += [f"plug-in {kind}/{name}: {reason}" for (kind, name), reason in workspace.registry.problems().items()]
    lines.append(f"weights: {len(manifest.entries())} shipped files in {manifest.WEIGHTS}")
    records = workspace.store.records()
    lines.append(f"results: {len(records)} stored cells in {workspace.store.root}")
    problems += [f"{path}: {reason}" for path, reason in workspace.store.unreadable()]
    if verify:
        for name in manifest.entries():
            _try(problems, lambda name=name: checkpoint.read(manifest.path_of(name)))  # type: ignore[misc]
        for folder, record in records:
            for kind, artefact in record.artefacts.items():
                path = folder / artefact.file
                if kind == "weights":
                    _try(problems, lambda path=path: checkpoint.read(path))  # type: ignore[misc]
                elif not path.is_file() or file_sha256(path) != artefact.sha256:
                    problems.append(f"{path}: missing, or changed since it was stored")
        lines.append("verified the shipped files and the artefacts of stored results")
    return [*lines, *(f"PROBLEM: {problem}" for problem in problems)], not problems


def _try(problems: list[str], action: Callable[[], object]) -> None:
    try:
        action()
    except BenchError as error:
        problems.append(str(error))
