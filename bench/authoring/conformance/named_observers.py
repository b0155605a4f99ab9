"""Checks of a data set's oracle and extractors: the oracle knows its features, and both can learn from its images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from bench import api
from bench.authoring.conformance.held import Held
from bench.authoring.conformance.plugins import NotChecked
from bench.authoring.conformance.toys import degenerate_images, frozen
from bench.errors import CheckpointError, suggestion
from bench.hookspecs import KINDS, kind_named
from bench.registry import Registry
from bench.toolkit.training import build, train

LEARNT_FROM = 16  # images; two steps
OBSERVERS = ("classifiers", "extractors")


def the_oracle_is_registered(held: Held) -> None:
    """``classifier`` is the name of a classifier, or of an extractor whose classes are the features."""
    if held.dataset.classifier is not None:
        require_registered(held.registry, "classifier", held.dataset.classifier, OBSERVERS)


def extractors_are_registered(held: Held) -> None:
    """Each of ``extractors`` is the name of an extractor."""
    for name in held.dataset.extractors:
        require_registered(held.registry, "extractors", name, ("extractors",))


def require_registered(registry: Registry, field: str, name: str, kinds: tuple[str, ...]) -> str:
    """Return the kind as which a name is registered; raises AssertionError with the nearest name."""
    known = {kind: registry.names(kind) for kind in kinds}
    found = next((kind for kind in kinds if name in known[kind]), None)
    other = next((kind.one for kind in KINDS if name in registry.names(kind.name)), None)
    what = "is not registered" if other is None else f"is {other}, not {kind_named(kinds[-1]).one}"
    assert found is not None, f"{field} names '{name}', which {what}. {suggestion(name, set().union(*known.values()))}"
    return found


def the_oracle_knows_the_features(held: Held) -> None:
    """The oracle scores each of ``features`` on images of this shape, and has a cut for it."""
    name = held.dataset.classifier
    if name is None:
        return
    kind = require_registered(held.registry, "classifier", name, OBSERVERS)
    cls, features = held.registry.get(kind, name), held.features
    known = _known_to(held, cls)
    missing = [feature for feature in features if feature not in known]
    assert not missing, (
        f"features names {', '.join(missing)}, which the oracle '{name}' does not know. {suggestion(missing[0], known)}"
    )
    if kind == "classifiers" and not issubclass(cls, api.Trainable):
        shape = held.dataset.image_shape
        try:
            scores = cls().scores(degenerate_images(shape), list(features))
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            raise AssertionError(f"the oracle '{name}' cannot score images of the shape {shape} ({problem})") from error
        assert np.isfinite(scores).all(), f"the oracle '{name}' gives images of the shape {shape} no finite scores"


def _known_to(held: Held, cls: Any) -> list[str]:
    """Return the features that an oracle knows; a trained oracle takes them from the data set."""
    if issubclass(cls, api.Extractor):
        return [*cls.classes, *cls.class_features()]
    oracle = cls(_built(held, cls)) if issubclass(cls, api.Trainable) else cls()
    return [name for name in oracle.attributes if name in oracle.cuts]


def what_is_trained_learns_from_it(held: Held) -> None:
    """The oracle and the extractors, if they are trained, take two steps on images of this data set."""
    if held.dataset.classifier is None:
        return
    split = held.splits.get("train")
    if split is None:
        raise NotChecked("there is no split 'train', from which classifiers and extractors learn")
    few = np.arange(min(LEARNT_FROM, len(split)))
    part = api.Split(split.attributes.iloc[few], lambda indices: split.read(few[indices]), "check")
    for name in (held.dataset.classifier, *held.dataset.extractors):
        kind = require_registered(held.registry, "classifier or extractors", name, OBSERVERS)
        cls = held.registry.get(kind, name)
        if issubclass(cls, api.Trainable):
            _require_learns(name, cls, _built(held, cls), part)
        elif issubclass(cls, api.Extractor):
            _require_looks(name, cls, part)


def _built(held: Held, cls: Any) -> api.Networks[Any]:
    """Build the untrained networks of a plug-in for this data set."""
    if held.dataset.classifier is not None:
        assert held.splits  # which say what it learns
    fields = cls().dataset_fields(held.dataset)
    return frozen(build(cls(), cls.Config.model_validate({**cls.Config().model_dump(), **fields}), "check"))


def _require_learns(name: str, cls: Any, networks: Any, part: api.Split) -> None:
    context = api.Context("check", torch.device("cpu"))
    try:
        train(cls(), networks, part, context, epochs=1, batch_size=max(1, len(part) // 2))
    except Exception as error:
        columns = ", ".join(map(str, part.attributes)) or "none"
        raise AssertionError(
            f"'{name}' cannot be trained on this data set, whose attributes are {columns} "
            f"({type(error).__name__}: {error})"
        ) from error


def _require_looks(name: str, cls: Any, part: api.Split) -> None:
    try:
        cls.identity()
    except CheckpointError as error:
        raise NotChecked(str(error)) from error
    images = part.read(np.arange(min(2, len(part)))).float() / 255
    try:
        embeddings, _ = cls().outputs(images)
    except Exception as error:
        shape = tuple(images.shape[1:])
        problem = f"{type(error).__name__}: {error}"
        raise AssertionError(f"the extractor '{name}' cannot look at images of shape {shape} ({problem})") from error
    assert torch.isfinite(embeddings).all(), f"the extractor '{name}' gives these images NaN or infinite embeddings"


CHECKS = [
    the_oracle_is_registered,
    extractors_are_registered,
    the_oracle_knows_the_features,
    what_is_trained_learns_from_it,
]
