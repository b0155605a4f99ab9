"""What cells began with, by name: the original's weights and the file of clicks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.workspace.store.record import Record, Weights
from bench.workspace.store.store import CELL


def of_records(records: Sequence[Record]) -> list[dict[str, str]]:
    """Return for each record its weights and its clicks, where they are not those of all cells of its place.

    A place is a model, a data set and a feature, whatever the method: numbers before and after unlearning are compared
    there. What an oracle clicked has no file, and is not named.
    """
    places: dict[tuple[str, str, str], list[int]] = {}
    for number, record in enumerate(records):
        places.setdefault((record.model, record.dataset, record.feature), []).append(number)
    found: list[dict[str, str]] = [{} for _ in records]
    for numbers in places.values():
        alike = [records[number] for number in numbers]
        for what, names in (("weights", _weights(alike)), ("feedback", _clicks(alike))):
            if len(set(names)) > 1:
                for number, name in zip(numbers, names, strict=True):
                    found[number] |= {} if name is None else {what: name}
    return found


def _weights(records: Sequence[Record]) -> list[str]:
    """Name the originals; the same content under two names is one."""
    weights = [_lineage(record.provenance.weights) for record in records]
    names = _names(dict(reversed(weights)))
    return [names[content] for content, _ in weights]


def _lineage(weights: Weights) -> tuple[str, str]:
    """Return what tells an original from others, and its path; unlearned ones that differ in the seed are one."""
    folder = Path(weights.path).parent
    if (cell := CELL.fullmatch(folder.name)) is None or cell["seed"] is None:
        return weights.sha256, weights.path
    path = str(folder.with_name(cell["readable"] + (cell["step"] or "")) / Path(weights.path).name)
    return path, path


def _clicks(records: Sequence[Record]) -> list[str | None]:
    """Name the files of clicks, None for an oracle; two paths from which the same was read are one."""
    named = [(record.provenance.stages.feedback, record.provenance.feedback_file) for record in records]
    first = {key: path for key, path in reversed(named) if path is not None}
    names = _names({path: path for path in first.values()})
    return [None if path is None else names[first[key]] for key, path in named]


def _names(paths: dict[str, str]) -> dict[str, str]:
    """Name each content as shortly as tells it from the others: file, folder and file, whole path, file and hash."""
    names = {content: _end(path, 1) for content, path in paths.items()}
    longer = (
        {content: _end(path, 2) for content, path in paths.items()},
        paths,
        {content: f"{_end(path, 1)}@{content[:8]}" for content, path in paths.items()},
    )
    for more in longer:
        times = Counter(names.values())
        names = {content: more[content] if times[name] > 1 else name for content, name in names.items()}
    return names


def _end(path: str, parts: int) -> str:
    return str(Path(*Path(path).parts[-parts:])) if Path(path).name else path
