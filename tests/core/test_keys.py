from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.core import code_hash, code_meaning
from bench.experiments import grid
from bench.experiments.resolve import resolve
from bench.registry import Registry

CODE = '''
"""A file."""

from bench.api import Method, Params, Unlearned, hookimpl
from bench.errors import UsageError
from pydantic import Field

SHARE = 0.5


class Config(Params):
    """Settings."""

    lr: float = Field(1e-3, gt=0, description="learning rate")


class Mine(Method):
    """A class."""

    def unlearn(self, generator: int, feedback, context) -> Unlearned:
        """A function."""
        from bench.toolkit.losses import l1

        context.progress.note("begins")
        if feedback is None:
            raise UsageError("--feedback: is missing")
        assert l1, "a loss"
        return Unlearned(generator, 1 + 1)
'''


def meaning(code):
    module = code_meaning._parsed(Path("code.py"), "code", code_hash.ENGINE, code)
    names = [*module.definitions, *(f"{name}.{m}" for name in module.definitions for m in module.methods(name)), ""]
    return [code_meaning.meaning(module.nodes(name)) for name in names]


# --- what counts as a change of code ------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace('"""A file."""', '"""Another text,\n\nlonger."""'),
        CODE.replace('"""A file."""\n', ""),
        CODE.replace('"""A class."""', "# none"),
        CODE.replace('    """A class."""\n\n', ""),
        CODE.replace('"""A function."""', "'''Another.'''"),
        CODE.replace("1 + 1)", "(1 +\n        1))  # two"),
        CODE.replace("\n\n\n", "\n"),
        "# a comment\n" + CODE,
        CODE.replace("learning rate", "step size of Adam"),
        CODE.replace("--feedback: is missing", "--feedback: name a file"),
        CODE.replace('UsageError("--feedback: is missing")', 'UsageError("no " + "file") from None'),
        CODE.replace('"begins"', '"starts", 3'),
        CODE.replace('"a loss"', '"another"'),
        CODE.replace("from bench.errors import UsageError\n", "from bench.elsewhere import UsageError\n"),
        CODE.replace("        from bench.toolkit.losses import l1\n", "        from bench.elsewhere import l1\n"),
        CODE.replace("generator: int", "generator: Generator").replace(" -> Unlearned", ""),
    ],
)
def test_wording_formatting_imports_and_hints_do_not_count(same):
    assert same != CODE
    assert meaning(same) == meaning(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("1 + 1", "1 + 2"),
        CODE.replace("1 + 1", "2"),
        CODE.replace("class Mine", "class Yours"),
        CODE.replace("Unlearned(generator, 1 + 1)", "Unlearned(generator, '# no comment')"),
        CODE + "x = 1\n",
        CODE + "print()\n",
        CODE.replace("        return", "        'not the docstring'\n        return"),
        CODE.replace("1e-3", "2e-3"),
        CODE.replace("gt=0", "ge=0"),
        CODE.replace("lr: float", "lr: int"),
        CODE.replace("is None", "is not None"),
        CODE.replace("assert l1", "assert not l1"),
        CODE.replace("SHARE = 0.5", "SHARE = 0.25"),
    ],
)
def test_code_counts(other):
    assert other != CODE
    assert meaning(other) != meaning(CODE)


# --- which definitions count ----------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """Write modules of a package ``stranger`` and hash what ``entry`` of its module ``method`` reaches."""

    def call(**modules):
        folder = tmp_path / f"v{len(list(tmp_path.iterdir()))}" / "stranger"
        for name, code in {"__init__": "", **modules}.items():
            path = folder.joinpath(*name.split("__in__")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
        place = code_meaning.Place("stranger", folder)
        entry = code_hash.Symbol(code_meaning.module_at(folder / "method.py", "stranger.method", place), "entry")
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
        name.partition(":")[0] in ("bench.experiments.cell", "bench.errors", "bench.core.progress") for name in ours
    )


def test_a_loose_plug_in_counts_with_its_neighbours(plugins):
    plugins.write("_rule", "def rule(x):\n    return x + 1\n")
    plugins.method("mine", "from _rule import rule\nreturn Unlearned(rule(deepcopy(generator)))")

    def names():
        return {s.name for s in code_hash.reached(Registry(plugins.path).get("methods", "mine").unlearn)}

    assert "rule" in names()


def test_digests_know_types_and_refuse_nan():
    assert code_hash.digest({"a": 1, "b": 2}) == code_hash.digest({"b": 2, "a": 1})
    assert len({code_hash.digest(x) for x in (1, 1.5, "1", [1], None, True, {"a": 1})}) == 7
    with pytest.raises(ValueError, match="not JSON compliant"):
        code_hash.digest(float("nan"))


# --- the keys of a cell -------------------------------------------------------------------------------


