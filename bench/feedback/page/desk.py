"""The state that the pages of one folder share."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import BenchError, UsageError
from bench.feedback.page.book import Book
from bench.feedback.page.guard import Refused
from bench.feedback.page.guess import FROM, Preview, enough, preview_of
from bench.feedback.page.layout import Round
from bench.feedback.page.outcome import labels_of
from bench.feedback.page.runs import Runs
from bench.feedback.page.samples import Samples
from bench.workspace.store.record import Record

ORIGINAL = "original"
AFTER = 200  # fresh samples of the unlearned generator that are clicked
AFTER_STREAM = "after"


@dataclass(frozen=True)
class Running:
    """How the page starts a run, and how it finds the result.

    Attributes
    ----------
    runs : Runs
    methods : mapping of str to bool
        Names of the methods that need nothing but clicks, and whether each can keep an attribute.
    arguments : callable
        From a method and the attributes to keep to the command line.
    cell_of : callable
        From the record that a run printed to the folder of its cell, and the record as it is stored now.
    open_samples : callable
        From a cell's folder and record to samples of the unlearned generator.
    store_clicks : callable
        Stores with a cell which samples of it were clicked; returns its record.
    """

    runs: Runs
    methods: Mapping[str, bool]
    arguments: Callable[[str, Sequence[str]], list[str]]
    cell_of: Callable[[Record], tuple[Path, Record]]
    open_samples: Callable[[Path, Record], Samples]
    store_clicks: Callable[[Path, Samples, Sequence[int]], Record]


@dataclass
class Desk:
    """The state that the pages of one folder share.

    Attributes
    ----------
    book : Book
    original : Round
        Round 0.
    folder : Path
    model, weights_sha256 : str
        Of the original.
    running : Running or None
        None in a notebook, where the clicks are all that is wanted.
    finished : Event
        Set when the clicks are done.
    """

    book: Book
    original: Round
    folder: Path
    model: str
    weights_sha256: str
    running: Running | None = None
    finished: threading.Event = field(default_factory=threading.Event)
    token: str = ""
    _after: tuple[str, Round] | None = None
    _preview: tuple[int, Preview] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        try:
            self.token = claimed(self.book, self.facts())
        except BaseException:
            self.book.close()
            raise

    def facts(self) -> dict[str, str]:
        """Say whose clicks the folder holds."""
        samples = self.original.samples
        about = {"model": self.model, "feature": self.original.attributes[0], "weights": self.weights_sha256}
        return about | {"stream": samples.stream, "count": str(samples.count)}

    @property
    def feature(self) -> str:
        """The feature that is clicked first."""
        return self.original.attributes[0]

    @property
    def twice(self) -> int:
        """Samples that were shown twice so far."""
        return sum(again for _, again in self.book.tiles(self.original.name))

    @property
    def file(self) -> Path:
        """The feedback file."""
        return self.folder / "feedback.json"

    def round(self, number: int) -> Round:
        """Return a round; raises Refused if there is none of this number yet."""
        if number == 0:
            return self.original
        if number != 1:
            raise Refused(404, "This page does not exist.")
        with self._lock:
            record = self.ended()
            if record is None or "weights" not in record.artefacts or self.running is None:
                raise Refused(404, "There is no unlearned generator yet. Start a run first.")
            name = f"after {record.artefacts['weights'].sha256}"
            if self._after is None or self._after[0] != name:
                samples = self.running.open_samples(*self.running.cell_of(record))
                self._after = name, Round(name, samples, (self.feature,), repeats=False)
            return self._after[1]

    def ended(self) -> Record | None:
        """Return the record of the last run, if it has one."""
        return None if self.running is None else self.running.runs.state().record

    def attribute(self, round_: Round, number: int) -> str:
        """Return an attribute of a round by its number; raises Refused if there is none."""
        if number >= len(round_.attributes):
            raise Refused(404, "This page does not exist.")
        return round_.attributes[number]

    def preview(self) -> tuple[int, Preview] | None:
        """Return a preview of the clicks' effect, and its number; None for clicks too few, or without a direction."""
        labels = labels_of(self.book, self.original, unfinished=True)
        known, others = labels.feature, {n: k for n, k in labels.by_attribute.items() if n != self.feature}
        if labels.positives < FROM or not enough([*known.values()], 1):
            return None
        number = hash((tuple(known.items()), *(tuple(k.items()) for k in others.values()))) % 10**9
        with self._lock:
            if self._preview is None or self._preview[0] != number:
                try:
                    self._preview = number, preview_of(self.original.samples, known, others)
                except UsageError:
                    return None
            return self._preview


def claimed(book: Book, facts: Mapping[str, str]) -> str:
    """Store whose clicks a new book holds, and return the token of its forms.

    Raises
    ------
    UsageError
        If it holds clicks on something else.
    """
    known = book.facts()
    if not known:
        known = {**facts, "token": secrets.token_urlsafe(24)}
        book.say(known)
    if wrong := [name for name, value in facts.items() if known.get(name) != value]:
        said = ", ".join(f"{name} {known.get(name, '?')[:40]} (not {facts[name][:40]})" for name in wrong)
        raise UsageError(
            f"--out {book.path.parent}: holds clicks on something else: {said}. Name another folder: --out DIR"
        )
    if "token" not in known:
        raise BenchError(f"{book.path}: is damaged. Name another folder: --out DIR")
    return known["token"]
