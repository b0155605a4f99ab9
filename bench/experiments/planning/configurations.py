"""Turn requested hyper-parameters into the configuration of every method on every model."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.api import Params
from bench.errors import PluginError, UsageError, unknown
from bench.experiments.cells.cell import Untyped
from bench.workspace.settings.asked_methods import AskedMethod
from bench.workspace.settings.settings import method_params
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.settings.values import grid_of, read_assignments
from bench.workspace.workspace import Workspace


@dataclass(frozen=True)
class Configured:
    """A method's Config, and which of its fields were asked for."""

    params: Params
    named: tuple[str, ...]


def configurations(
    methods: Sequence[AskedMethod],
    settings_of: Mapping[str, ModelSettings],
    typed: Mapping[str, str],
    values: Mapping[str, Any],
    workspace: Workspace,
) -> dict[tuple[str, AskedMethod], list[Configured]]:
    """Return the configurations to run by (model, method).

    Parameters
    ----------
    methods : sequence of AskedMethod
    settings_of : mapping of str to ModelSettings
        By model.
    typed : mapping of str to str
        What was typed after ``-p`` for all of them.
    values : mapping of str to Any
        Hyper-parameters of all of them as values.
    workspace : Workspace

    Raises
    ------
    UsageError
        For everything that is wrong with ``-p``, at once.
    """
    configs = _configs([each.name for each in methods], workspace)
    fields = {name for config in configs.values() for name in config.model_fields}
    flag = f"-p (methods {', '.join(configs)})"
    wrong = [str(unknown("parameter", name, fields, flag)) for name in typed if name not in fields]
    found = {}
    for model, method in itertools.product(settings_of, methods):
        config = configs[method.name]
        try:
            own = {**_of(config, typed), **_typed_for(method, config)}
            defaults = {**settings_of[model].params_for(method.name, config), **values}
            found[model, method] = [
                Configured(method_params(config, defaults, each, method.name), (*values, *own))
                for each in grid_of(config, own, "-p")
            ]
        except UsageError as error:
            wrong.append(str(error))
    if wrong:
        lines = (line for text in wrong for line in re.split(r"\n(?! )", text))  # indented ones belong to the one above
        raise UsageError("\n".join(dict.fromkeys(lines)))
    return found


def _of(config: type[Params], typed: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in typed.items() if name in config.model_fields}


def _typed_for(method: AskedMethod, config: type[Params]) -> dict[str, str]:
    """Return what was typed for one method alone; nothing for one that does not load, whose fields are unknown."""
    return {} if config is Untyped else read_assignments(method.params, "-p")


def _configs(methods: Sequence[str], workspace: Workspace) -> dict[str, type[Params]]:
    """Return the methods' configurations; a method that does not load has none that is known, and its cells wait.

    Raises
    ------
    PluginError
        If none loads.
    """
    found: dict[str, type[Params]] = {}
    broken: list[PluginError] = []
    for name in methods:
        try:
            found[name] = workspace.registry.get("methods", name, "--method").Config
        except PluginError as error:
            found[name] = Untyped
            broken.append(error)
    if broken and len(broken) == len(methods):
        raise broken[0]
    return found
