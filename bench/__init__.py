"""Feature unlearning of pre-trained image generators: an evaluation and benchmark suite.

``import bench`` is cheap: torch is imported where it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core import old_paths
from bench.core.version import __version__ as __version__

if TYPE_CHECKING:
    from bench.library.click import click
    from bench.library.clicks import ask_oracle, make_feedback
    from bench.library.evaluate import evaluate
    from bench.library.generators import load, sample, save
    from bench.library.known import KnownGenerator, LoadedGenerator, UnlearnedGenerator
    from bench.library.places import open_workspace
    from bench.library.results import results
    from bench.library.task import Task
    from bench.library.unlearn import unlearn

__all__ = [
    "KnownGenerator",
    "LoadedGenerator",
    "Task",
    "UnlearnedGenerator",
    "ask_oracle",
    "click",
    "evaluate",
    "load",
    "make_feedback",
    "open_workspace",
    "results",
    "sample",
    "save",
    "unlearn",
]

_OFFERED = {  # to the module of bench.library that is imported when the name is used
    "KnownGenerator": "known",
    "LoadedGenerator": "known",
    "Task": "task",
    "UnlearnedGenerator": "known",
    "ask_oracle": "clicks",
    "click": "click",
    "evaluate": "evaluate",
    "load": "generators",
    "make_feedback": "clicks",
    "open_workspace": "places",
    "results": "results",
    "sample": "generators",
    "save": "generators",
    "unlearn": "unlearn",
}

SIBLING_FOLDERS = ("methods", "classifiers", "datasets")


def _adopt_sibling_folders() -> None:
    """In a checkout, give ``methods/``, ``classifiers/``, ``datasets/`` the names they have in the wheel.

    In the wheel they lie under ``bench/`` and nothing is done. They have no ``__init__.py``: with one,
    this checkout's ``datasets/`` would shadow Hugging Face's ``datasets`` for code that runs in it.
    """
    here = Path(__file__).parent
    for folder in SIBLING_FOLDERS:
        sibling = here.parent / folder
        name = f"bench.{folder}"
        if name in sys.modules or (here / folder).is_dir() or not sibling.is_dir():
            continue
        spec = ModuleSpec(name, None, is_package=True)  # no loader: a namespace package
        spec.submodule_search_locations = [str(sibling)]
        module = module_from_spec(spec)
        sys.modules[name] = module
        globals()[folder] = module


_adopt_sibling_folders()
old_paths.install()


def __getattr__(name: str) -> object:
    """Import what ``_OFFERED`` names when it is first used."""
    if name not in _OFFERED:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    found = getattr(import_module(f"bench.library.{_OFFERED[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_OFFERED})
