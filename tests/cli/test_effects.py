"""A value that was typed after --set and that no cell of the command reads is refused; a suite's may wait for others."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def planned(bench_cli, tmp_path):
    """Call ``bench run --show-config`` on one feature of a model."""

    def call(method, *settings, more=(), model="vae"):
        typed = [word for setting in settings for word in ("--set", setting)]
        where = ("--feature", "slant", "--results", tmp_path / "runs", "--show-config")
        return bench_cli("run", "--method", method, "--model", model, *typed, *where, *more)

    return call


@pytest.mark.parametrize(
    ("method", "setting", "message"),
    [
        ("ours", "pretrain.epochs=2", "pretrain.epochs: has no effect, since no generator is trained"),
        ("ours", "pretrain={epochs=2}", "pretrain.epochs: has no effect, since no generator is trained"),
        ("ours", "evaluation.pretrain.foo=3", "evaluation.pretrain.foo: has no effect, since no extractor is trained"),
        ("ours", "evaluation={pretrain={foo=3}}", "evaluation.pretrain.foo: has no effect, since no extractor"),
        ("ours", "methods.probe.epochs=3", "methods.probe.epochs: has no effect, since this command does not run"),
        ("ours", "methods={probe={epochs=3}}", "methods.probe.epochs: has no effect, since this command does not"),
        ("surrogate", "student.epochs=3", "student.epochs: has no effect, since this command runs surrogate"),
        ("original", "student.epochs=3", "student.epochs: has no effect, since this command runs original"),
        ("ours", "features=thickness", "--set features: has no effect, since --feature names what runs"),
    ],
)
def test_a_value_that_no_cell_reads_is_refused(method, setting, message, planned):
    done = planned(method, setting)
    assert done.code == 4 and message in done.err and done.err.startswith("Error: --set"), done.err


def test_what_to_type_for_a_method_without_the_shared_fields(planned):
    assert "To set its own field: --set methods.surrogate.epochs=..." in planned("surrogate", "student.epochs=3").err
    assert planned("surrogate", "methods.surrogate.epochs=3").code == 0


@pytest.mark.parametrize("setting", ["methods.ours.epochs=3", "student.epochs=3"])
def test_a_value_that_another_wins_over_is_refused(setting, planned):
    done = planned("ours", setting, more=("-p", "epochs=5"))
    assert done.code == 4 and "-p epochs" in done.err
    assert planned("ours", setting, more=("-p", "alpha=5")).code == 0


def test_a_value_of_the_suite_s_for_one_method_wins_over_what_is_shared(planned):
    done = planned("probe", "student.lr=3e-3")
    assert done.code == 4 and "student.lr: has no effect, since a method's own value wins" in done.err


def test_all_of_them_are_told_at_once(planned):
    done = planned("ours", "pretrain.epochs=2", "methods.probe.epochs=3", "student.lr=1e-3")
    assert "--set: 2 wrong value(s)" in done.err and "student" not in done.err


def test_it_is_enough_that_one_cell_reads_a_value(planned, tmp_path):
    both = planned("ours,probe", "methods.probe.epochs=3", "student.batch_size=8")
    assert [json.loads(line)["params"]["epochs"] for line in both.out.splitlines()] == [200, 3]
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.vae]\ndataset = "mnist"\n[models.dcgan]\ndataset = "mnist"\nweights = "dcgan-mnist"\n')
    more = ("--suite", suite)
    assert planned("ours", "pretrain.epochs=2", more=more).code == 0, "the suite names no weights"
    assert planned("ours", "pretrain.epochs=2", more=more, model="vae,dcgan").code == 0
    assert planned("ours", "pretrain.epochs=2", more=more, model="dcgan").code == 4
    given = planned("ours", "pretrain.epochs=2", more=(*more, "--weights", "vae-mnist"))
    assert given.code == 4 and "no generator is trained" in given.err


def test_what_a_suite_file_sets_may_wait_for_other_commands(planned, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text(
        'extends = "lite"\n[models.vae.pretrain]\nepochs = 2\n[models.vae.methods.probe]\nepochs = 3\n'
        "[models.vae.student]\nepochs = 3\n"
    )
    assert planned("surrogate", more=("--suite", suite)).code == 0


def test_a_table_takes_a_value_that_one_of_its_methods_reads(bench_cli, tmp_path):
    asked = ("--model", "vae", "--feature", "slant", "--results", tmp_path / "runs", "--dry-run")
    planned = bench_cli("table", "2", "--only", "ours,probe", "--set", "methods.probe.epochs=3", *asked)
    assert planned.code == 0 and " epochs=3 " in planned.out


def test_the_fields_of_an_extractor_that_is_trained_here_are_checked(planned):
    trained = "evaluation.extractors=faces-celeba"
    done = planned("original", trained, "evaluation.pretrain.foo=3")
    assert done.code == 4 and "evaluation.pretrain.foo: unknown field. Known: " in done.err
    done = planned("original", trained, "evaluation.pretrain.epochs=many")
    assert done.code == 4 and "evaluation.pretrain.epochs: should be a valid number (got 'many')" in done.err
    assert "has no effect" not in planned("original", trained, "evaluation.pretrain.epochs=2").err
