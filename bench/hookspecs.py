"""The kinds of plug-ins, one row each, and the hook by which a plug-in of a kind registers its class.

A further kind is a row of ``KINDS``, its base class in ``bench.api``, its checks in
``bench/authoring/conformance/<name>.py`` and its template in ``bench/authoring/templates/<singular>.py.txt``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("bench")

Register = Callable[[type[Any]], None]


@dataclass(frozen=True)
class Kind:
    """One kind of plug-in.

    Attributes
    ----------
    name : str
        The plural: what ``bench list`` takes, and the module of the kind's checks.
    singular : str
        What ``bench new`` takes, the option that names a plug-in, the template, and the kind of its weights.
    label : str
        What messages call it.
    base : str
        The class of ``bench.api`` that its plug-ins derive from.
    folder : str
        Where built-in ones lie: under ``bench/``, or next to it. Two kinds may share a folder; a file there is of the
        kind whose hook it defines.
    """

    name: str
    singular: str
    label: str
    base: str
    folder: str

    @property
    def one(self) -> str:
        """The name for one such plug-in in messages: "an extractor"."""
        return f"{'an' if self.label[0] in 'aeiou' else 'a'} {self.label}"

    @property
    def hook(self) -> str:
        """The function in which a plug-in registers its class."""
        return f"register_{self.name}"

    @property
    def group(self) -> str:
        """The group of entry points in which installed packages name their plug-ins."""
        return f"bench.{self.name}"


KINDS = (
    Kind("methods", "method", "method", "Method", "methods"),
    Kind("models", "model", "model", "Model", "models"),
    Kind("classifiers", "classifier", "classifier", "Classifier", "classifiers"),
    Kind("extractors", "extractor", "extractor", "Extractor", "classifiers"),
    Kind("datasets", "dataset", "data set", "Dataset", "datasets"),
    Kind("metrics", "metric", "metric", "Metric", "metrics"),
)


def kind_named(name: str) -> Kind:
    """Return the row of a kind by its plural or its singular."""
    return next(kind for kind in KINDS if name in (kind.name, kind.singular))


def _specification(kind: Kind) -> Callable[[Register], None]:
    def register_plugin(register: Register) -> None: ...

    register_plugin.__name__ = kind.hook
    register_plugin.__doc__ = f"Register a subclass of ``bench.api.{kind.base}``."
    return hookspec(register_plugin)


globals().update({kind.hook: _specification(kind) for kind in KINDS})  # register_methods, register_models, ...
