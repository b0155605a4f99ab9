"""Every module of a user's that a plug-in imports counts in its keys, however it is imported."""

from __future__ import annotations

import sys
from itertools import count

import pytest
from fresh_imports import fresh_imports, write_modules

from bench.core import code_hash, code_places
from bench.core.code_modules import Module
from bench.registry import Registry

METHOD = """
    from copy import deepcopy
    import torch
    from bench.api import Method, Params, Unlearned, hookimpl
    {imports}

    class Config(Params):
        pass

    class Mine(Method[Config]):
        Config = Config
        def unlearn(self, generator, feedback, context):
            {inside}
            return Unlearned(deepcopy(generator), {used})

    @hookimpl
    def register_methods(register):
        register(Mine)
"""


def method(imports="pass", used="SHIFT", inside="pass"):
    return METHOD.format(imports=imports, used=used, inside=inside)


ZERO, ONE = "SHIFT = 0.0", "SHIFT = 1.0"
RULES = "class Rules:\n    def low(self):\n        return {}\n"
REGISTERED = """
    from bench.api import hookimpl
    from _impl import Mine
    Mine.shift = {}

    @hookimpl
    def register_methods(register):
        register(Mine)
"""
# What is there, and what changes of it: file to code. Each changes what the method returns.
CHANGES = {
    "a helper next to it": ({"plugins/mine": method("from _help import SHIFT")}, "plugins/_help", ZERO, ONE),
    "a helper in the working folder": ({"plugins/mine": method("from _help import SHIFT")}, "_help", ZERO, ONE),
    "a package next to it": (
        {"plugins/mine": method("from _pkg.a import SHIFT"), "plugins/_pkg/__init__": ""}, "plugins/_pkg/a", ZERO, ONE,
    ),
    "a folder without __init__": ({"plugins/mine": method("from _pkg.a import SHIFT")}, "plugins/_pkg/a", ZERO, ONE),
    "a folder's module by its name": (
        {"plugins/mine": method("import _pkg.a", "_pkg.a.SHIFT")}, "plugins/_pkg/a", ZERO, ONE,
    ),
    "a module out of a folder": ({"plugins/mine": method("from _pkg import a", "a.SHIFT")}, "plugins/_pkg/a", ZERO, ONE),
    "what a package does on import": (
        {"plugins/mine": method("import _pkg.a, _held", "_held.SHIFT"), "plugins/_held": ZERO, "plugins/_pkg/a": ""},
        "plugins/_pkg/__init__", "import _held\n_held.SHIFT = 0.0", "import _held\n_held.SHIFT = 1.0",
    ),
    "a helper of a helper": (
        {"plugins/mine": method("from _one import SHIFT"), "plugins/_one": "from _two import SHIFT"},
        "plugins/_two", ZERO, ONE,
    ),
    "a helper of a helper, in the working folder": (
        {"plugins/mine": method("from _one import SHIFT"), "plugins/_one": "import two\nSHIFT = two.SHIFT"},
        "two", ZERO, ONE,
    ),
    "a helper that another folder of sys.path holds": (
        {"plugins/mine": method("import sys; sys.path.insert(0, 'lib'); from thing import SHIFT")}, "lib/thing", ZERO, ONE,
    ),
    "an import inside a function": ({"plugins/mine": method(inside="from _help import SHIFT")}, "plugins/_help", ZERO, ONE),
    "an import inside a helper's function": (
        {"plugins/mine": method("from _one import shift", "shift()"),
         "plugins/_one": "def shift():\n    from _two import SHIFT\n    return SHIFT"},
        "plugins/_two", ZERO, ONE,
    ),
    "an import that is tried": (
        {"plugins/mine": method("try:\n        from nothing import SHIFT\n    except ImportError:\n        from _help import SHIFT")},
        "plugins/_help", ZERO, ONE,
    ),
    "import_module": (
        {"plugins/mine": method("import importlib", inside="SHIFT = importlib.import_module('_help').SHIFT")},
        "plugins/_help", ZERO, ONE,
    ),
    "import_module with a computed name": (
        {"plugins/mine": method("import importlib", inside="SHIFT = importlib.import_module('_' + 'help').SHIFT")},
        "plugins/_help", ZERO, ONE,
    ),
    "a computed name in the working folder": (
        {"plugins/mine": method(inside="SHIFT = __import__('_' + 'help').SHIFT")}, "_help", ZERO, ONE,
    ),
    "__import__": ({"plugins/mine": method(inside="SHIFT = __import__('_help').SHIFT")}, "plugins/_help", ZERO, ONE),
    "exec": (
        {"plugins/mine": method("from pathlib import Path; exec(Path('plugins/_help.py').read_text())")},
        "plugins/_help", ZERO, ONE,
    ),
    "a star": ({"plugins/mine": method("from _help import *")}, "plugins/_help", ZERO, ONE),
    "a module imported for what it does": (
        {"plugins/mine": method("import _held, _patch", "_held.SHIFT"), "plugins/_held": ZERO},
        "plugins/_patch", "import _held\n_held.SHIFT = 0.0", "import _held\n_held.SHIFT = 1.0",
    ),
    "a name that a loop defines": (
        {"plugins/mine": method("from _help import SHIFT")},
        "plugins/_help", "for SHIFT in (0.0,):\n    pass", "for SHIFT in (1.0,):\n    pass",
    ),
    "a name that is put there": (
        {"plugins/mine": method("from _help import SHIFT")},
        "plugins/_help", "globals()['SHIFT'] = 0.0", "globals()['SHIFT'] = 1.0",
    ),
    "a name that is looked up": (
        {"plugins/mine": method("import _help", "getattr(_help, 'SH' + 'IFT')")}, "plugins/_help", ZERO, ONE,
    ),
    "a method that is looked up": (
        {"plugins/mine": method("from _help import Rules", "getattr(Rules(), 'lo' + 'w')()")},
        "plugins/_help", RULES.format(0), RULES.format(1),
    ),
    "an imported name of another project": (
        {"plugins/mine": method("from _help import shift", "shift(0.5)")},
        "plugins/_help", "from math import floor as shift", "from math import ceil as shift",
    ),
    "a plug-in that another file defines": (
        {"plugins/_impl": method(used="0")}, "plugins/mine", REGISTERED.format(0), REGISTERED.format(1),
    ),
    "a part of a plug-in that is a package": (
        {"plugins/mine/__init__": method("from .deep.a import SHIFT"), "plugins/mine/deep/a": "from .b import SHIFT"},
        "plugins/mine/deep/b", ZERO, ONE,
    ),
    "another plug-in": ({"plugins/mine": method("from other import SHIFT")}, "plugins/other", ZERO, ONE),
    "the plug-in itself": ({}, "plugins/mine", method(used="0"), method(used="1")),
    "a helper with a byte order mark": ({"plugins/mine": method("from _help import SHIFT")}, "plugins/_help", f"\ufeff{ZERO}", f"\ufeff{ONE}"),
}  # fmt: skip
SAME = {
    "a comment": ({"plugins/mine": method("from _help import SHIFT")}, "plugins/_help", ZERO, f"# more\n{ZERO}"),
    "a docstring": ({"plugins/mine": method("from _help import SHIFT")}, "plugins/_help", ZERO, f'"""More."""\n{ZERO}'),
    "an unrelated helper": (
        {"plugins/mine": method("from _help import SHIFT"), "plugins/_help": ZERO}, "plugins/_more", ZERO, ONE,
    ),
    "an unrelated plug-in": (
        {"plugins/mine": method("from _help import SHIFT"), "plugins/_help": ZERO}, "plugins/other", ZERO, ONE,
    ),
    "an unrelated script": (
        {"plugins/mine": method("from _help import SHIFT"), "plugins/_help": ZERO}, "plot", ZERO, ONE,
    ),
    "an evaluated network": ({"plugins/mine": method("import torch", "torch.nn.Linear(1, 1).eval()")}, "plot", ZERO, ONE),
}  # fmt: skip


