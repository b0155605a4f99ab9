"""Feedback files: written, read, and checked against a cell.

A feedback file is JSON::

    {"format": "bench-feedback/1", "model": "vae", "feature": "thickness",
     "sha256": "...",                    # optional: of the other fields; if it is there, it must be right
     "weights_sha256": "...",            # of the generator's weights
     "noise_sha256": "...",              # of the first noise vector, float32, little-endian
     "stream": "feedback/0",             # sample i is drawn from this stream ...
     "noise_file": "noise.npy",          # ... or is row i of this (N, noise_dim) float32 array in the same folder
     "count": 500, "positive": [3, 17, ...],
     "oracle": "morpho_mnist", "threshold": 3.86,   # optional: the oracle that clicked, and its cut
     "also": {"Male": [0, 3, ...]}}      # optional: further clicks on the same samples, by attribute

``bench sample`` draws samples to click on, and ``bench feedback`` writes this file from a list of the clicked ones.
Without a ``threshold`` (a person clicked), the evaluation uses the training set's cut, and the record says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, Strict, ValidationError
from torch import Tensor

from bench.api import Generator, Oracle, Params
from bench.api.feedback import Feedback
from bench.api.noise import leaves_prior
from bench.core import limits, sealed
from bench.core.code_hash import digest
from bench.core.files import file_sha256
from bench.core.reading import read_json
from bench.errors import UsageError, wrong_fields

FORMAT = "bench-feedback/1"
Whole = Annotated[int, Strict()]  # neither true nor "5" is a number here


class FeedbackFile(Params):
    """The content of a feedback file."""

    format: str = FORMAT
    model: str
    feature: str
    weights_sha256: str
    noise_sha256: str
    stream: str | None = None
    noise_file: str | None = None
    count: Whole = Field(ge=2, le=limits.SAMPLES)
    positive: list[Whole]
    oracle: str | None = None
    threshold: float | None = None
    also: dict[str, list[Whole]] = {}


def noise_hash(noise: Tensor) -> str:
    """Return the sha256 of one float32 noise vector."""
    return sha256(np.ascontiguousarray(noise.numpy(), dtype="<f4").tobytes()).hexdigest()


def first_noise_hash(feedback: Feedback, generator: Generator) -> str:
    """Return the sha256 of the noise of the first sample that was shown."""
    return noise_hash(feedback.of(generator).noise(0, 1, generator.noise_dim)[0])


def to_file(
    path: Path,
    feedback: Feedback,
    model: str,
    weights_sha256: str,
    generator: Generator,
    oracle: Oracle | None,
    feature: str,
) -> FeedbackFile:
    """Describe feedback for a file; a noise array, if there is one, is written next to it."""
    noise_file = None
    if feedback.noise_array is not None:
        noise_file = path.with_suffix(".npy").name
        np.save(path.with_suffix(".npy"), feedback.noise_array, allow_pickle=False)
    return FeedbackFile(
        model=model,
        feature=feature,
        weights_sha256=weights_sha256,
        noise_sha256=first_noise_hash(feedback, generator),
        stream=feedback.stream,
        noise_file=noise_file,
        count=len(feedback),
        positive=np.flatnonzero(feedback.labels).tolist(),
        also={name: np.flatnonzero(labels).tolist() for name, labels in feedback.also.items()},
        oracle=oracle.name if oracle else None,
        threshold=oracle.threshold if oracle else None,
    )


def from_file(path: Path, weights_sha256: str, generator: Generator) -> tuple[Feedback, FeedbackFile]:
    """Read a feedback file and check that it belongs to these weights and this noise.

    Raises
    ------
    UsageError
        Naming the file: missing, not JSON, wrong fields, other weights, other noise, indices out of range.
    """
    flag, stored = f"--feedback {path}", _read_feedback(path)
    if stored.weights_sha256 != weights_sha256:
        raise UsageError(
            f"{flag}: was given on a generator with weights {stored.weights_sha256[:12]}..., not on this one "
            f"({weights_sha256[:12]}...). Latents of one generator mean nothing to another. "
            "Collect feedback again, or pass the matching --weights."
        )
    feedback = Feedback(
        _labels(stored.positive, stored.count, flag, "a positive index"),
        stored.stream,
        _noise_array(path, stored, generator),
        {name: _labels(found, stored.count, flag, f"an index of '{name}'") for name, found in stored.also.items()},
        generator.prior,
    )
    if noise_hash(feedback.noise(0, 1, generator.noise_dim)[0]) != stored.noise_sha256:
        raise UsageError(
            f"{flag}: the first noise vector differs from the one that was shown, so the samples cannot be drawn "
            "again. Collect the clicks again, or keep the file of noise (noise.npy) that they were shown with."
        )
    feedback.require_both_classes()
    return feedback, stored


def files_sha256(path: Path) -> list[str]:
    """Hash what a feedback file says, however it is written, and the noise array it names.

    Raises UsageError, naming the file.
    """
    stored = _read_feedback(path)
    said = stored.model_dump(mode="json", exclude={"noise_file"}) | {
        "positive": sorted(stored.positive),
        "also": {name: sorted(found) for name, found in stored.also.items()},
    }
    return [digest(said)] + ([] if stored.noise_file is None else [file_sha256(_array_path(path, stored))])


def require_task(
    path: Path, stored: FeedbackFile, model: str, feature: str, oracle: str | None, also: Sequence[str] = ()
) -> None:
    """Raise UsageError unless feedback fits the model, the feature and the oracle, and has the attributes
    that the method also asks for.
    """
    if stored.model != model:
        raise UsageError(f"--feedback {path}: is about the model '{stored.model}', not '{model}' (--model)")
    if stored.feature != feature:
        raise UsageError(f"--feedback {path}: is about '{stored.feature}', not '{feature}' (--feature)")
    if stored.oracle not in (None, oracle):
        raise UsageError(f"--feedback {path}: was given by the oracle '{stored.oracle}', not by '{oracle}'")
    if missing := [name for name in also if name not in stored.also]:
        raise UsageError(
            f"--feedback {path}: holds no clicks on {', '.join(missing)}, which the method needs (-p keep=...); "
            f"its 'also' has {', '.join(sorted(stored.also)) or 'nothing'}. Click on the same samples again for each, "
            f"and make the file with bench feedback --also {missing[0]}=FILE"
        )


def _labels(positive: Sequence[int], count: int, flag: str, what: str) -> NDArray[np.bool_]:
    if len(set(positive)) != len(positive):
        raise UsageError(f"{flag}: {what} appears twice")
    if any(not 0 <= i < count for i in positive):
        raise UsageError(f"{flag}: {what} lies outside 0..{count - 1}")
    labels = np.zeros(count, dtype=bool)
    labels[list(positive)] = True
    return labels


def _read_feedback(path: Path) -> FeedbackFile:
    flag = f"--feedback {path}"
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise UsageError(f"{flag}: no such file") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{flag}: not a readable JSON file ({error})") from error
    try:
        stored = FeedbackFile.model_validate(_unchanged(content, flag))
    except ValidationError as error:
        raise UsageError(f"{flag}: not a {FORMAT} file ({wrong_fields(error)})") from error
    if stored.format != FORMAT:
        raise UsageError(f"{flag}: has format '{stored.format}', expected '{FORMAT}'")
    return stored


def _unchanged(content: Any, flag: str) -> Any:
    """Return a file's content without its sha256, which a file written by hand does not have."""
    if not isinstance(content, dict) or sealed.FIELD not in content:
        return content
    try:
        return sealed.verified(content)
    except ValueError as error:
        raise UsageError(f'{flag}: {error}. If you meant to change it, remove its line with "sha256"') from error


