"""Feature unlearning of pre-trained image generators: an evaluation and benchmark suite.

``import bench`` is cheap: torch is imported where it is first used.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.api import Generator

__version__ = "0.1.0"

SIBLING_FOLDERS = ("methods", "classifiers", "datasets")


def _adopt_sibling_folders() -> None:
    """In a checkout, give ``methods/``, ``classifiers/``, ``datasets/`` the names they have in the wheel.

    In the wheel they lie under ``bench/`` and nothing is done. They have no ``__init__.py``: with one,
    this checkout's ``datasets/`` would shadow Hugging Face's ``datasets`` for whoever stands in it.
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


def load(path: str | Path, plugins: str | Path | None = "plugins") -> Generator:
    """Load the generator in a checkpoint written by this project.

    Parameters
    ----------
    path : path-like
        A ``.safetensors`` file (of ``bench run``, ``bench pretrain`` or the zoo), or the name of a zoo entry.
    plugins : path-like, optional
        Folder of loose plug-ins, for weights that were made by one.

    Returns
    -------
    Generator
        In eval mode, on the CPU, with gradients off.

    Raises
    ------
    bench.errors.BenchError
        If the file is missing, damaged or not written by this project.
    """
    from bench.registry import Registry
    from bench.zoo import load_generator

    return load_generator(path, Registry(None if plugins is None else Path(plugins)))
