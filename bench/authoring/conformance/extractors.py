"""Checks of an extractor on degenerate images, and its facts for ``bench show``."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from bench import api
from bench.authoring.conformance.plugins import NotChecked
from bench.authoring.conformance.toys import degenerate_images, untrained
from bench.errors import CheckpointError

NAMED = 30  # classes that `bench show` names
SHAPES = ((1, 28, 28), (3, 64, 64))  # tried in turn: an extractor does not say which images it takes


def facts(cls: type[Any]) -> list[str]:
    """Say what an extractor tells apart."""
    if len(cls.classes) <= NAMED:
        return [f"classes: {', '.join(cls.classes)}"]
    return [f"classes: {len(cls.classes)}, from {cls.classes[0]} to {cls.classes[-1]}"]


def outputs_of(cls: Any) -> tuple[Any, Tensor, Tensor, Tensor]:
    """Return an extractor, images it takes (4, C, H, W), their embeddings and logits.

    Networks that are trained here are built untrained.

    Raises
    ------
    NotChecked
        If its weights are missing.
    """
    if issubclass(cls, api.Trainable):
        networks, recipe = untrained(cls), cls
        return _looked(recipe(networks), networks.config.image_shape)
    try:
        cls.identity()
    except CheckpointError as error:
        raise NotChecked(str(error)) from error
    *others, last = SHAPES
    for shape in others:
        try:
            return _looked(cls(), shape)
        except Exception:  # noqa: S112 (of another shape, then)
            continue
    return _looked(cls(), last)


def _looked(extractor: Any, shape: tuple[int, int, int]) -> tuple[Any, Tensor, Tensor, Tensor]:
    images = degenerate_images(shape).float() / 255
    return extractor, images, *extractor.outputs(images)


def outputs_have_their_shapes(cls: Any) -> None:
    """One embedding and one logit per class for each image, finite."""
    _, _, embeddings, logits = outputs_of(cls)
    assert embeddings.ndim == 2 and len(embeddings) == 4, f"embeddings have shape {tuple(embeddings.shape)}"
    expected = (4, len(cls.classes))
    assert logits.shape == expected, f"logits have shape {tuple(logits.shape)}, not {expected}"
    for name, tensor in (("embeddings", embeddings), ("logits", logits)):
        assert tensor.dtype == torch.float32, f"{name} are {tensor.dtype}, not torch.float32"
        assert torch.isfinite(tensor).all(), f"{name} of a degenerate image are NaN or infinite"


def a_batch_looks_as_its_images_do(cls: Any) -> None:
    """The output for an image does not depend on the other images of its batch, nor on an earlier call."""
    extractor, images, *batch = outputs_of(cls)
    singles = [torch.cat(part) for part in zip(*(extractor.outputs(image[None]) for image in images), strict=True)]
    for name, together, alone in zip(("embeddings", "logits"), batch, singles, strict=True):
        assert torch.allclose(together, alone, atol=1e-4), f"{name} depend on the batch, or differ between calls"


def outputs_need_no_gradient(cls: Any) -> None:
    """Embeddings of ten thousand samples are kept; a graph behind them would fill the memory."""
    kept = [tensor for tensor in outputs_of(cls)[2:] if tensor.requires_grad]
    assert not kept, "outputs keep a graph: decorate with torch.no_grad"


def classes_are_named(cls: Any) -> None:
    """Each logit has a unique name."""
    assert isinstance(cls.classes, tuple) and cls.classes, "classes must be a tuple of names, one per logit"
    assert len(set(cls.classes)) == len(cls.classes), "two classes have one name"


def identity_is_a_hash(cls: Any) -> None:
    """It is part of every key: 64 hex digits, or None for weights that are named; or the remedy for missing ones."""
    try:
        first, second = cls.identity(), cls.identity()
    except CheckpointError as error:
        raise NotChecked(str(error)) from error
    assert first == second, "identity() differs between calls"
    assert first is None or re.fullmatch("[0-9a-f]{64}", first), f"identity() is {first!r}, not 64 hex digits"
    assert first is not None or issubclass(cls, api.Trainable), (
        "nothing says what it computes with: implement identity, for instance with code_of(cls) or file_sha256(path)"
    )


CHECKS = [
    classes_are_named,
    identity_is_a_hash,
    outputs_have_their_shapes,
    a_batch_looks_as_its_images_do,
    outputs_need_no_gradient,
]
