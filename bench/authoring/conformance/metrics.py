"""Checks of a metric on a perfect pass and on one that changed nothing, and its facts for ``bench show``."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import api
from bench.api.metric_checks import RESERVED, require_declared, rows_of
from bench.authoring.conformance.toys import IMAGE_SHAPE, toy_columns, toy_images
from bench.registry import Registry

IMAGE_SHAPES = (IMAGE_SHAPE, (3, 64, 64))


def facts(cls: type[Any]) -> list[str]:
    """Say what a metric reads."""
    images = ["looks at the images"] if cls.looks() else []
    values = [f"values: {', '.join(sorted(cls.values))}"] if cls.values else []
    return [f"reads: {', '.join(sorted(cls.columns))}", *images, *values]


def columns_are_known(cls: type[Any]) -> None:
    """A metric may only read what the engine gathers."""
    require_declared(cls)


def names_are_its_own(cls: type[Any]) -> None:
    """Values are called as declared, and not as those of a built-in metric."""
    registry, taken = Registry(), set(RESERVED)
    for name in registry.names("metrics"):
        built_in = registry.get("metrics", name)
        taken |= set() if built_in is cls else built_in.values
    names = {name.partition("[")[0] for name in cls().compute(_columns(cls, perfect=False))}
    assert not names & taken, f"computes {', '.join(sorted(names & taken))}, which the benchmark computes itself"
    assert not cls.values or names <= cls.values, f"computes {sorted(names - cls.values)}; `values` does not name it"


def looks_at_each_image_alone(cls: type[Any]) -> None:
    """``look`` gives an image the same result in any batch, and accepts both grey and coloured images."""
    if not cls.looks():
        return
    for shape in IMAGE_SHAPES:
        f_images, g_images = (images[:6] for images in toy_images(shape, perfect=True))
        together = rows_of(cls(), f_images, g_images)
        alone = np.concatenate([rows_of(cls(), f_images[i : i + 1], g_images[i : i + 1]) for i in range(6)])
        difference = np.abs(together.astype(np.float64) - alone).max()
        tolerance = 1e-3 * (1 + np.abs(alone.astype(np.float64)).max())
        assert difference <= tolerance, f"look depends on the batch: images one by one differ by {difference:.2g}"


def _columns(cls: type[Any], *, perfect: bool) -> api.Columns:
    """Return the columns of a pass, with what the metric's own look returns."""
    columns = toy_columns(perfect=perfect)
    if not cls.looks():
        return columns
    f_images, g_images = toy_images(IMAGE_SHAPES[0], perfect=perfect)
    metric = cls()
    rows = [rows_of(metric, f_images[i : i + 64], g_images[i : i + 64]) for i in range(0, len(f_images), 64)]
    return replace(columns, looked=np.concatenate(rows))


def columns_are_declared(cls: type[Any]) -> None:
    """A column that it does not name may be None, as where a method has no identifier."""
    whole = _columns(cls, perfect=False)
    optional = {field.name for field in fields(whole) if field.default is None} | {"identifier_scores"}
    missing: dict[str, Any] = dict.fromkeys(optional - cls.columns - {"looked"})
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
        columns = _columns(cls, perfect=perfect)
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
    perfect, nothing = (cls().compute(_columns(cls, perfect=end)) for end in (True, False))
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
    columns = _columns(cls, perfect=False)
    cls().compute(columns)
    before, after = _arrays(_columns(cls, perfect=False)), _arrays(columns)
    changed = [
        name for name, array in after.items() if not np.array_equal(array, before[name], array.dtype.kind == "f")
    ]
    assert not changed, f"compute changes what it is handed: {', '.join(changed)}"


def _arrays(columns: api.Columns) -> dict[str, NDArray[Any]]:
    values = {field.name: getattr(columns, field.name) for field in fields(columns)}
    return {name: np.asarray(v.mean if isinstance(v, api.Statistics) else v) for name, v in values.items()}


CHECKS = [
    columns_are_known,
    looks_at_each_image_alone,
    values_are_sound,
    names_are_its_own,
    columns_are_declared,
    columns_are_left_alone,
    perfect_is_not_worse_than_nothing,
]
