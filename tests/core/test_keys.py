from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.core import code_hash
from bench.experiments import grid
from bench.experiments.cell import Run
from bench.registry import Registry

ENGINE = Path(code_hash.__file__).parents[1]

CODE = '''
"""A file."""

from bench.api import Method, Unlearned, hookimpl


class Mine(Method):
    """A class."""

    def unlearn(self, generator, feedback, context):
        """A function."""
        return Unlearned(generator, 1 + 1)
'''


def meaning(tmp_path, code, name="code"):
    file = tmp_path / f"{name}.py"
    file.write_text(code)
    return code_hash._meaning(file)


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
    ],
)
def test_comments_docstrings_and_formatting_do_not_count(same, tmp_path):
    assert same != CODE
    assert meaning(tmp_path, same, "same") == meaning(tmp_path, CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("1 + 1", "1 + 2"),
        CODE.replace("1 + 1", "2"),
        CODE.replace("class Mine", "class Yours"),
        CODE.replace("Unlearned(generator, 1 + 1)", "Unlearned(generator, '# no comment')"),
        CODE + "x = 1\n",
        CODE.replace("        return", "        'not the docstring'\n        return"),
    ],
)
def test_code_counts(other, tmp_path):
    assert other != CODE
    assert meaning(tmp_path, other, "other") != meaning(tmp_path, CODE)


def test_a_body_that_is_only_a_docstring_is_an_empty_one(tmp_path):
    assert meaning(tmp_path, 'class A:\n    """Nothing."""\n') == "class A:\n    pass"


# --- which files count --------------------------------------------------------------------------------


def reachable(name, kind="methods"):
    source = Registry().source(kind, name)
    return {str(p.relative_to(ENGINE.parent)) for p in code_hash._reachable(source.path, source.module)}


def test_imported_engine_modules_count_directly_and_through_each_other():
    found = reachable("ours")
    assert {
        "methods/ours.py",
        "bench/toolkit/latent.py",
        "bench/toolkit/student.py",
        "bench/toolkit/losses.py",
    } <= found
    assert "bench/toolkit/losses.py" not in reachable("latent_edit")
    assert "bench/experiments/cell.py" not in found and "bench/workspace/store.py" not in found
    assert {"bench/metrics/fidelity.py", "bench/toolkit/frechet.py"} <= reachable("fidelity", "metrics")
    assert "bench/toolkit/intervals.py" in reachable("roc_auc", "metrics")
    assert "classifiers/morpho_mnist/measures.py" in reachable("morpho_mnist", "classifiers")


def test_every_way_of_importing_is_followed(plugins):
    found = set()
    for i, line in enumerate(
        ["import bench.toolkit.losses", "from bench.toolkit import losses", "from bench.toolkit.losses import l1"]
    ):
        file = plugins.write(f"way{i}", f"def f():\n    {line}\n")
        found.add(frozenset(p.name for p in code_hash._reachable(file)) - {file.name})
    assert {names - {"__init__.py"} for names in found} == {frozenset({"losses.py"})}


def test_an_imported_module_that_changes_changes_the_key(plugins, tmp_path, monkeypatch):
    copy = tmp_path / "bench" / "toolkit"
    copy.mkdir(parents=True)
    (copy / "losses.py").write_text("def l1(): ...\n")
    monkeypatch.setattr(code_hash, "__file__", str(tmp_path / "bench" / "core" / "code_hash.py"))
    file = plugins.write("way", "from bench.toolkit.losses import l1\n")
    paths = tuple(sorted(code_hash._reachable(file)))
    assert copy / "losses.py" in paths
    before = code_hash._code_of_files.__wrapped__(paths)
    (copy / "losses.py").write_text('def l1():\n    """Now with a docstring."""\n    ...\n')
    assert code_hash._code_of_files.__wrapped__(paths) == before
    (copy / "losses.py").write_text("def l1(): return 1\n")
    assert code_hash._code_of_files.__wrapped__(paths) != before


def test_packages_of_the_engine_count_with_all_that_is_imported_of_them():
    found = reachable("vdvae", "models")
    assert {
        f"bench/models/vdvae/{name}.py" for name in ("config", "networks", "blocks", "mixture", "objective")
    } <= found
    assert "bench/__init__.py" not in found


PACKAGE = {
    "__init__.py": "",
    "method.py": "from stranger.core import rule\nfrom . import more\nfrom .deep import deeper\nimport torch\n",
    "core.py": "import stranger.table\n",
    "table.py": "x = 1\n",
    "more.py": "",
    "unused.py": "",
    "deep/__init__.py": "from .deeper import y\nfrom ..last import z\n",
    "deep/deeper.py": "",
    "last.py": "",
}


def test_an_installed_plug_in_counts_with_its_own_package(tmp_path):
    """A method's registered file may only be the door to a package."""
    folder = tmp_path / "stranger"
    for name, code in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    found = {p.relative_to(folder).as_posix() for p in code_hash._reachable(folder / "method.py", "stranger.method")}
    assert found == set(PACKAGE) - {"unused.py"}
    loose = {p.name for p in code_hash._reachable(folder / "method.py", "bench_plugin_method")}
    assert loose == {"method.py"}


def test_code_has_the_same_key_wherever_it_lies(tmp_path):
    orders = []
    for names in (("a", "b"), ("b", "a")):  # a checkout and a wheel sort the same files differently
        folder = tmp_path / "".join(names)
        folder.mkdir()
        for name, code in zip(names, ("x = 1", "y = 2"), strict=True):
            (folder / f"{name}.py").write_text(code)
        orders.append(code_hash._code_of_files(tuple(sorted(folder.iterdir()))))
    assert orders[0] == orders[1]


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
        request = grid.Request(
            methods=[method], models=["bars"], features=[changed.pop("feature", "thickness")], dataset="mnist",
            weights=str(bars.weights), overrides=("feedback.count=50", "evaluation.count=70", *overrides), **changed,
        )  # fmt: skip
        (cell,) = grid.cells(request, elsewhere or workspace)
        return Run(cell, elsewhere or workspace).keys

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
