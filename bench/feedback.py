"""Feedback: which samples were shown and which were clicked. No images, no training data.

A feedback file is JSON::

    {"format": "bench-feedback/1", "model": "vae", "feature": "thickness",
     "weights_sha256": "...",            # of the generator's weights
     "noise_sha256": "...",              # of the first noise vector, float32, little-endian
     "stream": "feedback/0",             # sample i is drawn from this stream ...
     "noise_file": "noise.npy",          # ... or is row i of this (N, noise_dim) float32 array beside it
     "count": 500, "positive": [3, 17, ...],
     "oracle": "morpho_mnist", "threshold": 3.86,   # optional: the oracle that clicked, and its cut
     "also": {"Male": [0, 3, ...]}}      # optional: more clicks on the same samples, by attribute

``bench sample`` draws samples to click on, and ``bench feedback`` writes this file from a list of the clicked ones.
Without a ``threshold`` (a person clicked) the evaluation uses the training set's own cut, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from torch import Tensor

from bench import randomness
from bench.api import Classifier, Generator, Oracle, Params
from bench.errors import UsageError
from bench.files import file_sha256
from bench.rendering import CHUNK, chunks, to_uint8

FORMAT = "bench-feedback/1"


@dataclass(frozen=True)
class Feedback:
    """Samples shown, and their labels.

    Attributes
    ----------
    labels : (N,) bool
        True where the sample was clicked: it has the feature.
    stream : str or None
        Random stream of the samples' noise; None if ``noise_array`` is given.
    noise_array : (N, noise_dim) float32 or None
    also : mapping of str to (N,) bool
        More clicks on the same samples, by attribute: those a method asked for (``Method.also_asks``).
    """

    labels: NDArray[np.bool_]
    stream: str | None = None
    noise_array: NDArray[np.float32] | None = None
    also: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positives(self) -> int:
        """How many samples were clicked."""
        return int(self.labels.sum())

    def noise(self, start: int, stop: int, noise_dim: int) -> Tensor:
        """Return the noise of samples start..stop, (B, noise_dim) float32 on the CPU."""
        if self.noise_array is not None:
            return torch.from_numpy(self.noise_array[start:stop])
        assert self.stream is not None
        return randomness.draw(self.stream, range(start, stop), noise_dim)

    @torch.no_grad()
    def latents(self, generator: Generator) -> Iterator[Tensor]:
        """Regenerate the shown samples' latents, chunk by chunk: (B, latent_dim) on the generator's device."""
        device = next(generator.parameters()).device
        for start, stop in chunks(len(self)):
            yield generator.sample(self.noise(start, stop, generator.noise_dim).to(device))[0]

    def require_both_classes(self) -> None:
        """Raise UsageError unless something was clicked and something was not."""
        if self.positives in (0, len(self)):
            what = "no positives" if self.positives == 0 else "no negatives"
            raise UsageError(
                f"feedback has {what} among {len(self)} samples: a direction needs both. "
                "Show more samples (--set feedback.count=N) or check the labels (--feedback FILE)."
            )


class FeedbackFile(Params):
    """What a feedback file holds."""

    format: str = FORMAT
    model: str
    feature: str
    weights_sha256: str
    noise_sha256: str
    stream: str | None = None
    noise_file: str | None = None
    count: int = Field(ge=2, le=100_000_000)
    positive: list[int]
    oracle: str | None = None
    threshold: float | None = None
    also: dict[str, list[int]] = {}


def noise_hash(noise: Tensor) -> str:
    """Return the sha256 of one float32 noise vector."""
    return sha256(np.ascontiguousarray(noise.numpy(), dtype="<f4").tobytes()).hexdigest()


@torch.no_grad()
def ask_oracle(
    generator: Generator, classifier: Classifier, attributes: Sequence[str], stream: str, count: int
) -> tuple[Feedback, float]:
    """Show samples of a stream to a classifier and let it click.

    Parameters
    ----------
    generator : Generator
    classifier : Classifier
    attributes : sequence of str
        The feature, then whatever else is to be clicked on the same samples.
    stream : str
    count : int

    Returns
    -------
    feedback : Feedback
        Of all attributes but the first in ``also``.
    threshold : float
        The score from which the feature was clicked: the top fraction's, or the classifier's cut. The other attributes
        are always clicked from their cut on.
    """
    device = next(generator.parameters()).device
    images = []
    for start, stop in chunks(count, CHUNK):
        noise = randomness.draw(stream, range(start, stop), generator.noise_dim).to(device)
        images.append(to_uint8(generator(noise)))
    scores = classifier.scores(torch.cat(images), attributes)  # (N, A)
    feature, *others = attributes
    threshold = cut_of(classifier, feature, scores[:, 0])
    also = {name: scores[:, i] >= classifier.cuts[name] for i, name in enumerate(others, 1)}
    return Feedback(scores[:, 0] >= threshold, stream, also=also), threshold


def cut_of(classifier: Classifier, feature: str, scores: NDArray[np.float64]) -> float:
    """Return the score from which a classifier clicks a feature, of samples with these scores (N,)."""
    if classifier.top_fraction is None:
        return classifier.cuts[feature]
    return top_fraction_threshold(scores, classifier.top_fraction)


def top_fraction_threshold(scores: NDArray[np.float64], fraction: float) -> float:
    """Return the smallest score of the top ``fraction`` of samples, so that ``>=`` selects them."""
    keep = max(1, round(fraction * len(scores)))
    return float(np.sort(scores)[-keep])


def to_file(
    path: Path,
    feedback: Feedback,
    model: str,
    weights_sha256: str,
    generator: Generator,
    oracle: Oracle | None,
    feature: str,
) -> FeedbackFile:
    """Describe feedback for a file (and write a noise array beside it if there is one)."""
    noise_file = None
    if feedback.noise_array is not None:
        noise_file = path.with_suffix(".npy").name
        np.save(path.with_suffix(".npy"), feedback.noise_array, allow_pickle=False)
    return FeedbackFile(
        model=model,
        feature=feature,
        weights_sha256=weights_sha256,
        noise_sha256=noise_hash(feedback.noise(0, 1, generator.noise_dim)[0]),
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
        Naming the file: missing, no JSON, fields wrong, other weights, other noise, indices out of range.
    """
    flag, stored = f"--feedback {path}", _read(path)
    if stored.weights_sha256 != weights_sha256:
        raise UsageError(
            f"{flag}: was given on a generator with weights {stored.weights_sha256[:12]}..., not on this one "
            f"({weights_sha256[:12]}...). Latents of one generator mean nothing to another: "
            "collect it again, or pass the matching --weights."
        )
    feedback = Feedback(
        _labels(stored.positive, stored.count, flag, "a positive index"),
        stored.stream,
        _noise_array(path, stored, generator),
        {name: _labels(found, stored.count, flag, f"an index of '{name}'") for name, found in stored.also.items()},
    )
    if noise_hash(feedback.noise(0, 1, generator.noise_dim)[0]) != stored.noise_sha256:
        raise UsageError(
            f"{flag}: the first noise vector differs from the one that was shown; the samples cannot be drawn again"
        )
    feedback.require_both_classes()
    return feedback, stored


