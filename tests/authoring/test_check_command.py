from __future__ import annotations

import re

import pytest

from bench.authoring.conformance import check, checks_of
from bench.hookspecs import KINDS
from bench.registry import Registry

BUILT_IN = [(kind.name, name) for kind in KINDS for name in Registry().names(kind.name)]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_a_built_in_passes_every_check(kind, name):
    outcomes = check(Registry(), name, kind)
    assert len(outcomes) >= 7, "hardly anything was checked"
    assert [o for o in outcomes if o.problem is not None] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_checks_are_small_named_and_explained(kind):
    checks = checks_of(kind)
    names = [each.__name__ for each in checks]
    assert len(set(names)) == len(names) >= 6
    assert all(each.__doc__ and not each.__name__.startswith("_") for each in checks)


def test_bench_check_reports_and_exits(plugins, bench_cli):
    plugins.method("edits", "generator.layer.bias.data.fill_(0)\nreturn Unlearned(deepcopy(generator))")
    by_name = bench_cli("check", "edits", "--plugins", plugins.path)
    assert by_name.code == 3
    assert "FAILED method edits: original_is_left_alone\n       unlearn changed the original" in by_name.out
    by_file = bench_cli("check", plugins.path / "edits.py")
    assert (by_file.code, by_file.out) == (3, by_name.out)
    good = bench_cli("check", "ours")
    assert good.code == 0 and re.search(r"^(\d+) passed, 0 failed$", good.out, re.M)
    assert bench_cli("check", plugins.path / "nowhere.py").code == 4
    unknown = bench_cli("check", "orus")
    assert unknown.code == 4 and "Did you mean 'ours'?" in unknown.err


def test_check_of_a_broken_file_says_why(plugins, bench_cli):
    file = plugins.write("half", "@hookimpl\ndef register_metrics(register:\n")
    done = bench_cli("check", file)
    assert done.code == 3 and "FAILED metric half: loads" in done.out and "SyntaxError" in done.out


def test_a_name_of_two_kinds_is_checked_as_both(plugins, bench_cli):
    file = plugins.add("plain", as_name="both")
    metric = "from bench.api import Metric, Value\n\nclass M(Metric):\n    columns = frozenset({'labels'})\n    def compute(self, columns):\n        return {'m': Value(0.0, 1, None)}\n\n@hookimpl\ndef register_metrics(register):\n    register(M)\n"
    file.write_text(file.read_text() + metric)
    done = bench_cli("check", "both", "--plugins", plugins.path)
    assert done.code == 0 and "ok     method both: every_option_works" in done.out
    assert "ok     metric both: values_are_sound" in done.out


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "0", "-1", "soon"])
def test_the_time_for_a_check_is_a_number_of_seconds(seconds, bench_cli):
    done = bench_cli("check", "ours", "--timeout", seconds)
    assert done.code == 4
    assert f"'--timeout': '{seconds}' is not understood. Write a number of seconds, such as 600" in done.err


def test_the_time_for_a_check_may_be_longer_than_the_system_waits(plugins, bench_cli):
    """`poll` takes milliseconds as a C int: 24 days."""
    plugins.add("plain")
    done = bench_cli("check", "plain", "--plugins", plugins.path, "--timeout", "999999999")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("empty.py", "registers no plug-in. It needs a hook, such as register_methods; `bench new method NAME` writes"),
        ("_part.py", "registers no plug-in. A file whose name starts with _ is a helper of others; name it otherwise"),
        ("notes.md", "is not a Python file. NAME is a registered name (bench list), or a file FILE.py"),
        ("folder", "is not a Python file. NAME is a registered name (bench list), or a file FILE.py"),
    ],
)
def test_a_file_that_is_no_plug_in_says_why(name, told, plugins, bench_cli):
    plugins.add("plain", as_name="_part")
    (plugins.path / "folder").mkdir()
    for other in ("empty.py", "notes.md"):
        (plugins.path / other).write_text("")
    done = bench_cli("check", plugins.path / name)
    assert done.code == 4 and done.err.startswith(f"Error: {plugins.path / name}: {told}"), done.err


# --- bench show ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ours", ["method ours   [built-in]", "needs: nothing but the generator and the feedback", "reads feedback: yes"]),
        ("retrain", ["needs: training_data", "reads feedback: no"]),
        ("vae", ["model vae", "trained by: bench pretrain --model vae --dataset NAME", "latent_dim"]),
        ("probe", ["layers               = ()                   tuple[int, ...] each once\n", "float >= 0, < 1\n"]),
        ("faces", ["tuple[int, ...] length >= 1\n"]),
        ("mobilenet", ["classifier mobilenet", "attributes: those of the data set"]),
        ("morpho_mnist", ["attributes: area (cut "]),
        ("digits", ["extractor digits", "classes: 0, 1, 2", "embedding_dim        = 64"]),
        ("imagenet", ["classes: 1000, from 0 to 999"]),
        ("inception", ["classes: 1008, from 0 to 1007"]),
        ("mnist", ["data set mnist", "features: thickness, slant", "oracle: morpho_mnist", "images: (1, 28, 28)"]),
        ("own", ["features: whatever was clicked", "oracle: none"]),
        ("fidelity", ["metric fidelity", "reads: embeddings, logits, original_embeddings, original_logits, reference"]),
    ],
)  # fmt: skip
def test_show_says_what_a_plug_in_is(name, told, bench_cli):
    shown = bench_cli("show", name)
    assert shown.code == 0 and "\n\n\n" not in shown.out
    assert [text for text in told if text not in shown.out] == []
