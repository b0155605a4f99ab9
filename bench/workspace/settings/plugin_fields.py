"""Settings that are fields of a Config: in ``pretrain``, ``oracle.pretrain``, ``student`` and ``methods.<name>``.

A suite's tables hold any value there, since a suite may name plug-ins that are not here. Where a plug-in is here, its
Config says how a typed value is read and which fields and values it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bench.api import Params, Pretrained, Trainable
from bench.errors import PluginError, UsageError, unknown
from bench.registry import Registry
from bench.toolkit.student import StudentParams
from bench.workspace.settings.validation import explain

Place = tuple[str, ...]  # the keys that lead to a table of settings


@dataclass(frozen=True)
class PluginFields:
    """Knows the Config behind each table of one model's settings.

    Attributes
    ----------
    registry : Registry
    model : str
        Registered name.
    classifier : callable
        Maps the data set's name to its classifier's, None if it has none.
    """

    registry: Registry
    model: str
    classifier: Callable[[str], str | None]

    def config_at(self, place: Place, dataset: str) -> type[Params] | None:
        """Return the Config behind a table; None if there is none: it is not a plug-in's, or nothing is trained.

        Raises
        ------
        UsageError
            If the method is unknown; the error names the nearest.
        PluginError
            If the plug-in cannot be loaded.
        """
        if place == ("student",):
            return StudentParams
        if place == ("pretrain",):
            return _trainable(self.registry.get("models", self.model, "--model"))
        if place == ("oracle", "pretrain"):
            name = self.classifier(dataset)
            return None if name is None else _trainable(self.registry.get("classifiers", name))
        if len(place) == 2 and place[0] == "methods":
            if place[1] not in self.registry.names("methods"):
                raise unknown("method", place[1], self.registry.names("methods"), "--set methods")
            config: type[Params] = self.registry.get("methods", place[1]).Config
            return config
        return None

    def wrong(self, content: Mapping[str, Any], typed: frozenset[Place]) -> Iterator[str]:
        """Yield what the Configs reject in a model's settings, "methods.ours.epochs: should be a valid integer".

        Parameters
        ----------
        content : mapping
            The settings, valid as ``ModelSettings``.
        typed : set of Place
            The tables in which something was typed or given in Python, whose plug-ins must be here.
        """
        for place, fields in _tables(content):
            try:
                config = self.config_at(place, content["dataset"])
            except (PluginError, UsageError):
                if place in typed:
                    raise
                continue  # a suite may name what is not here
            if config is not None:
                yield from (f"{'.'.join(place)}.{text}" for text in _rejected(config, fields))
            elif fields:
                yield f"{'.'.join(place)}: has no effect, since nothing that it configures is trained here"


def _trainable(plugin: type[Any]) -> type[Params] | None:
    trainable = issubclass(plugin, Trainable) and not issubclass(plugin, Pretrained)
    config: type[Params] | None = plugin.Config if trainable else None
    return config


def _tables(content: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for name in ("pretrain", "student"):
        yield (name,), content.get(name, {})
    yield ("oracle", "pretrain"), content.get("oracle", {}).get("pretrain", {})
    for name, fields in content.get("methods", {}).items():
        yield ("methods", name), fields


def _rejected(config: type[Params], fields: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a Config rejects in some of its fields; the others may be missing."""
    try:
        config.model_validate(dict(fields))
    except ValidationError as error:
        for each in error.errors():
            if each["loc"] and each["type"] != "missing":
                yield f"{'.'.join(map(str, each['loc']))}: {explain(each, config)}"
