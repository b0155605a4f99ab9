"""Old import paths of what plug-ins use."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from types import ModuleType

import pytest

from bench.core import code_hash, old_paths
from bench.registry import Registry

OLD_METHOD = """
from bench.context import Context
from bench.feedback import Feedback
from bench.latent import Direction
from bench import losses
from bench.student import train_student
return Unlearned(deepcopy(generator)), losses.l1, train_student
"""


def fresh(name: str) -> ModuleType:
    """Import a module as if for the first time."""
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@pytest.mark.parametrize(("old", "new"), old_paths.MOVED.items())
def test_an_old_path_is_the_module_of_the_new_one_and_says_so(old: str, new: str) -> None:
    advised = new if new.startswith("bench.toolkit.") else "bench.api"
    with pytest.warns(DeprecationWarning, match=f"^{old} has moved .* import from {advised} instead$") as caught:
        found = fresh(old)
    assert found is importlib.import_module(new) and found.__spec__ is not None and found.__spec__.name == new
    assert all(warning.filename != old_paths.__file__ for warning in caught), "it points at who imports"


def test_feedback_is_still_where_the_room_is_now() -> None:
    from bench.api import Feedback

    with pytest.warns(DeprecationWarning, match="bench.feedback has moved"):
        from bench.feedback import Feedback as old
    assert old is Feedback
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from bench.feedback import nothing  # noqa: F401


def test_a_plug_in_with_old_paths_loads_and_counts_with_what_it_uses(plugins) -> None:
    plugins.method("aged", OLD_METHOD)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        cls = Registry(plugins.path).get("methods", "aged")
    reached = {f"{symbol.module.name}:{symbol.name}" for symbol in code_hash.reached(cls.unlearn)}
    assert {"bench.toolkit.losses:l1", "bench.toolkit.student:train_student"} <= reached


def test_an_unknown_module_is_still_unknown() -> None:
    with pytest.raises(ModuleNotFoundError, match="bench.latents"):
        importlib.import_module("bench.latents")


def test_old_paths_cost_nothing_until_they_are_used() -> None:
    code = "import sys, bench.cli; print(sorted({'torch', 'numpy', *%r} & set(sys.modules)))" % [*old_paths.MOVED]  # noqa: UP031
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
