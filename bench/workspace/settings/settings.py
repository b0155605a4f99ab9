"""The settings of a model and a method: the suite's values, overridden by the given ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bench.api import Params
from bench.errors import UsageError, shown, unknown
from bench.workspace.settings.plugin_fields import PluginFields
from bench.workspace.settings.suite_files import merged
from bench.workspace.settings.suites import NO_DATASET, ModelSettings, Suite
from bench.workspace.settings.typed_text import DEEPEST, type_at
from bench.workspace.settings.validation import validated
from bench.workspace.settings.values import one_value, read_assignments


def model_settings(
    suite: Suite,
    model: str,
    dataset: str | None,
    overrides: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    plugins: PluginFields | None = None,
) -> ModelSettings:
    """Return a suite's settings for a model, with all overrides applied.

    Parameters
    ----------
    suite : Suite
    model : str
        A model that is not in the suite gets the defaults.
    dataset : str, optional
        ``--dataset``; if the suite names another one, its settings for the model are ignored.
    overrides : sequence of str
        ``--set``: "feedback.count=4000", applied last.
    settings : mapping, optional
        The same overrides as nested values: ``{"feedback": {"count": 4000}}``.
    plugins : PluginFields, optional
        Reads and checks fields of plug-ins by their Configs; without it they take any value.

    Raises
    ------
    UsageError
        Naming all wrong fields and values.
    """
    content: dict[str, Any] = {"dataset": dataset or NO_DATASET}
    if model in suite.models and dataset in (None, suite.models[model].dataset):
        content = suite.models[model].model_dump(mode="python", exclude_unset=True)
    content = merged(content, settings or {})
    typed = read_assignments(overrides, "--set")
    if text := typed.get("dataset"):
        content["dataset"] = text
    for path, text in typed.items():
        _require_setting(path, text)
        _set(content, path, text, plugins)
    found = validated(ModelSettings, content, "--set")
    given = frozenset([*_places(settings or {}), *(tuple(path.split(".")[:n]) for path in typed for n in (1, 2))])
    if plugins and (wrong := list(plugins.wrong(content, given))):
        raise UsageError(f"--set: {len(wrong)} wrong value(s)\n" + "\n".join(f"  {text}" for text in wrong))
    return found


def _require_setting(path: str, text: str) -> None:
    """Raise UsageError for what looks like a hyper-parameter of a method, with what to type instead."""
    if path.isidentifier() and path not in ModelSettings.model_fields:
        wrong = unknown("setting", path, ModelSettings.model_fields, "--set")
        typed = f"{shown(path)}={shown(text)}"
        raise UsageError(f"{wrong} A hyper-parameter of a method: -p {typed}, or --set methods.METHOD.{typed}")


def _places(settings: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the tables of nested settings."""
    inner = {name: value for name, value in settings.items() if isinstance(value, Mapping)}
    return [(name, *rest) for name, value in inner.items() for rest in [(), *_places(value)]]


def _set(content: dict[str, Any], path: str, text: str, plugins: PluginFields | None) -> None:
    """Set the field at a path ("feedback.count") to what a text means; raises UsageError for an impossible path."""
    keys, dataset = path.split("."), content["dataset"]
    if not all(keys) or len(keys) > DEEPEST:
        raise UsageError(f"--set {shown(path)}: expected a path of fields such as feedback.count")
    kind: Any = ModelSettings
    for number, (key, below) in enumerate(pairwise(keys), 1):
        kind = (plugins and plugins.config_at(tuple(keys[:number]), dataset)) or type_at(kind, key)
        inner = content.get(key, {})
        if type_at(kind, below) is None or not isinstance(inner, Mapping):
            raise UsageError(f"--set {shown(path)}: '{shown(key)}' is a single value and has no fields")
        content[key] = dict(inner)  # a copy, so that the caller's mappings stay unchanged
        content = content[key]
    content[keys[-1]] = one_value(type_at(kind, keys[-1]), path, text, "--set")


def method_params(
    config: type[Params], defaults: Mapping[str, Any], assignments: Mapping[str, Any], method: str
) -> Params:
    """Build a method's configuration from the suite's values and ``-p``; reports all wrong ones at once."""
    return validated(config, {**defaults, **assignments}, f"-p (method '{method}')")
