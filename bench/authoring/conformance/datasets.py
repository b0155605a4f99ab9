"""Checks of a data set's declarations, and of its images if they are present; its facts for ``bench show``."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from bench import api
from bench.authoring.conformance import named_observers
from bench.authoring.conformance.held import Held
from bench.errors import BenchError
from bench.registry import Registry

LOOKED_AT = 5  # images of a split


def facts(cls: type[Any]) -> list[str]:
    """Say what a data set offers."""
    if cls.classifier is None:
        return ["features: whatever was clicked", "oracle: none", "images: none"]
    features = ", ".join(cls.features) if isinstance(cls.features, tuple) else "those in the files"
    shape = cls.image_shape if isinstance(cls.image_shape, tuple) else "of the files' shape"
    return [f"features: {features}", f"oracle: {cls.classifier}", f"images: {shape}"]


def subject(cls: type[Any], registry: Registry, data_dir: Path | None) -> Held:
    """Return the argument of the checks."""
    return Held(cls, registry, data_dir)


def oracle_is_named(held: Held) -> None:
    """A data set names its oracle and its features; without an oracle it has neither."""
    cls = held.cls
    label = getattr(cls, "label", None)
    named = isinstance(label, (property, cached_property)) or (isinstance(label, str) and label)
    assert named, "label must be set: captions name the data by it"
    assert hasattr(cls, "classifier"), "classifier must be set: the name of the oracle, or None"
    if cls.classifier is None:
        assert not cls.features, "without a classifier, features are whatever was clicked"
        return
    assert isinstance(cls.classifier, str), f"classifier is {cls.classifier!r}, not the name of an oracle"
    for name in ("features", "image_shape"):
        assert hasattr(cls, name) and getattr(cls, name), f"{name} must be set"
    if isinstance(cls.image_shape, tuple):
        assert len(cls.image_shape) == 3, f"image_shape is {cls.image_shape}, not (C, H, W)"


def names_are_tuples(held: Held) -> None:
    """One name is a tuple of one: ``("beard",)``."""
    for field in ("features", "extractors"):
        value = getattr(held.cls, field)
        if isinstance(value, (property, cached_property)):
            continue
        assert isinstance(value, tuple) and all(isinstance(name, str) for name in value), (
            f"{field} is {value!r}, not a tuple of names"
        )


def features_follow_attributes(held: Held) -> None:
    """``feature_attributes`` says which value of which attribute is the feature; else the oracle says."""
    features = held.features
    unknown = set(held.dataset.feature_attributes) - set(features)
    assert not unknown, f"feature_attributes names {', '.join(sorted(unknown))}, which features does not"
    for feature, (attribute, value) in held.dataset.feature_attributes.items():
        labels = held.dataset.has_feature(pd.DataFrame({attribute: [True, False]}), feature)
        assert labels is not None and labels.tolist() == [value, not value], f"has_feature is wrong about {feature}"


def an_unknown_split_is_refused(held: Held) -> None:
    """In words, not with a traceback."""
    try:
        held.dataset.split("no such split")
    except BenchError:
        return
    raise AssertionError("split('no such split') must raise DataError or UsageError")


def images_are_here(held: Held) -> None:
    """The split that generators learn from is in the folder that ``--data-dir`` names."""
    held.require_here()
    assert held.splits


def attributes_belong_to_images(held: Held) -> None:
    """One row per image; the attributes that carry features are among the columns."""
    for name, split in held.splits.items():
        assert isinstance(split, api.Split), f"{name}: split returned {type(split).__name__}, not bench.api.Split"
        assert isinstance(split.attributes, pd.DataFrame), f"{name}: attributes is not a DataFrame"
        assert len(split) > 0 or name != held.dataset.training_split, f"{name}: holds no image"
        missing = {attribute for attribute, _ in held.dataset.feature_attributes.values()} - set(split.attributes)
        assert not missing, f"{name}: no attribute {', '.join(sorted(missing))}, which feature_attributes names"


def images_have_their_shape(held: Held) -> None:
    """``read`` gives uint8 images of the declared shape, in the order asked for, the same ones every time."""
    for name, split in held.splits.items():
        rows = np.unique(np.linspace(0, len(split) - 1, LOOKED_AT).astype(np.int64)) if len(split) else np.arange(0)
        images = split.read(rows)
        expected = (len(rows), *held.dataset.image_shape)
        assert isinstance(images, torch.Tensor) and images.dtype == torch.uint8, f"{name}: images are not uint8 tensors"
        assert tuple(images.shape) == expected, f"{name}: images have shape {tuple(images.shape)}, not {expected}"
        assert torch.equal(split.read(rows[::-1].copy()), images.flip(0)), (
            f"{name}: read gives other images for the same indices in another order"
        )


def splits_have_identities(held: Held) -> None:
    """The same images have the same hash, and other splits another one."""
    splits = held.splits
    for name, split in splits.items():
        again = held.cls(held.data_dir)
        assert split.sha256 and split.sha256 == again.split(name).sha256, f"{name}: sha256 is empty, or differs"
        assert split.sha256 == again.identity(name), f"{name}: identity() is not the split's sha256"
    if {"train", "test"} <= splits.keys():
        assert splits["train"].sha256 != splits["test"].sha256, "train and test have the same sha256"


CHECKS = [
    oracle_is_named,
    names_are_tuples,
    images_are_here,
    *named_observers.CHECKS,
    features_follow_attributes,
    an_unknown_split_is_refused,
    attributes_belong_to_images,
    images_have_their_shape,
    splits_have_identities,
]
