"""Plug-ins to be checked: the templates of ``bench new`` with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.authoring.conformance import check
from bench.authoring.templates import _filled
from bench.registry import Registry

Problems = dict[str, str]


@pytest.fixture
def problems(plugins) -> Callable[[str], Problems]:
    """Return what is wrong with a plug-in of the folder, by check."""
    return lambda name: {o.check: o.problem for o in check(Registry(plugins.path), name) if o.problem is not None}


@pytest.fixture
def changed(plugins) -> Callable[..., Path]:
    """Write a kind's template as the plug-in ``mine``, with (old, new) pieces of text changed."""

    def write(singular: str, *changes: tuple[str, str]) -> Path:
        code = _filled(singular, "mine")
        for old, new in changes:
            assert code.count(old) == 1, f"the template holds {old!r} {code.count(old)} times"
            code = code.replace(old, new)
        return plugins.write("mine", code)

    return write