def _array_path(path: Path, stored: FeedbackFile) -> Path:
    name = stored.noise_file or ""
    if not name or Path(name).name != name:
        raise UsageError(f"--feedback {path}: noise_file must be the name of a file in the same folder, not '{name}'")
    array_path = path.with_name(name)
    try:
        array_path.open("rb").close()
    except (OSError, ValueError) as error:
        raise UsageError(f"--feedback {path}: noise_file {array_path} cannot be read ({error})") from error
    return array_path


def _noise_array(path: Path, stored: FeedbackFile, generator: Generator) -> NDArray[np.float32] | None:
    if (stored.noise_file is None) == (stored.stream is None):
        raise UsageError(f"--feedback {path}: needs exactly one of 'stream' and 'noise_file'")
    if stored.noise_file is None:
        return None
    array_path = _array_path(path, stored)
    try:
        with array_path.open("rb") as file:
            array: NDArray[np.float32] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"--feedback {path}: noise_file {array_path} cannot be read ({error})") from error
    if array.shape != (stored.count, generator.noise_dim) or array.dtype != np.float32:
        raise UsageError(
            f"--feedback {path}: {array_path} holds {array.dtype} {array.shape}, "
            f"expected float32 {(stored.count, generator.noise_dim)}"
        )
    if not np.isfinite(array).all():
        raise UsageError(f"--feedback {path}: {array_path} holds NaN or infinite values")
    if leaves_prior(generator, torch.from_numpy(array)):
        raise UsageError(f"--feedback {path}: {array_path} leaves [-1, 1], where the generator's noise lies")
    return array