def files_sha256(path: Path) -> list[str]:
    """Hash a feedback file and the noise array it names; raises UsageError, naming the file."""
    stored = _read(path)
    return [file_sha256(path)] + ([] if stored.noise_file is None else [file_sha256(_array_path(path, stored))])


def require_task(
    path: Path, stored: FeedbackFile, model: str, feature: str, oracle: str | None, also: Sequence[str] = ()
) -> None:
    """Raise UsageError if feedback is about another model or feature, its threshold is another oracle's, or it lacks
    attributes that the method also asks for.
    """
    if stored.model != model:
        raise UsageError(f"--feedback {path}: is about the model '{stored.model}', not '{model}' (--model)")
    if stored.feature != feature:
        raise UsageError(f"--feedback {path}: is about '{stored.feature}', not '{feature}' (--feature)")
    if stored.oracle not in (None, oracle):
        raise UsageError(f"--feedback {path}: was given by the oracle '{stored.oracle}', not by '{oracle}'")
    if missing := [name for name in also if name not in stored.also]:
        raise UsageError(
            f"--feedback {path}: holds no clicks for {', '.join(missing)} (its 'also' has: "
            f"{', '.join(sorted(stored.also)) or 'nothing'}), which the method asks for (-p keep=...)"
        )


def _labels(positive: Sequence[int], count: int, flag: str, what: str) -> NDArray[np.bool_]:
    if len(set(positive)) != len(positive):
        raise UsageError(f"{flag}: {what} is named twice")
    if any(not 0 <= i < count for i in positive):
        raise UsageError(f"{flag}: {what} lies outside 0..{count - 1}")
    labels = np.zeros(count, dtype=bool)
    labels[list(positive)] = True
    return labels


def _read(path: Path) -> FeedbackFile:
    flag = f"--feedback {path}"
    try:
        stored = FeedbackFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UsageError(f"{flag}: there is no such file") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{flag}: is no readable JSON file ({error})") from error
    except ValidationError as error:
        details = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"{flag}: is no {FORMAT} file ({details})") from error
    if stored.format != FORMAT:
        raise UsageError(f"{flag}: has format '{stored.format}', expected '{FORMAT}'")
    return stored


def _array_path(path: Path, stored: FeedbackFile) -> Path:
    name = stored.noise_file or ""
    if not name or Path(name).name != name:
        raise UsageError(f"--feedback {path}: noise_file must be a file name beside it, not '{name}'")
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
    return array
