"""From the clicks of a book to labels, and to the feedback file that `bench run --feedback` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.api import Generator
from bench.api.feedback import Feedback
from bench.core import sealed
from bench.errors import BenchError, UsageError
from bench.feedback import repeats as repeats_file
from bench.feedback.file import to_file
from bench.feedback.page.book import Book
from bench.feedback.page.layout import Round
from bench.workspace.store.record import Repeats

FEW = 20  # clicked samples below which a direction is mostly noise
Rest = Literal["left out", "without"]  # what samples count as that were not looked at


@dataclass(frozen=True)
class Labels:
    """The labels from the clicks of a round.

    Attributes
    ----------
    by_attribute : mapping of str to mapping of int to bool
        Sample to label, of the samples that were looked at, for each attribute.
    repeats : Repeats or None
        Of the feature; None if no sample was looked at twice.
    count : int
        Samples in all.
    """

    by_attribute: Mapping[str, Mapping[int, bool]]
    repeats: Repeats | None
    count: int

    @property
    def feature(self) -> Mapping[int, bool]:
        """The labels of the feature."""
        return next(iter(self.by_attribute.values()))

    @property
    def positives(self) -> int:
        """Samples that have the feature."""
        return sum(self.feature.values())

    @property
    def left(self) -> int:
        """Samples that were not looked at."""
        return self.count - len(self.feature)

    @property
    def incomplete(self) -> list[str]:
        """Further attributes that were not looked at on every sample that counts."""
        return [name for name, found in self.by_attribute.items() if not found.keys() >= self.feature.keys()]


def labels_of(book: Book, round_: Round, *, unfinished: bool = False) -> Labels:
    """Read the labels of a round. A clicked tile counts as looked at; of two tiles of a sample the first one counts.

    With ``unfinished``, all tiles before the last clicked one count as looked at, also on a page that is not finished.
    """
    tiles, by_attribute, pairs = book.tiles(round_.name), {}, None
    for name in round_.attributes:
        clicked = book.clicked(round_.name, name)
        before = set(range(max(clicked, default=0))) if unfinished else set()
        looked = sorted(book.looked(round_.name, name) | clicked | before)
        first = {tiles[tile][0]: tile in clicked for tile in looked if not tiles[tile][1]}
        by_attribute[name] = first
        again = [
            (first[tiles[tile][0]], tile in clicked) for tile in looked if tiles[tile][1] and tiles[tile][0] in first
        ]
        if name == round_.attributes[0] and again:
            pairs = Repeats(pairs=len(again), agreeing=sum(one == two for one, two in again))
    return Labels(by_attribute, pairs, round_.samples.count)


def problem_of(labels: Labels, rest: Rest) -> str | None:
    """Say why no feedback can be made of the clicks yet; None if it can."""
    count = labels.count if rest == "without" else len(labels.feature)
    if labels.positives == 0:
        return "Nothing is selected yet. Select images that have the feature."
    if labels.positives == count:
        return (
            f"All {count} images that count are selected, but images without the feature are needed too. Look at more "
            "images, and leave out those that do not have it."
        )
    return None


def warning_of(labels: Labels) -> str | None:
    """Return a remark on the clicks; None if there is none."""
    if labels.positives < FEW:
        return (
            f"Only {labels.positives} images are selected. From fewer than {FEW} the direction is mostly noise: look "
            "at more images, the most likely first."
        )
    return None


def write_feedback(path: Path, labels: Labels, round_: Round, rest: Rest, model: str, weights_sha256: str) -> Feedback:
    """Write the feedback file, and next to it what the samples that were shown twice say; returns the feedback.

    Raises
    ------
    UsageError
        If nothing is selected, or everything.
    BenchError
        If the file cannot be written.
    """
    if problem := problem_of(labels, rest):
        raise UsageError(problem)
    feedback = feedback_of(labels, round_, rest)
    generator: Generator = round_.samples.generator
    try:
        repeats_file.file_for(path).unlink(missing_ok=True)
        made = to_file(path, feedback, model, weights_sha256, generator, None, round_.attributes[0])
        sealed.write(path, made.model_dump(mode="json"))
        if feedback.noise_array is None:
            path.with_suffix(".npy").unlink(missing_ok=True)
        if labels.repeats is not None:
            repeats_file.write(path, labels.repeats)
    except OSError as error:
        raise BenchError(f"{path}: cannot be written ({error.strerror}). The clicks are kept; make room") from error
    return feedback


def feedback_of(labels: Labels, round_: Round, rest: Rest) -> Feedback:
    """Turn labels into feedback: by its stream if the samples are the stream's first ones, else with their noise."""
    samples = list(range(labels.count)) if rest == "without" else sorted(labels.feature)
    also = {
        name: _array(found, samples) for name, found in labels.by_attribute.items() if name not in labels.incomplete
    }
    del also[round_.attributes[0]]
    marks = _array(labels.feature, samples)
    prior = round_.samples.generator.prior
    if samples == list(range(len(samples))):
        return Feedback(marks, round_.samples.stream, None, also, prior)
    return Feedback(marks, None, round_.samples.noise(samples).numpy(), also, prior)


def _array(labels: Mapping[int, bool], samples: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([labels.get(sample, False) for sample in samples], dtype=np.bool_)
