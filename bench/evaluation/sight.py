"""Check that the data set, oracles and extractors accept the shape of a generator's images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from bench.api import Classifier, Dataset, Extractor
from bench.errors import UsageError
from bench.workspace.weights.observers import LoadedClassifier

Shape = tuple[int, ...]


def require_sight(
    shape: Shape,
    name: str,
    dataset: Dataset,
    oracles: Mapping[str, LoadedClassifier],
    extractors: Mapping[str, Extractor],
) -> None:
    """Raise UsageError unless a data set, oracles and extractors fit the images of a generator.

    Parameters
    ----------
    shape : (C, H, W)
        What the generator draws.
    name, dataset : str, Dataset
        A data set without images has no ``image_shape``, and fits.
    oracles : mapping of str to LoadedClassifier
        By role, "feedback" or "evaluation".
    extractors : mapping of str to Extractor
        By name.
    """
    drawn, expected = tuple(shape), getattr(dataset, "image_shape", None)
    if expected is not None and tuple(expected) != drawn:
        raise UsageError(
            f"--dataset {name}: its images are {tuple(expected)} (C, H, W), and the generator draws {drawn}. Name a "
            "data set of that shape, or click on the generator's samples yourself (bench sample, bench feedback)"
        )
    blank = torch.zeros(2, *drawn, dtype=torch.uint8)
    for role, loaded in oracles.items():
        own, judge = expected is not None and loaded.name == dataset.classifier, loaded.classifier
        if reason := _blind(judge, drawn, None if own else partial(judge.scores, blank, judge.attributes)):
            raise UsageError(f"--set oracle.{role}={loaded.name}: cannot see such images: {reason}. Name another")
    for each, extractor in extractors.items():
        own = expected is not None and each in dataset.extractors
        if reason := _blind(extractor, drawn, None if own else partial(extractor.outputs, blank.float())):
            raise UsageError(
                f"--set evaluation.extractors: '{each}' cannot see such images: {reason}. Leave it out, or name another"
            )


@torch.no_grad()
def _blind(observer: Classifier | Extractor, shape: Shape, look: Callable[[], Any] | None) -> str | None:
    """Return why an observer cannot see images of a shape; None if it can. ``look`` shows it blank ones."""
    learnt = getattr(getattr(observer.networks, "config", None), "image_shape", None)
    if learnt is not None and tuple(learnt) != shape:
        return f"it was trained on {tuple(learnt)} (C, H, W), and the generator draws {shape}"
    if learnt is not None or look is None:
        return None
    try:
        look()
    except Exception as error:
        return f"shown blank ones of {shape} (C, H, W), it raised {type(error).__name__}: {error}"
    return None
