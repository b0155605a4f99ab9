from __future__ import annotations

import json
import keyword
import re

import pytest

from bench.api import NEEDS
from bench.authoring.conformance.trials import try_method
from bench.authoring.conformance.variants import quick, variants
from bench.authoring.templates import HERE
from bench.hookspecs import KINDS
from bench.registry import Registry

SINGULAR = [kind.singular for kind in KINDS]
SMALL = ["--set", "feedback.count=200", "--set", "evaluation.count=128", "-p", "epochs=2"]


def test_every_kind_has_a_template_of_one_screen():
    assert {path.name for path in HERE.glob("*.txt")} == {f"{singular}.py.txt" for singular in SINGULAR}
    assert all(len(path.read_text().splitlines()) <= 75 for path in HERE.glob("*.txt"))


def test_the_method_template_names_all_needs():
    (comment,) = re.findall(r"needs = frozenset\(\)  # (.*)", (HERE / "method.py.txt").read_text())
    assert set(re.findall(r'"(\w+)"', comment)) == NEEDS


@pytest.mark.parametrize("kind", SINGULAR)
@pytest.mark.parametrize("name", ["my_idea", "decoder", "direction", "split", "value", "unlearned", "X", "config"])
def test_what_new_writes_passes_check_untouched(kind, name, tmp_path, bench_cli):
    folder = tmp_path / "plugins"
    made = bench_cli("new", kind, name, "--plugins", folder)
    assert made.code == 0, made.err
    assert made.out.splitlines() == [str(folder / f"{name}.py"), f"Check it: bench check {name} --plugins {folder}"]
    checked = bench_cli("check", name, "--plugins", folder)
    assert checked.code == 0, checked.out
    assert "TemplateName" not in (folder / f"{name}.py").read_text()


def test_new_writes_into_the_default_folder(tmp_path, bench_cli):
    made = bench_cli("new", "method", "my_idea", cwd=tmp_path)
    assert made.out == "plugins/my_idea.py\nCheck it: bench check my_idea\n"
    assert bench_cli("check", "my_idea", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ours", "there is already a method of that name (built-in). Choose another one"),
        ("my-idea", "cannot be the file name of a plug-in"),
        ("_mine", "cannot be the file name of a plug-in"),
        ("../mine", "cannot be the file name of a plug-in"),
        *((word, "cannot be the file name of a plug-in") for word in keyword.kwlist[-2:]),
        ("class", "since it is a word of Python. Choose another one: my_class"),
    ],
)
def test_new_refuses_a_bad_name(name, message, tmp_path, bench_cli):
    done = bench_cli("new", "method", name, "--plugins", tmp_path)
    assert done.code == 4 and message in done.err
    assert list(tmp_path.iterdir()) == []


def test_new_never_overwrites(tmp_path, bench_cli):
    assert bench_cli("new", "method", "mine", "--plugins", tmp_path).code == 0
    before = (tmp_path / "mine.py").read_text()
    again = bench_cli("new", "metric", "mine", "--plugins", tmp_path)
    assert again.code == 4 and "exists already" in again.err
    assert (tmp_path / "mine.py").read_text() == before


def test_every_option_of_the_method_is_tried_and_none_is_declined(tmp_path, bench_cli):
    bench_cli("new", "method", "mine", "--plugins", tmp_path)
    method = Registry(tmp_path).get("methods", "mine")
    tried = dict(variants(quick(method.Config)))
    assert {setting.removeprefix("-p ").partition("=")[0] for setting in tried} == set(method.Config.model_fields)
    assert {"-p scale=deviation", "-p keep=other", "-p landing=reflect", "-p layers=1"} <= tried.keys()
    for config in tried.values():
        try_method(method, config)


@pytest.mark.parametrize("option", ["scale=deviation", "keep=slant", "landing=reflect", "direction=logistic"])
def test_the_method_runs_and_loads_with_an_option(option, tmp_path, bench_cli):
    """On a shipped generator, through the whole engine."""
    places = ["--plugins", tmp_path / "plugins", "--results", tmp_path / "runs"]
    bench_cli("new", "method", "mine", *places[:2])
    ran = bench_cli(
        "run", "--method", "mine", "--model", "vae", "--feature", "thickness", "-p", option, *SMALL, *places
    )
    assert ran.code == 0, ran.err
    assert "mine (" in ran.out and option in ran.out


def test_the_templates_unlearn_together(tmp_path, bench_cli):
    """A data set, a model, a method, a metric, an extractor and an oracle, all as ``bench new`` writes them."""
    places = ["--plugins", tmp_path / "plugins", "--results", tmp_path / "runs"]
    for singular in SINGULAR:
        assert bench_cli("new", singular, f"my_{singular}", *places[:2]).code == 0
    dataset = tmp_path / "plugins" / "my_dataset.py"
    dataset.write_text(dataset.read_text().replace('"mobilenet"', '"my_classifier"').replace('"large"', '"bright"'))
    weights = tmp_path / "weights.safetensors"
    trained = bench_cli(
        "pretrain", "--model", "my_model", "--dataset", "my_dataset", "-p", "epochs=5", "--out", weights, *places
    )
    assert trained.code == 0, trained.err
    ran = bench_cli(
        "run", "--method", "my_method", "--model", "my_model", "--weights", weights, "--dataset", "my_dataset",
        "--feature", "bright", "--set", "evaluation.extractors=my_extractor", "--json", *SMALL, *places,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert {"removed_share", "fid[my_extractor]", "roc_auc", "target_ratio"} <= json.loads(ran.out)["metrics"].keys()
