"""Apply the options of ``bench table`` to a table: further methods, chosen rows, chosen columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.errors import UsageError, shown, unknown
from bench.report.tables.budgets import budgets
from bench.report.tables.definitions import Options, Table, Variant, clicked, stepped, table_named
from bench.report.tables.value_names import ValueNames
from bench.workspace.settings.asked_methods import divided, read_method
from bench.workspace.settings.suites import Suite, load_suite
from bench.workspace.settings.values import assignments, grid_of, read_assignments
from bench.workspace.workspace import Workspace

FIXED = ("1", "damage")  # tables whose columns mean nothing without one another


def table_asked(name: str, options: Options, workspace: Workspace, names: ValueNames) -> Table:
    """Return a table as it was asked for.

    Raises
    ------
    UsageError
        Unknown names; columns of a table that has fixed ones; a setting that the table's rows vary themselves.
    """
    table, suite = table_named(name), load_suite(options.suite)
    if table.name in FIXED and options.metrics:
        raise UsageError(f"--metric: the columns of table {table.name} are fixed")
    if not table.variants:
        if options.methods or options.only:
            raise UsageError(f"--method, --only: table {table.name} counts images, and has no methods")
        return table
    if table.varied == "sweep":
        table = replace(table, variants=[point for each in table.variants for point in swept(each, suite, workspace)])
    if table.varied == "budget":
        table = replace(table, variants=[*table.variants, *budgets(options, workspace)])
    own = [Variant(v.label, v.method, v.params, model=v.model, features=v.features or ()) for v in suite.variants]
    variants = _distinct([*table.variants, *(own if table.open else ())])
    variants = _distinct([*variants, *_further(table, options.methods, suite, workspace)])
    if options.only:
        variants = _only(table, variants, options.only, suite, workspace)
    _require_free(variants, options.overrides)
    added = [name.removeprefix("+") for name in options.metrics if name.startswith("+")]
    return replace(
        table,
        variants=tuple(variants),
        metrics=tuple(_columns(table, options.metrics, names)),
        chosen=len(added) < len(options.metrics),
        narrow=(*table.narrow, *(name.partition("[")[0] for name in names.columns(added))) if table.narrow else (),
    )


def _distinct(variants: Sequence[Variant]) -> list[Variant]:
    """Return each row once, in its first place."""
    found: dict[tuple[str, str], Variant] = {}
    for variant in variants:
        found.setdefault((variant.label, variant.model), variant)
    return list(found.values())


def _columns(table: Table, asked: Sequence[str], names: ValueNames) -> list[str]:
    """Return the columns: those asked for, or the table's own and those asked for with a plus."""
    added = [name.removeprefix("+") for name in asked if name.startswith("+")]
    chosen = [name for name in asked if not name.startswith("+")]
    return list(dict.fromkeys([*(names.columns(chosen) if chosen else table.metrics), *names.columns(added)]))


# --- rows ---------------------------------------------------------------------------------------------


def _further(table: Table, asked: Sequence[str], suite: Suite, workspace: Workspace) -> Iterator[Variant]:
    """Yield the variants of methods that are not the table's own: one each, or those along which it varies methods."""
    for text in asked:
        for variant in variants_of(text, workspace):
            if table.varied == "clicks":
                yield from clicked(variant)
            elif table.varied == "steps":
                _require_steps(variant, workspace)
                yield from stepped(variant)
            elif table.varied == "sweep":
                yield from swept(variant, suite, workspace)
            else:
                yield variant


def _require_steps(variant: Variant, workspace: Workspace) -> None:
    """Raise UsageError for a method whose training is not counted in steps."""
    field = workspace.registry.get("methods", variant.method, "--method").Config.model_fields.get("epochs")
    if field is None or field.annotation is not int:
        raise UsageError(
            f"--method {variant.method}: takes no steps that can be counted (-p epochs), so it has no row here"
        )


def variants_of(text: str, workspace: Workspace) -> list[Variant]:
    """Return the rows of a method as asked for: by name, or with parameters (``mine -p mix=0.5//1``)."""
    asked = read_method(text)
    config = workspace.registry.get("methods", asked.name, "--method").Config
    grid = grid_of(config, read_assignments(asked.params, "-p"), "-p")
    return [Variant(", ".join([asked.name, *assignments(values)]), asked.name, values) for values in grid]


def swept(variant: Variant, suite: Suite, workspace: Workspace) -> list[Variant]:
    """Return the curve of a method: its default, and the values of the parameter that the suite or the method names."""
    cls = workspace.registry.get("methods", variant.method, "--method")
    sweep: Mapping[str, Sequence[Any]] = suite.sweeps.get(variant.method) or cls.sweep()
    start = replace(variant, family=variant.label)
    default = [_point(start, name, cls.Config.model_fields[name].default) for name in sweep if _says(variant, name)]
    points = (default or [start])[:1]
    points += [_point(start, name, value) for name, values in sweep.items() for value in values]
    if len(points) == 1:
        workspace.progress.note(
            f"method '{variant.method}' names no parameter to sweep, so its curve is one point. Name one: a method "
            f"`sweep` of its class, or in the suite [sweeps.{variant.method}]"
        )
    return points


def _point(variant: Variant, name: str, value: Any) -> Variant:
    said = _says(variant, name) and isinstance(value, (int, float))
    label = variant.point.format(**{name: value}) if said else f"{variant.label}, {name} = {value}"
    return replace(variant, label=label, params={**variant.params, name: value})


def _says(variant: Variant, name: str) -> bool:
    """Say whether the names of a curve's points are made for a parameter."""
    return f"{{{name}:" in variant.point


def _only(
    table: Table, variants: Sequence[Variant], asked: Sequence[str], suite: Suite, workspace: Workspace
) -> list[Variant]:
    """Return the variants that were asked for, in this order; a method that is not among them is added.

    In table damage the first family stays, since all others are compared with it.
    """
    base = [v for v in variants if v.family == table.variants[0].family] if table.name == "damage" else []
    chosen = [*base]
    for text in _labels(asked, {variant.label for variant in variants}):
        found = [v for v in variants if v.label == text] or [v for v in variants if text in (v.family, v.method)]
        if not found and (name := read_method(text).name) not in (known := workspace.registry.names("methods")):
            labels = {text for variant in variants for text in (variant.label, variant.family) if text}
            raise unknown("row", name, labels | {*known}, "--only")
        chosen += found or list(_further(table, [text], suite, workspace))
    return _distinct(chosen)


def _labels(asked: Sequence[str], labels: set[str]) -> Iterator[str]:
    """Split comma lists; a comma that is part of a label does not divide."""
    for text in asked:
        head, params = divided(text)
        *others, last = head.split(",")
        parts = [*others, last + params]
        while parts:
            taken = next((k for k in range(len(parts), 1, -1) if ",".join(parts[:k]).strip() in labels), 1)
            if name := ",".join(parts[:taken]).strip():
                yield name
            parts = parts[taken:]


def _require_free(variants: Sequence[Variant], overrides: Sequence[str]) -> None:
    """Raise UsageError if ``--set`` fixes a setting in which the rows differ."""
    varied = {f"{group}.{name}" for variant in variants for group, inner in variant.settings.items() for name in inner}
    for name in varied & read_assignments(overrides, "--set").keys():
        raise UsageError(f"--set {shown(name)}: the rows of this table differ in it; leave it out")