@pytest.fixture
def keyed(bars, workspace):
    """Return the keys of a cell on ``bars``, after changes of the request."""

    def call(method="ours", elsewhere=None, overrides=(), **changed):
        typed = dict(text.split("=") for text in overrides)
        settings = {"feedback.count": "50", "evaluation.count": "70", **typed}
        request = grid.Request(
            methods=[method], models=["bars"], features=[changed.pop("feature", "thickness")], dataset="mnist",
            weights=str(bars.weights), overrides=[f"{name}={value}" for name, value in settings.items()], **changed,
        )  # fmt: skip
        (cell,) = grid.cells(request, elsewhere or workspace)
        return resolve(cell, elsewhere or workspace).keys

    return call


STAGES = ("feedback", "unlearn", "original", "evaluate")


def differing(a, b):
    return {stage for stage in STAGES if getattr(a, stage) != getattr(b, stage)}


def test_what_a_change_reaches(keyed):
    base = keyed()
    assert differing(base, keyed()) == set()
    assert differing(base, keyed(seeds=[1])) == {"feedback", "unlearn", "evaluate"}
    assert differing(base, keyed(feature="slant")) == {"feedback", "unlearn", "evaluate"}
    assert differing(base, keyed(overrides=["feedback.count=51"])) == {"feedback", "unlearn", "evaluate"}
    assert differing(base, keyed(overrides=["evaluation.count=71"])) == {"original", "evaluate"}
    assert differing(base, keyed(params=["alpha=4"])) == {"unlearn", "evaluate"}
    assert differing(base, keyed(params=["alpha=3"])) == set(), "the default, typed"
    assert differing(base, keyed(method="latent_edit")) == {"unlearn", "evaluate"}
    assert differing(base, keyed(overrides=["evaluation.metrics=roc_auc"])) == {"evaluate"}


def test_a_method_that_reads_no_feedback_is_trained_once_for_all_seeds(keyed):
    assert differing(keyed("original"), keyed("original", seeds=[1])) == {"feedback", "evaluate"}
    assert differing(keyed("retrain"), keyed("retrain", seeds=[1])) == {"feedback", "evaluate"}
    assert differing(keyed("retrain"), keyed("retrain", feature="slant")) == {"feedback", "unlearn", "evaluate"}
    # the oracle's threshold comes from the feedback
    assert differing(keyed("reject"), keyed("reject", seeds=[1])) == {"feedback", "unlearn", "evaluate"}


def test_weights_count_by_content_not_by_path(keyed, bars, workspace, tmp_path, monkeypatch):
    from bench.workspace import checkpoint, manifest

    base = keyed()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(bars.weights.read_bytes())
    monkeypatch.setattr(bars, "weights", copy)
    assert differing(base, keyed()) == set()
    stored = checkpoint.read(copy)
    tensors = {**stored.tensors, "generator.layer.bias": stored.tensors["generator.layer.bias"] + 1e-3}
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, "model", "bars", stored.description, tensors)
    monkeypatch.setattr(bars, "weights", other)
    assert differing(base, keyed()) == set(STAGES)
    assert manifest.path_of(str(other)) == other


def test_place_threads_suite_and_other_plug_ins_do_not_count(keyed, bars, tmp_path, plugins):
    import torch

    from bench.workspace.store import Store
    from bench.workspace.workspace import Workspace

    base = keyed()
    plugins.method("unrelated", "return Unlearned(deepcopy(generator))")
    elsewhere = Workspace(Registry(plugins.path), Store(tmp_path / "elsewhere"), torch.device("meta"), tmp_path)
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.bars]\ndataset = "mnist"\n')
    torch.set_num_threads(2)
    try:
        found = keyed(elsewhere=elsewhere, suite=str(suite))
    finally:
        torch.set_num_threads(1)
    assert differing(base, found) == set()


def test_reference_statistics_count(keyed, monkeypatch):
    from bench.workspace import manifest

    base = keyed()
    entries = manifest.entries()
    name = "mnist-digits-statistics"
    changed = {**entries, name: entries[name].model_copy(update={"sha256": "0" * 64})}
    monkeypatch.setattr(manifest, "entries", lambda: changed)
    assert differing(base, keyed()) == {"evaluate"}


def test_a_stranger_s_code_counts(keyed, bars, plugins, tmp_path):
    import torch

    from bench.workspace.store import Store
    from bench.workspace.workspace import Workspace

    found = []
    for i, body in enumerate(["return Unlearned(deepcopy(generator))  # one", "return Unlearned(deepcopy(generator))", "return (Unlearned(deepcopy(generator)), 1)[0]"]):  # fmt: skip  # noqa: E501
        folder = type(plugins)(tmp_path / f"version{i}")
        folder.write("bars", (plugins.path / "bars.py").read_text())
        folder.method("mine", body)
        found.append(keyed("mine", Workspace(Registry(folder.path), Store(tmp_path / "runs"), torch.device("cpu"))))
    assert differing(found[0], found[1]) == set()
    assert differing(found[1], found[2]) == {"unlearn", "evaluate"}


def test_the_record_tells_its_keys(on_bars):
    done = on_bars("original", "--json")
    record = json.loads(done.out)
    assert record["key"] == record["provenance"]["stages"]["evaluate"]
    assert set(record["provenance"]["stages"]) == set(STAGES)
