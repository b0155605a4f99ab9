"""Set up a session of clicks: the generator, its samples, and the folder of the clicks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.api import Unlearned
from bench.errors import UsageError
from bench.feedback.after import store_left
from bench.feedback.file import noise_hash
from bench.feedback.folder import SamplesFile
from bench.feedback.page.book import Book
from bench.feedback.page.desk import AFTER, AFTER_STREAM, ORIGINAL, Desk, Running
from bench.feedback.page.layout import Round
from bench.feedback.page.runs import Runs
from bench.feedback.page.samples import Samples
from bench.registry import Registry
from bench.workspace.settings.names import require_feature_name, require_name
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store
from bench.workspace.weights import loading

FILE = "clicks.sqlite3"


@dataclass(frozen=True)
class ClickRequest:
    """The samples and attributes to click, and the folder of the clicks."""

    weights: str
    model: str | None
    feature: str
    also: Sequence[str]
    count: int
    stream: str
    folder: Path


def opened(asked: ClickRequest, registry: Registry, device: torch.device) -> Desk:
    """Load the generator and open the folder of clicks, which must be held by this process.

    Raises
    ------
    BenchError
        Wrong names, weights that cannot be loaded, a folder that holds clicks on something else.
    """
    require_names(asked.feature, asked.also)
    loaded = loading.load_original(registry, asked.weights, asked.model)
    samples = Samples(loaded.generator.to(device), asked.stream, asked.count)
    round_ = Round(ORIGINAL, samples, (asked.feature, *asked.also))
    return Desk(Book(asked.folder / FILE), round_, asked.folder, loaded.model_name, loaded.sha256)


def require_names(feature: str, also: Sequence[str]) -> None:
    """Raise UsageError unless the names of the feature and the further attributes are valid."""
    require_feature_name(feature)
    for name in also:
        require_name(name, "--also")
    if feature in also or len(set(also)) < len(also):
        raise UsageError(f"--also {','.join(also)}: names an attribute twice, or the feature itself")


def methods_of(registry: Registry) -> dict[str, bool]:
    """Return the methods that unlearn from clicks alone, and whether each can keep an attribute; ``ours`` first."""
    found = {}
    for name in sorted(registry.names("methods"), key=lambda each: (each != "ours", each)):
        method = registry.get("methods", name)
        if not method.needs and method.reads_feedback and not method.reference:
            found[name] = "keep" in method.Config.model_fields
    return found


def running_in(
    folder: Path,
    store: Store,
    registry: Registry,
    device: torch.device,
    methods: Mapping[str, bool],
    command: Sequence[str],
) -> Running:
    """Return how a page starts ``bench run`` and finds its outcome; ``command`` says everything but the method."""

    def arguments(method: str, keep: Sequence[str]) -> list[str]:
        kept = ["-p", f"keep={','.join(keep)}"] if keep else []
        return ["run", "--method", method, *command, *kept, "--json"]

    def cell_of(record: Record) -> tuple[Path, Record]:
        cell = store.folder(record.readable, record.key)
        return cell, store.readable(cell, record.key) or record

    def open_samples(cell: Path, record: Record) -> Samples:
        found = loading.load_either(registry, cell / record.artefacts["weights"].file)[1]
        assert isinstance(found, Unlearned)
        return Samples(found.generator.to(device), AFTER_STREAM, AFTER)

    return Running(Runs(folder), methods, arguments, cell_of, open_samples, store_clicks)


def store_clicks(cell: Path, samples: Samples, positives: Sequence[int]) -> Record:
    """Store with a cell which of its samples still have the feature, as ``bench feedback --cell`` does."""
    record = Store(cell.parent).read(cell)
    assert record is not None
    shown = SamplesFile(
        model=record.model,
        weights_sha256=record.artefacts["weights"].sha256,
        noise_sha256=noise_hash(samples.noise([0])[0]),
        stream=samples.stream,
        count=samples.count,
    )
    return store_left(shown, list(positives), cell, "the page")
