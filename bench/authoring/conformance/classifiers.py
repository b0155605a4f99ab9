"""Checks of oracles, extractors and data sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import api
from bench.authoring.conformance.toys import IMAGE_SHAPE, untrained


def _degenerate_images(image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> Tensor:
    images = torch.zeros(4, *image_shape, dtype=torch.uint8)
    images[1] = 255
    images[2, :, 10:18, 12:16] = 255
    images[3, :, 14, 14] = 255
    return images


def _with_networks(cls: Any) -> tuple[Any, Tensor]:
    """Return a classifier or extractor, with untrained networks if it has any, and degenerate images for it."""
    if not issubclass(cls, api.Trainable):
        return cls(), _degenerate_images()
    networks = untrained(cls)
    recipe: Any = cls
    return recipe(networks), _degenerate_images(networks.config.image_shape)


def scores_are_finite(cls: type[Any]) -> None:
    """Blank, full and one-pixel images get an answer."""
    classifier, images = _with_networks(cls)
    scores = classifier.scores(images, classifier.attributes)
    assert scores.shape == (4, len(classifier.attributes)), f"scores have shape {scores.shape}"
    assert np.isfinite(scores).all(), "a degenerate image got NaN or infinity"


def every_attribute_has_a_cut(cls: type[Any]) -> None:
    """Attributes other than the target are cut at a shipped constant."""
    classifier, _ = _with_networks(cls)
    missing = [name for name in classifier.attributes if name not in classifier.cuts]
    assert not missing, f"no cut for {', '.join(missing)}"


def outputs_have_their_shapes(cls: Any) -> None:
    """One feature row and one logit per class for each image."""
    if not issubclass(cls, api.Trainable):
        return  # its weights are not ours to build
    extractor, images = _with_networks(cls)
    features, logits = extractor.outputs(images.float() / 255)
    assert features.ndim == 2 and len(features) == 4, f"features have shape {tuple(features.shape)}"
    assert logits.shape == (4, len(cls.classes)), (
        f"logits have shape {tuple(logits.shape)}, not {(4, len(cls.classes))}"
    )


CLASSIFIER_CHECKS: list[Callable[[Any], None]] = [scores_are_finite, every_attribute_has_a_cut]

EXTRACTOR_CHECKS: list[Callable[[Any], None]] = [outputs_have_their_shapes]
