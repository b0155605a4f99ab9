"""Checks of a metric, on a perfect and on a null pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench import api
from bench.authoring.conformance.toys import toy_columns


def columns_are_known(cls: type[Any]) -> None:
    """A metric may only read what the engine gathers."""
    known = set(api.Columns.__dataclass_fields__)
    assert cls.columns <= known, f"reads {sorted(cls.columns - known)}; allowed: {sorted(known)}"


def values_are_sound(cls: type[Any]) -> None:
    """Values are finite, lie in their interval, and are the same twice."""
    for perfect in (True, False):
        values = cls().compute(toy_columns(perfect=perfect))
        assert values, "computes nothing on 200 samples with and without the feature"
        for name, value in values.items():
            numbers = [x for x in (value.value, value.low, value.high) if x is not None]
            assert np.isfinite(numbers).all(), f"{name} is {value.value}, interval {value.low} to {value.high}"
            if value.low is not None and value.high is not None:
                assert value.low - 1e-12 <= value.value <= value.high + 1e-12, (
                    f"{name} = {value.value} lies outside [{value.low}, {value.high}]"
                )
        again = cls().compute(toy_columns(perfect=perfect))
        assert {n: v.value for n, v in again.items()} == {n: v.value for n, v in values.items()}, "two calls differ"


METRIC_CHECKS: list[Callable[[Any], None]] = [columns_are_known, values_are_sound]
