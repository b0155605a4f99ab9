"""Checks of a data set, of its images as far as they are here; and what ``bench show`` says of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from bench import api
from bench.errors import BenchError, DataError

LOOKED_AT = 5  # images of a split


def facts(cls: type[Any]) -> list[str]:
    """Say what a data set offers."""
    if cls.classifier is None:
        return ["features: whatever was clicked", "oracle: none", "images: none"]
    return [f"features: {', '.join(cls.features)}", f"oracle: {cls.classifier}", f"images: {cls.image_shape}"]


def splits_of(cls: type[Any]) -> dict[str, api.Split]:
    """Return the splits that are here, by name; an absent file is a DataError."""
    found = {}
    for name in dict.fromkeys(("train", "test", cls.training_split)):
        try:
            found[name] = cls().split(name)
        except DataError:
            continue
    return found


def oracle_is_named(cls: type[Any]) -> None:
    """A data set names its oracle and its features; without an oracle it has neither."""
    if cls.classifier is None:
        assert cls.label and not cls.features, "without a classifier, features are whatever was clicked"
        return
    assert cls.features and isinstance(cls.classifier, str) and cls.label, "features, classifier and label must be set"
    assert len(cls.image_shape) == 3, "image_shape is (C, H, W)"


def names_are_tuples(cls: type[Any]) -> None:
    """One name is a tuple of one: ``("beard",)``."""
    for field in ("features", "extractors"):
        value = getattr(cls, field)
        assert isinstance(value, tuple) and all(isinstance(name, str) for name in value), (
            f"{field} is {value!r}, not a tuple of names"
        )


def features_follow_attributes(cls: type[Any]) -> None:
    """``feature_attributes`` says which value of which attribute is the feature; else the oracle says."""
    unknown = set(cls.feature_attributes) - set(cls.features)
    assert not unknown, f"feature_attributes names {', '.join(sorted(unknown))}, which features does not"
    for feature, (attribute, value) in cls.feature_attributes.items():
        labels = cls().has_feature(pd.DataFrame({attribute: [True, False]}), feature)
        assert labels is not None and labels.tolist() == [value, not value], f"has_feature is wrong about {feature}"


def an_unknown_split_is_refused(cls: type[Any]) -> None:
    """In words, not with a traceback."""
    try:
        cls().split("no such split")
    except BenchError:
        return
    raise AssertionError("split('no such split') must raise DataError or UsageError")


def attributes_belong_to_images(cls: type[Any]) -> None:
    """One row per image; the attributes that carry features are among the columns."""
    for name, split in splits_of(cls).items():
        assert len(split) == len(split.attributes), f"{name}: len(split) is not the number of rows"
        missing = {attribute for attribute, _ in cls.feature_attributes.values()} - set(split.attributes.columns)
        assert not missing, f"{name}: no attribute {', '.join(sorted(missing))}, which feature_attributes names"


def images_have_their_shape(cls: type[Any]) -> None:
    """``read`` gives uint8 images of the declared shape, in the order asked for, the same ones every time."""
    for name, split in splits_of(cls).items():
        rows = np.arange(min(LOOKED_AT, len(split)))
        images = split.read(rows)
        expected = (len(rows), *cls.image_shape)
        assert isinstance(images, torch.Tensor) and images.dtype == torch.uint8, f"{name}: images are not uint8 tensors"
        assert tuple(images.shape) == expected, f"{name}: images have shape {tuple(images.shape)}, not {expected}"
        assert torch.equal(split.read(rows[::-1].copy()), images.flip(0)), (
            f"{name}: read gives other images for the same indices in another order"
        )


def splits_have_identities(cls: type[Any]) -> None:
    """The same images have the same hash, and other splits another one."""
    splits = splits_of(cls)
    for name, split in splits.items():
        assert split.sha256 and split.sha256 == cls().split(name).sha256, f"{name}: sha256 is empty, or differs"
        assert split.sha256 == cls().identity(name), f"{name}: identity() is not the split's sha256"
    if {"train", "test"} <= splits.keys():
        assert splits["train"].sha256 != splits["test"].sha256, "train and test have the same sha256"


CHECKS = [
    oracle_is_named,
    names_are_tuples,
    features_follow_attributes,
    an_unknown_split_is_refused,
    attributes_belong_to_images,
    images_have_their_shape,
    splits_have_identities,
]