@pytest.fixture
def key_of(tmp_path):
    """Return the hash of a method's code in a folder with these files, as a process that has imported nothing sees it."""
    places = (tmp_path / f"v{i}" for i in count())

    def call(files):
        place = next(places)
        write_modules(place, files)
        with fresh_imports(place):
            return code_hash.code_of(*Registry(place / "plugins").plugin("methods", "mine").code())

    return call


@pytest.mark.parametrize("case", CHANGES)
def test_it_counts(case, key_of):
    files, changed, before, after = CHANGES[case]
    first = key_of({**files, changed: before})
    assert first == key_of({**files, changed: before}), "wherever it lies"
    assert first != key_of({**files, changed: after})


@pytest.mark.parametrize("case", SAME)
def test_it_does_not_count(case, key_of):
    files, changed, before, after = SAME[case]
    assert key_of({**files, changed: before}) == key_of({**files, changed: after})


def test_a_compiled_helper_counts_by_its_bytes(tmp_path, plugins):
    plugins.method("mine", "from _fast import draw\nreturn Unlearned(draw(generator))")
    suffix = code_places.EXTENSION_SUFFIXES[0]
    registry = Registry(plugins.path)
    (plugins.path / f"_fast{suffix}").write_bytes(b"one")
    first = code_hash.code_of.__wrapped__(*registry.plugin("methods", "mine").code())
    (plugins.path / f"_fast{suffix}").write_bytes(b"two")
    assert first != code_hash.code_of.__wrapped__(*registry.plugin("methods", "mine").code())


