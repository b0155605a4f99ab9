"""How consistent a person's clicks are: samples that were shown twice, and the share of clicks that are mistaken.

A feedback file may have a file next to it that says so: ``clicks.json`` has ``clicks.repeats.json``. The record of a
cell that was unlearned on these clicks holds it.
"""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import ValidationError

from bench.core import sealed
from bench.core.files import file_sha256
from bench.errors import UsageError, wrong_fields
from bench.toolkit.intervals import wilson
from bench.workspace.store.record import Repeats

FORMAT = "bench-repeats/1"
FEWEST = 10  # samples seen twice, from which a share of mistaken clicks is told


def file_for(feedback: Path) -> Path:
    """Return the file that says how consistent a feedback file's clicks are."""
    return feedback.with_suffix(".repeats.json")


def write(feedback: Path, repeats: Repeats) -> None:
    """Say how consistent the clicks of a feedback file are, which is written already."""
    content = {"format": FORMAT, "feedback_sha256": file_sha256(feedback), **repeats.model_dump()}
    sealed.write(file_for(feedback), content)


def read(feedback: Path) -> Repeats | None:
    """Return how consistent a feedback file's clicks are; None if that is not known, or of another file.

    Raises
    ------
    UsageError
        If the file that says so is damaged.
    """
    path = file_for(feedback)
    try:
        content = sealed.read(path)
        if (content.pop("format", None), content.pop("feedback_sha256", None)) != (FORMAT, file_sha256(feedback)):
            return None
        return Repeats.model_validate(content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a ValidationError is a ValueError
        reason = wrong_fields(error) if isinstance(error, ValidationError) else error
        raise UsageError(f"{path}: cannot be used ({reason}). Remove it, or write the feedback again") from error


def label_noise(repeats: Repeats) -> tuple[float, float, float]:
    """Return the share of clicks that are mistaken, with its 95 % interval, if a mistake is as likely the second time.

    Two clicks on a sample, each mistaken with probability e, differ with probability d = 2 e (1 - e). The interval is
    Wilson's of d, turned into e; a d of one half or more is e = 1/2, clicks by chance.
    """
    differing = repeats.pairs - repeats.agreeing
    low, high = wilson(differing, repeats.pairs)
    share, least, most = (_mistaken(d) for d in (differing / repeats.pairs, low, high))
    return share, least, most


def noise_told(repeats: Repeats) -> str:
    """Say which share of the clicks is mistaken, or that too few samples came twice to tell."""
    if repeats.pairs < FEWEST:
        return f"too few images came twice to tell how many clicks are mistaken ({FEWEST} are needed)"
    share, low, high = label_noise(repeats)
    shown, least, most = (f"{100 * each:.1f} %" for each in (share, low, high))
    return f"about {shown} of the clicks are mistaken (95 % interval {least} to {most})"


def _mistaken(differ: float) -> float:
    return (1 - math.sqrt(max(0.0, 1 - 2 * differ))) / 2
