"""Which definitions count in a hash of code."""

from __future__ import annotations

import pytest

from bench.core import code_hash, code_modules
from bench.registry import Registry


@pytest.fixture
def written(tmp_path):
    """Write modules of a package ``stranger`` and hash what ``entry`` of its module ``method`` reaches."""

    def call(**modules):
        folder = tmp_path / f"v{len(list(tmp_path.iterdir()))}" / "stranger"
        for name, code in {"__init__": "", **modules}.items():
            path = folder.joinpath(*name.split("__in__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        place = code_modules.Place("stranger", folder)
        entry = code_hash.Symbol(code_modules.module_at(folder / "method.py", "stranger.method", place), "entry")
        monkey = pytest.MonkeyPatch()
        with monkey.context() as patch:
            patch.setattr(code_hash, "_symbols_of", lambda root: iter([root]))
            names = {f"{s.module.name}:{s.name}" for s in code_hash.reached(entry)}
            return code_hash.code_of.__wrapped__(entry), names

    return call


METHOD = "from stranger.core import rule\n\ndef entry(x):\n    return rule(x) + 1\n\ndef unused(x):\n    return x\n"
CORE = "def rule(x):\n    return x * HALF\n\nHALF = 0.5\nOTHER = 1\n"


def test_only_what_is_referred_to_counts(written):
    key, names = written(method=METHOD, core=CORE)
    assert names == {"stranger.method:entry", "stranger.core:rule", "stranger.core:HALF"}
    assert written(method=METHOD.replace("return x\n", "return -x\n"), core=CORE)[0] == key
    assert written(method=METHOD, core=CORE.replace("OTHER = 1", "OTHER = 2"))[0] == key
    assert written(method=METHOD, core=CORE.replace("0.5", "0.25"))[0] != key
    assert written(method=METHOD, core=CORE.replace("x * HALF", "x / HALF"))[0] != key


def test_a_definition_may_move_and_be_imported_in_any_way(written):
    key, _ = written(method=METHOD, core=CORE)
    assert written(method=METHOD.replace("stranger.core", "stranger.deep.inner"), deep__in__inner=CORE, deep__in____init__="")[0] == key  # fmt: skip # noqa: E501
    assert written(method=METHOD.replace("from stranger.core import", "from .core import"), core=CORE)[0] == key
    assert written(method=METHOD, core="from .real import rule\n", real=CORE)[0] == key
    for line, name in (
        ("from stranger import core", "core.rule"),
        ("from . import core as c", "c.rule"),
        ("import stranger.core", "stranger.core.rule"),
        ("import stranger.core as engine", "engine.rule"),
        ("from stranger.core import rule as r", "r"),
    ):
        method = f"{line}\n\ndef entry(x):\n    return {name}(x) + 1\n"
        assert written(method=method, core=CORE)[0] == key, line
    inside = "def entry(x):\n    from stranger.core import rule\n    return rule(x) + 1\n"
    assert written(method=inside, core=CORE)[0] == key


def test_an_import_that_means_another_definition_of_that_name_counts(written):
    """Both files' code runs either way: only the reference changes."""
    both = "from stranger.core import rule\nfrom stranger.more import rule as second\n\ndef entry(x):\n    return rule(x) - second(x)\n"  # noqa: E501
    more = CORE.replace("x * HALF", "x + HALF")
    swapped = both.replace("stranger.core", "stranger.X").replace("stranger.more", "stranger.core").replace("stranger.X", "stranger.more")  # fmt: skip # noqa: E501
    assert written(method=both, core=CORE, more=more)[0] != written(method=swapped, core=CORE, more=more)[0]


CLASS = """
from abc import ABC

class Base(ABC):
    def __init__(self):
        self.n = 1

    @property
    def size(self):
        return self.n + 1

    def used(self):
        return self.size

    def unused(self):
        return 0

def entry(x: Base):
    return x.used()
"""


def test_of_a_class_the_methods_count_whose_names_are_written(written):
    key, names = written(method=CLASS)
    assert names == {f"stranger.method:{n}" for n in ("entry", "Base", "Base.__init__", "Base.used", "Base.size")}
    assert written(method=CLASS.replace("return 0", "return 1"))[0] == key
    assert written(method=CLASS.replace("self.n + 1", "self.n - 1"))[0] != key


def test_a_method_runs_unnamed_only_if_python_calls_it(written):
    more = "    def {name}(self, other=None):\n        return 2\n\ndef entry("
    for name, counts in (("__add__", True), ("__spare", False), ("spare__", False)):
        _, names = written(method=CLASS.replace("def entry(", more.format(name=name)))
        assert (f"stranger.method:Base.{name}" in names) == counts, name


def test_every_method_counts_of_a_class_that_other_projects_call(written):
    _, names = written(method=CLASS.replace("from abc import ABC", "from torch import nn").replace("ABC", "nn.Module"))
    assert "stranger.method:Base.unused" in names


def test_what_a_module_does_on_import_counts(written):
    key, names = written(method=METHOD, core=CORE)
    other, more = written(method=METHOD, core=CORE + "\nregister(rule)\n")
    assert other != key and more - names == {"stranger.core:"}


def reached(name, kind="methods"):
    return {f"{s.module.name}:{s.name}" for s in code_hash.reached(Registry().get(kind, name).unlearn)}


def test_a_method_counts_with_what_it_is_built_from():
    ours, edit = reached("ours"), reached("latent_edit")
    assert {
        "bench.toolkit.latent:fit_direction",
        "bench.toolkit.student:train_student",
        "bench.toolkit.losses:l1",
    } <= ours
    assert {"bench.api.feedback:Feedback.noise", "bench.api.models:NoiseLatentGenerator.sample"} <= ours
    assert not any(name.startswith("bench.toolkit.losses:") for name in edit)
    assert not any(
        name.partition(":")[0] in ("bench.experiments.cells.cell", "bench.errors", "bench.core.progress")
        for name in ours
    )


def test_a_name_of_another_project_counts_as_what_it_is_there(written):
    key, _ = written(method="from math import floor as rule\n\ndef entry(x):\n    return rule(x)\n")
    for same in ("from math import floor\n\ndef entry(x):\n    return floor(x)\n", "import math\n\ndef entry(x):\n    return math.floor(x)\n"):  # fmt: skip  # noqa: E501
        assert written(method=same)[0] == key
    assert written(method="from math import ceil as rule\n\ndef entry(x):\n    return rule(x)\n")[0] != key


def test_digests_know_types_and_refuse_nan():
    assert code_hash.digest({"a": 1, "b": 2}) == code_hash.digest({"b": 2, "a": 1})
    assert len({code_hash.digest(x) for x in (1, 1.5, "1", [1], None, True, {"a": 1})}) == 7
    with pytest.raises(ValueError, match="not JSON compliant"):
        code_hash.digest(float("nan"))