def test_installed_packages_do_not_count(plugins):
    plugins.method("mine", "import numpy, json, torch.nn\nreturn Unlearned(deepcopy(generator))")
    reached = code_hash.reached(*Registry(plugins.path).plugin("methods", "mine").code())
    names = {symbol.module.name for symbol in reached}
    assert {name.partition(".")[0] for name in names} == {"bench", "bench_plugin_mine"}


def test_a_helper_that_python_cannot_read_counts_by_its_bytes(tmp_path):
    """One that a plug-in tries to import, and does without."""
    for code in ("print 'old'", "x = '\0'"):
        (tmp_path / "_old.py").write_text(code)
        found = code_places.module_named("_old", code_places.place_of("mine", tmp_path / "mine.py"))
        assert isinstance(found, Module) and list(found.definitions) == ["sha256"]


def test_an_engine_module_that_is_used_as_a_value_counts_whole(plugins):
    plugins.method("mine", "from bench.toolkit import losses\nreturn Unlearned(getattr(losses, 'l1'))")
    file = plugins.method("yours", "return Unlearned(l1)")
    file.write_text(file.read_text().replace("import torch\n", "import torch\nfrom bench.toolkit.losses import *\n", 1))
    registry = Registry(plugins.path)
    for name, holds in (("mine", "bench.toolkit.losses:*"), ("yours", "bench.toolkit.losses:l1")):
        reached = code_hash.reached(*registry.plugin("methods", name).code())
        assert holds in {f"{symbol.module.name}:{symbol.name}" for symbol in reached}


def test_a_class_is_read_from_its_own_file_after_another_has_taken_its_name(plugins, tmp_path):
    plugins.method("mine", "return Unlearned(deepcopy(generator), 1)")
    first = Registry(plugins.path).get("methods", "mine")
    elsewhere = type(plugins)(tmp_path / "elsewhere")
    elsewhere.method("mine", "return Unlearned(deepcopy(generator), 2)")
    second = Registry(elsewhere.path).get("methods", "mine")
    assert sys.modules[first.__module__].__file__ == str(elsewhere.path / "mine.py")
    assert code_hash.code_of(first) != code_hash.code_of(second)
    assert code_places.loaded_module(first)[1] == plugins.path / "mine.py"
