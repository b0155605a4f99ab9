"""Checks of a classifier (an oracle) on degenerate images, and its facts for ``bench show``."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import api
from bench.authoring.conformance.toys import degenerate_images, untrained


def facts(cls: type[Any]) -> list[str]:
    """Say what a classifier scores."""
    if issubclass(cls, api.Trainable):
        return ["attributes: those of the data set that its weights were trained on"]
    return [f"attributes: {', '.join(f'{name} (cut {cls.cuts[name]:.4g})' for name in cls.attributes)}"]


def with_images(cls: Any) -> tuple[Any, Tensor]:
    """Return a classifier, with untrained networks if it has any, and degenerate images (4, C, H, W) uint8 for it."""
    if not issubclass(cls, api.Trainable):
        return cls(), degenerate_images()
    networks, recipe = untrained(cls), cls
    return recipe(networks), degenerate_images(networks.config.image_shape)


def scores_are_finite(cls: type[Any]) -> None:
    """Blank, full and one-pixel images get an answer."""
    classifier, images = with_images(cls)
    scores = classifier.scores(images, classifier.attributes)
    assert scores.shape == (4, len(classifier.attributes)), f"scores have shape {scores.shape}"
    assert scores.dtype == np.float64, f"scores are {scores.dtype}, not float64"
    assert np.isfinite(scores).all(), "a degenerate image got NaN or infinity"


def scores_come_as_asked(cls: type[Any]) -> None:
    """Any attributes, in any order, each with the same scores."""
    classifier, images = with_images(cls)
    names = tuple(classifier.attributes)
    whole = classifier.scores(images, names)
    for asked in (names[::-1], names[:1]):
        found = classifier.scores(images, asked)
        expected = whole[:, [names.index(name) for name in asked]]
        assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-6, equal_nan=True), (
            f"scores(images, {list(asked)}) are not the columns that scores(images, attributes) has for them"
        )


def a_batch_scores_as_its_images_do(cls: type[Any]) -> None:
    """An image's scores do not depend on the images around it, nor on an earlier call."""
    classifier, images = with_images(cls)
    batch = classifier.scores(images, classifier.attributes)
    singles = np.concatenate([classifier.scores(image[None], classifier.attributes) for image in images])
    assert np.allclose(batch, singles, atol=1e-4, equal_nan=True), "scores depend on the batch, or differ between calls"


def images_are_left_alone(cls: type[Any]) -> None:
    """Others look at the same tensor."""
    classifier, images = with_images(cls)
    before = images.clone()
    classifier.scores(images, classifier.attributes)
    assert torch.equal(images, before), "scores changes the images that it is handed"


def every_attribute_has_a_cut(cls: type[Any]) -> None:
    """Attributes other than the target are cut at a shipped constant."""
    classifier, _ = with_images(cls)
    missing = [name for name in classifier.attributes if name not in classifier.cuts]
    assert not missing, f"no cut for {', '.join(missing)}"
    assert all(np.isfinite(classifier.cuts[name]) for name in classifier.attributes), "a cut is NaN or infinite"


def top_fraction_is_a_share(cls: type[Any]) -> None:
    """If given, it is a share of the samples shown."""
    assert cls.top_fraction is None or 0 < cls.top_fraction < 1, f"top_fraction is {cls.top_fraction}, not in (0, 1)"


def others_are_attributes(cls: type[Any]) -> None:
    """Other attributes are scored attributes, and do not include the target."""
    classifier, _ = with_images(cls)
    for name in classifier.attributes:
        others = classifier.non_target(name)
        assert name not in others and set(others) <= set(classifier.attributes), f"non_target('{name}') is {others}"


CHECKS = [
    scores_are_finite,
    scores_come_as_asked,
    a_batch_scores_as_its_images_do,
    images_are_left_alone,
    every_attribute_has_a_cut,
    top_fraction_is_a_share,
    others_are_attributes,
]
