"""Checks of every plug-in, and of every plug-in with hyper-parameters."""

from __future__ import annotations

import inspect
import json
from difflib import get_close_matches
from typing import Any

from bench import api

ALIKE = 0.88  # likeness of two names from which one is taken for a typing error of the other


class NotChecked(Exception):
    """Raised by a check that cannot run because something is missing; the text says what."""


def has_a_docstring(cls: type[Any]) -> None:
    """`bench list` shows the first line of the module's docstring."""
    module = inspect.getmodule(cls)
    assert module is not None and (module.__doc__ or "").strip(), (
        "the file has no docstring; bench list shows its first line"
    )


def no_name_is_misspelt(cls: type[Any]) -> None:
    """`def rebild` or `need = ...` would never be looked at."""
    base = next(each for each in cls.__mro__ if each.__module__.startswith("bench.api"))
    own = {name for each in cls.__mro__[: cls.__mro__.index(base)] for name in vars(each) if name[0] != "_"}
    unused = [name for name in dir(base) if name[0] != "_" and name not in own]
    likely = {name: get_close_matches(name, unused, n=1, cutoff=ALIKE) for name in sorted(own - {*dir(base)})}
    wrong = [f"{name} (did you mean {near[0]}?)" for name, near in likely.items() if near]
    assert not wrong, f"names that nothing reads: {', '.join(wrong)}"


def config_is_strict(cls: type[Any]) -> None:
    """A typo in -p must be an error."""
    config = cls.Config.model_config
    assert issubclass(cls.Config, api.Params), "Config is not a subclass of bench.api.Params"
    assert config.get("frozen") and config.get("extra") == "forbid", "Config must stay frozen, with extra='forbid'"
    undescribed = [name for name, field in cls.Config.model_fields.items() if not field.description]
    assert not undescribed, f"fields without a description: {', '.join(undescribed)}"


def config_has_defaults(cls: type[Any]) -> None:
    """A plug-in runs without any -p."""
    cls.Config()


def config_can_be_stored(cls: type[Any]) -> None:
    """Configurations are stored as JSON, with the weights and in every record."""
    config = cls.Config()
    assert stored(config) == config, "Config() changes when it is stored as JSON and read back"


def stored(config: api.Params) -> api.Params:
    """Return a configuration after a round trip through JSON."""
    return type(config).model_validate(json.loads(json.dumps(config.model_dump(mode="json"))))


CONFIG_CHECKS = [config_is_strict, config_has_defaults, config_can_be_stored]
