"""Check a suite file's names and fields against the plug-ins that are here; errors name the file and the table."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from bench.api import Params
from bench.errors import MOST, PluginError, UsageError, shown, suggestion
from bench.registry import Registry
from bench.workspace.settings.plugin_fields import PluginFields, rejected
from bench.workspace.settings.suites import Suite, VariantSettings, load_suite

OWN = "To use your own plug-ins: --plugins DIR"


def unknown_names(name: str, registry: Registry) -> tuple[str, ...]:
    """Say which models, data sets and methods a suite (``--suite``) names that are not here.

    Each may be a typo, or a plug-in's of whoever shared the suite; so it is told and not refused.
    """
    return tuple(f"--suite {name}: {text}" for text in _few([*_unknown(load_suite(name), registry)]))


def require_variants(suite: Suite, name: str, registry: Registry, methods: Collection[str]) -> None:
    """Raise UsageError if one of these methods is not here, and a variant of the suite names it."""
    named = [each for each in suite.variants if each.method in methods]
    _raise(name, _unknown_variants(named, registry.names("methods")))


def require_fitting(
    suite: Suite, name: str, plugins: PluginFields, methods: Collection[str], *, together: bool = False
) -> None:
    """Raise UsageError for what a suite sets for a model and methods, if a plug-in does not take it.

    Parameters
    ----------
    suite : Suite
    name : str
        As typed (``--suite``).
    plugins : PluginFields
        Of a model of the suite.
    methods : collection of str
        Those that run; variants and sweeps of others are left alone.
    together : bool
        Ask also whether the values of a method fit one another, which what is typed after ``-p`` may mend.
    """
    _raise(name, _unfitting(suite, plugins, methods, together))


def require_recipe(suite: Suite, name: str, model: str, config: type[Params]) -> None:
    """Raise UsageError for fields of a suite's ``pretrain`` that a model's Config does not take."""
    _raise(name, (f"models.{model}.pretrain{text}" for text in rejected(config, suite.models[model].pretrain)))


def _raise(name: str, found: Iterable[str]) -> None:
    if not (wrong := [*found]):
        return
    lines = "\n".join(f"  {text}" for text in _few(wrong))
    raise UsageError(f"--suite {name}: {len(wrong)} wrong value(s)\n{lines}")


def _few(texts: Sequence[str]) -> list[str]:
    return [*texts[:MOST], *([f"and {len(texts) - MOST} more"] if len(texts) > MOST else [])]


def _unless(what: str, name: str, known: Sequence[str], place: str) -> Iterator[str]:
    if name not in known:
        yield f"{place}: unknown {what} '{shown(name)}'. {suggestion(name, known)} {OWN}"


def _unknown_variants(variants: Iterable[VariantSettings], methods: Sequence[str]) -> Iterator[str]:
    for variant in variants:
        yield from _unless("method", variant.method, methods, f"variant '{shown(variant.label)}'")


def _unknown(suite: Suite, registry: Registry) -> Iterator[str]:
    models, methods, datasets = (registry.names(kind) for kind in ("models", "methods", "datasets"))
    for model, settings in suite.models.items():
        place = f"models.{shown(model)}"
        yield from _unless("model", model, models, place)
        yield from _unless("data set", settings.dataset, datasets, f"{place}.dataset")
        for method in settings.methods:
            yield from _unless("method", method, methods, f"{place}.methods.{shown(method)}")
    yield from _unknown_variants(suite.variants, methods)
    for method in suite.sweeps:
        yield from _unless("method", method, methods, f"sweeps.{shown(method)}")


def _unfitting(suite: Suite, plugins: PluginFields, methods: Collection[str], together: bool) -> Iterator[str]:
    model, registry = plugins.model, plugins.registry
    settings, place = suite.models[model], f"models.{shown(model)}"
    content = settings.model_dump(mode="python", exclude_unset=True)
    yield from (f"{place}.{text}" for text in plugins.wrong(content, frozenset()))
    for kind, what in (("metrics", "metric"), ("extractors", "extractor")):
        known = registry.names(kind)
        for name in getattr(settings.evaluation, kind) or ():
            if name not in known and (kind == "metrics" or plugins.trained(name) is None):
                yield f"{place}.evaluation.{kind}: unknown {what} '{shown(name)}'. {suggestion(name, known)} {OWN}"
    for method in methods:
        config = _config(registry, method)
        if config is None:
            continue
        shared = settings.params_for(method, config) if together else {}
        if together:
            yield from (f"{place}.methods.{method}{text}" for text in rejected(config, shared, whole=True))
        for variant in suite.variants:
            if (variant.model, variant.method) == (model, method):
                found = rejected(config, {**shared, **variant.params}, whole=together)
                yield from (f"variant '{shown(variant.label)}': params{text}" for text in found)
        for field, values in suite.sweeps.get(method, {}).items():
            each = (rejected(config, {**shared, field: value}, whole=together) for value in values)
            yield from (f"sweeps.{method}{text}" for text in dict.fromkeys(itertools.chain.from_iterable(each)))


def _config(registry: Registry, method: str) -> type[Params] | None:
    """Return a method's Config; None for one that does not load, whose cells say why."""
    try:
        config: Any = registry.get("methods", method, "--method").Config
    except PluginError:
        return None
    return config  # type: ignore[no-any-return]
