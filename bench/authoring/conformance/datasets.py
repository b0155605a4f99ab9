"""Checks of a data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd


def oracle_is_named(cls: type[Any]) -> None:
    """A data set names its oracle and its features; without an oracle it has neither."""
    if cls.classifier is None:
        assert cls.label and not cls.features, "without a classifier, features are whatever was clicked"
        return
    assert cls.features and isinstance(cls.classifier, str) and cls.label, "features, classifier and label must be set"
    assert len(cls.image_shape) == 3, "image_shape is (C, H, W)"


def features_follow_attributes(cls: type[Any]) -> None:
    """``feature_attributes`` says which value of which attribute is the feature; else the oracle says."""
    assert set(cls.feature_attributes) <= set(cls.features), "feature_attributes names what is no feature"
    for feature, (attribute, value) in cls.feature_attributes.items():
        labels = cls().has_feature(pd.DataFrame({attribute: [True, False]}), feature)
        assert labels is not None and labels.tolist() == [value, not value], f"has_feature is wrong about {feature}"


DATASET_CHECKS: list[Callable[[Any], None]] = [oracle_is_named, features_follow_attributes]
