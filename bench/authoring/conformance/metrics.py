"""Checks of a metric, on a perfect pass and on one that changed nothing; and what ``bench show`` says of one."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import api
from bench.authoring.conformance.toys import toy_columns


def facts(cls: type[Any]) -> list[str]:
    """Say what a metric reads."""
    return [f"reads: {', '.join(sorted(cls.columns))}"]


def columns_are_known(cls: type[Any]) -> None:
    """A metric may only read what the engine gathers."""
    known = set(api.Columns.__dataclass_fields__)
    assert cls.columns <= known, f"reads {sorted(cls.columns - known)}; allowed: {sorted(known)}"


def columns_are_declared(cls: type[Any]) -> None:
    """A column that it does not name may be None, as where a method has no identifier."""
    whole = toy_columns(perfect=False)
    optional = {field.name for field in fields(whole) if field.default is None} | {"identifier_scores"}
    missing: dict[str, Any] = dict.fromkeys(optional - cls.columns)
    bare = replace(whole, **missing)
    expected = _numbers(cls().compute(whole))
    try:
        found = _numbers(cls().compute(bare))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise AssertionError(
            f"compute reads a column that `columns` does not name and that may be None ({reason})"
        ) from error
    assert found and found.items() <= expected.items(), "values depend on columns that `columns` does not name"


def values_are_sound(cls: type[Any]) -> None:
    """Values are finite, lie in their interval, count their samples, and are the same twice."""
    for perfect in (True, False):
        columns = toy_columns(perfect=perfect)
        values = cls().compute(columns)
        assert values, "computes nothing on 200 samples with and without the feature"
        for name, value in values.items():
            _require_sound(name, value)
            assert 0 < value.n <= len(columns.labels), f"{name}: n is {value.n} of {len(columns.labels)} samples"
        assert _numbers(cls().compute(columns)) == _numbers(values), "two calls differ"


def _require_sound(name: str, value: api.Value) -> None:
    numbers = [x for x in (value.value, value.low, value.high) if x is not None]
    assert np.isfinite(numbers).all(), f"{name} is {value.value}, interval {value.low} to {value.high}"
    assert (value.low is None) == (value.high is None), f"{name} has one end of an interval"
    if value.low is not None and value.high is not None:
        assert value.low - 1e-12 <= value.value <= value.high + 1e-12, (
            f"{name} = {value.value} lies outside [{value.low}, {value.high}]"
        )


def _numbers(values: dict[str, api.Value]) -> dict[str, float]:
    return {name: value.value for name, value in values.items()}


def perfect_is_not_worse_than_nothing(cls: type[Any]) -> None:
    """Where a direction is better, a pass that removed the feature alone is at least as good as an unchanged one."""
    perfect, nothing = (cls().compute(toy_columns(perfect=end)) for end in (True, False))
    for name in perfect.keys() & nothing.keys():
        good, bad = perfect[name], nothing[name]
        assert good.higher_is_better == bad.higher_is_better, f"{name}: higher_is_better differs between two passes"
        if good.higher_is_better is not None:
            gain = (good.value - bad.value) * (1 if good.higher_is_better else -1)
            assert gain >= -1e-9, (
                f"{name} is {good.value:.4g} where only the feature went and {bad.value:.4g} where nothing changed; "
                f"with higher_is_better={good.higher_is_better} that is worse"
            )


def columns_are_left_alone(cls: type[Any]) -> None:
    """Other metrics read the same arrays."""
    columns = toy_columns(perfect=False)
    cls().compute(columns)
    before, after = _arrays(toy_columns(perfect=False)), _arrays(columns)
    changed = [
        name for name, array in after.items() if not np.array_equal(array, before[name], array.dtype.kind == "f")
    ]
    assert not changed, f"compute changes what it is handed: {', '.join(changed)}"


def _arrays(columns: api.Columns) -> dict[str, NDArray[Any]]:
    values = {field.name: getattr(columns, field.name) for field in fields(columns)}
    return {name: np.asarray(v.mean if isinstance(v, api.Statistics) else v) for name, v in values.items()}


CHECKS = [
    columns_are_known,
    values_are_sound,
    columns_are_declared,
    columns_are_left_alone,
    perfect_is_not_worse_than_nothing,
]
