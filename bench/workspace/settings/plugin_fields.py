"""Settings that are fields of a Config: those of the ``pretrain`` tables, of ``student`` and of ``methods.<name>``.

Where a plug-in is here and loads, its Config says how a typed value is read and which fields and values it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bench.api import Params, Pretrained, Trainable
from bench.errors import PluginError, UsageError, unknown
from bench.registry import Registry
from bench.toolkit.student import StudentParams
from bench.workspace.settings.validation import explain

Place = tuple[str, ...]  # the keys that lead to a table of settings
EXTRACTORS: Place = ("evaluation", "pretrain")


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
    extractors : callable
        Maps the data set's name to its extractors' names.
    trained : callable
        Maps an extractor's name to the plug-in that is trained here for it, None if it has other weights.
    """

    registry: Registry
    model: str
    classifier: Callable[[str], str | None]
    extractors: Callable[[str], Sequence[str]]
    trained: Callable[[str], str | None]

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
        for place, fields in tables(content):
            try:
                configs = self._configs(place, content)
            except (PluginError, UsageError):
                if place in typed:
                    raise
                continue  # a suite may name what does not load here
            if configs:
                wrong = dict.fromkeys(text for config in configs for text in rejected(config, fields))
                yield from (f"{'.'.join(place)}{text}" for text in wrong)
            elif fields and place != EXTRACTORS:  # which of a command's models have such extractors is known later
                yield f"{'.'.join(place)}: has no effect, since nothing that it configures is trained here"

    def _configs(self, place: Place, content: Mapping[str, Any]) -> list[type[Params]]:
        """Return the Configs that read a table: several if several extractors are trained here."""
        if place != EXTRACTORS:
            config = self.config_at(place, content["dataset"])
            return [] if config is None else [config]
        if not content.get("evaluation", {}).get("pretrain"):
            return []
        named = content["evaluation"].get("extractors")
        names = dict.fromkeys(map(self.trained, self.extractors(content["dataset"]) if named is None else named))
        found = [_trainable(self.registry.get("extractors", name)) for name in names if name is not None]
        return [config for config in found if config is not None]


def _trainable(plugin: type[Any]) -> type[Params] | None:
    trainable = issubclass(plugin, Trainable) and not issubclass(plugin, Pretrained)
    config: type[Params] | None = plugin.Config if trainable else None
    return config


def tables(content: Mapping[str, Any]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Yield the tables of a model's settings that are fields of a Config, each with where it is."""
    for name in ("pretrain", "student"):
        yield (name,), content.get(name, {})
    for name in ("oracle", "evaluation"):
        yield (name, "pretrain"), content.get(name, {}).get("pretrain", {})
    for name, fields in content.get("methods", {}).items():
        yield ("methods", name), fields


def rejected(config: type[Params], fields: Mapping[str, Any], *, whole: bool = False) -> Iterator[str]:
    """Yield what a Config rejects in some of its fields, ".epochs: should be a valid integer"; others may be missing.

    ``whole``: also what it rejects in several fields together, ": a is less than b".
    """
    try:
        config.model_validate(dict(fields))
    except ValidationError as error:
        for each in error.errors():
            if (each["loc"] or whole) and each["type"] != "missing":
                yield f"{''.join(f'.{key}' for key in each['loc'])}: {explain(each, config)}"
