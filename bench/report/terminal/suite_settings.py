"""The hyper-parameters that a suite sets, as ``bench show METHOD`` and every plan print them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.api import Params
from bench.errors import UsageError
from bench.experiments.cells.cell import Cell
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.settings.suite_files import suite_names
from bench.workspace.settings.suites import Suite, load_suite
from bench.workspace.settings.values import assignments


def require_not_shown_elsewhere(registry: Registry, name: str) -> None:
    """Raise UsageError for a suite or shipped weights, which are not plug-ins, with the command that shows them."""
    if name in {source.name for source in registry.sources}:
        return
    if name in manifest.entries():
        raise UsageError(f"NAME: '{name}' are shipped weights. See them with: bench zoo list")
    if name in suite_names():
        raise UsageError(f"NAME: '{name}' is a suite. See what it sets with: bench show METHOD --suite {name}")


def of_plan(cells: Sequence[Cell]) -> list[str]:
    """Say what the suite sets for the methods of a plan, and for which it sets nothing."""
    groups: dict[str, dict[str, list[str]]] = {}  # what is set, to model, to methods
    for cell in cells:
        methods = groups.setdefault(" ".join(assignments(cell.from_suite)), {}).setdefault(cell.model, [])
        if cell.method not in methods:
            methods.append(cell.method)
    return [f"suite '{cells[0].suite}' sets {what or 'nothing'} for {_for(models)}" for what, models in groups.items()]


def of_method(registry: Registry, name: str, suite: str | None) -> list[str]:
    """Say what suites set for a method, model by model; nothing for a plug-in of another kind.

    Parameters
    ----------
    registry : Registry
    name : str
        Of a plug-in.
    suite : str, optional
        A suite's name or file; every built-in one by default.
    """
    if name not in registry.names("methods"):
        return []
    config = registry.get("methods", name).Config
    lines = []
    for each in map(load_suite, [suite] if suite else suite_names()):
        for what, models in _by_value(each, name, config).items():
            lines.append(f"  {each.name:10} {', '.join(models):20} {what}")
    if not lines:
        return [f"set by {f'suite {suite}' if suite else 'suites'}: nothing; the defaults hold for every model"]
    return [
        "set by suites over these defaults, below -p (shared: for every method with the student's parameters):",
        *lines,
    ]


def _by_value(suite: Suite, name: str, config: type[Params]) -> dict[str, list[str]]:
    """Return what a suite sets for a method, each with the models that it is set for."""
    found: dict[str, list[str]] = {}
    for model, settings in suite.models.items():
        every, own = settings.params_for(None, config), settings.methods.get(name, {})
        shared = {field: value for field, value in every.items() if field not in own}
        texts = [*assignments(shared), *(["(shared)"] if shared else []), *assignments(own)]
        if texts:
            found.setdefault(" ".join(texts), []).append(model)
    return found


def _for(models: dict[str, list[str]]) -> str:
    """Write "ours, probe on vae, dcgan; reject on vae"."""
    by_methods: dict[str, list[str]] = {}
    for model, methods in models.items():
        by_methods.setdefault(", ".join(methods), []).append(model)
    return "; ".join(f"{methods} on {', '.join(on)}" for methods, on in by_methods.items())
