"""Checks of every plug-in."""

from __future__ import annotations

import inspect
from typing import Any

from bench import api


def has_a_docstring(cls: type[Any]) -> None:
    """`bench list` shows the first line of the module's docstring."""
    module = inspect.getmodule(cls)
    assert module is not None and (module.__doc__ or "").strip(), (
        "the file has no docstring; bench list shows its first line"
    )


def config_is_strict(cls: type[Any]) -> None:
    """A typo in -p must be an error."""
    config = cls.Config.model_config
    assert issubclass(cls.Config, api.Params), "Config is no subclass of bench.api.Params"
    assert config.get("frozen") and config.get("extra") == "forbid", "Config must stay frozen, with extra='forbid'"
    undescribed = [name for name, field in cls.Config.model_fields.items() if not field.description]
    assert not undescribed, f"fields without a description: {', '.join(undescribed)}"


def config_has_defaults(cls: type[Any]) -> None:
    """A plug-in runs without any -p."""
    cls.Config()
