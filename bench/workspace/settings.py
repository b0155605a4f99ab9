"""What a model and a method are run with: the suite's values, and over these what was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bench.api import Params
from bench.errors import UsageError, shown
from bench.workspace.suite_files import merged
from bench.workspace.suites import NO_DATASET, ModelSettings, Suite
from bench.workspace.typed_text import DEEPEST, type_at
from bench.workspace.validation import validated
from bench.workspace.values import one_value, read_assignments


def model_settings(
    suite: Suite,
    model: str,
    dataset: str | None,
    overrides: Sequence[str],
    settings: Mapping[str, Any] | None = None,
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

    Raises
    ------
    UsageError
        Naming all wrong fields and values.
    """
    content: dict[str, Any] = {"dataset": dataset or NO_DATASET}
    if model in suite.models and dataset in (None, suite.models[model].dataset):
        content = suite.models[model].model_dump(mode="python", exclude_unset=True)
    content = merged(content, settings or {})
    for path, text in read_assignments(overrides, "--set").items():
        _set(content, path, text)
    return validated(ModelSettings, content, "--set")


def _set(content: dict[str, Any], path: str, text: str) -> None:
    """Set the field at a path ("feedback.count") to what a text means; raises UsageError for an impossible path."""
    keys = path.split(".")
    if not all(keys) or len(keys) > DEEPEST:
        raise UsageError(f"--set {shown(path)}: expected a path of fields such as feedback.count")
    kind: Any = ModelSettings
    for key, below in pairwise(keys):
        kind = type_at(kind, key)
        inner = content.get(key, {})
        if type_at(kind, below) is None or not isinstance(inner, Mapping):
            raise UsageError(f"--set {shown(path)}: '{key}' is a single value and has no fields")
        content[key] = dict(inner)  # a copy, so that the caller's mappings stay unchanged
        content = content[key]
    content[keys[-1]] = one_value(type_at(kind, keys[-1]), path, text, "--set")


def method_params(
    config: type[Params], defaults: Mapping[str, Any], assignments: Mapping[str, Any], method: str
) -> Params:
    """Build a method's configuration from the suite's values and ``-p``; reports all wrong ones at once."""
    return validated(config, {**defaults, **assignments}, f"-p (method '{method}')")
