"""What is wrong in a suite file is told with the file and the table, not with a flag that nobody typed."""

from __future__ import annotations

import pytest

VAE = "[models.vae]\n"
ALPHA = "alpha: should be a valid number (got 'lots')"


@pytest.fixture
def told(bench_cli, tmp_path):
    """Call a command with a suite that extends lite; returns what its error says of the file."""

    def call(content, *argv):
        suite = tmp_path / "mine.toml"
        suite.write_text(f'extends = "lite"\n{content}\n')
        where = (
            ("--results", tmp_path / "runs") if argv[0] == "pretrain" else ("--results", tmp_path / "runs", "--dry-run")
        )
        done = bench_cli(*argv, "--suite", suite, *where)
        assert done.code == 4 and done.err.startswith(f"Error: --suite {suite}: "), (done.out, done.err)
        return done.err

    return call


@pytest.fixture
def noted(bench_cli, tmp_path):
    """Call a command with a suite that extends lite; returns the notes of its plan on the file."""

    def call(content, *argv):
        suite = tmp_path / "mine.toml"
        suite.write_text(f'extends = "lite"\n{content}\n')
        done = bench_cli(*argv, "--suite", suite, "--results", tmp_path / "runs", "--dry-run")
        assert done.code == 0, done.err
        return [line for line in done.out.splitlines() if line.startswith(f"note: --suite {suite}: ")]

    return call


RUN = ("run", "--method", "ours", "--model", "vae", "--feature", "slant")
TABLE = ("table", "2", "--model", "vae", "--feature", "slant")
VARIANT = '[[variants]]\nlabel = "mild"\nmodel = "vae"\nmethod = "{}"\nparams = {}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[models.vae.methods.our]\nalpha = 3", "models.vae.methods.our: unknown method 'our'. Did you mean 'ours'?"),
        ("[models.dcgan.methods.our]\nalpha = 3", "models.dcgan.methods.our: unknown method 'our'."),
        ('[models.vea]\ndataset = "mnist"', "models.vea: unknown model 'vea'. Did you mean 'vae'?"),
        ('[models.dcgan]\ndataset = "mnits"', "models.dcgan.dataset: unknown data set 'mnits'. Did you mean 'mnist'?"),
        ("[sweeps.our]\nalpha = [1]", "sweeps.our: unknown method 'our'."),
    ],
)
@pytest.mark.parametrize("argv", [RUN, TABLE, ("figure", "4", "--model", "vae", "--feature", "slant")])
def test_a_name_that_nothing_here_has_is_told(content, message, argv, noted):
    (note,) = noted(content, *argv)
    assert message in note and note.endswith("To use your own plug-ins: --plugins DIR")


def test_a_variant_s_method_that_is_not_here_is_told_and_is_no_row_of_a_table(noted, told):
    content, message = VARIANT.format("our", "{}"), "variant 'mild': unknown method 'our'. Did you mean 'ours'?"
    (note,) = noted(content, *RUN)
    assert message in note and message in told(content, *TABLE)


def test_a_plug_in_that_a_suite_names_is_known_once_its_folder_is(noted, plugins):
    plugins.method("elsewhere", "return Unlearned(deepcopy(generator))")
    named = "[models.vae.methods.elsewhere]\n[sweeps.elsewhere]\n"
    assert len(noted(named, *RUN)) == 2 and not noted(named, *RUN, "--plugins", plugins.path)


def test_many_unknown_names_are_counted(noted):
    said = noted("\n".join(f'[models.m{number}]\ndataset = "mnist"' for number in range(2000)), *RUN)
    assert said[-1].endswith("and 1990 more") and len(said) == 11 and len("".join(said)) < 4000


@pytest.mark.parametrize(
    ("content", "argv", "message"),
    [
        ("[models.vae.methods.ours]\nalphaa = 3", RUN, "models.vae.methods.ours.alphaa: unknown field. Did you mean"),
        ('[models.vae.methods.ours]\nalpha = "lots"', RUN, f"models.vae.methods.ours.{ALPHA}"),
        ('[models.vae.methods.ours]\nalpha = "lots"', (*RUN, "-p", "alpha=3"), f"models.vae.methods.ours.{ALPHA}"),
        ('[models.vae.methods.ours]\nalpha = "lots"', TABLE, f"models.vae.methods.ours.{ALPHA}"),
        ("[models.vae.pretrain]\nnope = 3", RUN, "models.vae.pretrain.nope: unknown field."),
        ("[models.vae.pretrain]\nnope = 3", ("pretrain", "--model", "vae"), "models.vae.pretrain.nope: unknown field."),
        (VARIANT.format("ours", '{ alpha = "lots" }'), TABLE, f"variant 'mild': params.{ALPHA}"),
        (VARIANT.format("ours", "{ alhpa = 3 }"), TABLE, "variant 'mild': params.alhpa: unknown field. Did you mean"),
        ("[sweeps.ours]\nfoo = [1, 2]", ("table", "damage", "--model", "vae"), "sweeps.ours.foo: unknown field."),
        ('[sweeps.ours]\nalpha = ["lots"]', ("table", "damage", "--model", "vae"), f"sweeps.ours.{ALPHA}"),
        (
            f'{VAE}features = ["beard"]',
            ("table", "2", "--model", "vae"),
            "models.vae.features (data set 'mnist'): unknown feature 'beard'. Known: ",
        ),
        (f'{VAE}features = ["beard"]', RUN, "models.vae.features (data set 'mnist'): unknown feature 'beard'."),
        (
            f'{VAE}evaluation.metrics = ["fidelty"]',
            RUN,
            "models.vae.evaluation.metrics: unknown metric 'fidelty'. Did you mean 'fidelity'?",
        ),
        (
            f'{VAE}evaluation.extractors = ["digit"]',
            RUN,
            "models.vae.evaluation.extractors: unknown extractor 'digit'.",
        ),
        (f'{VAE}weights = ""', RUN, "models.vae.weights: is empty. Name a zoo name or a file, or leave it out"),
        (
            "[models.vae.methods.surrogate]\nsafe_ratio = 1",
            ("run", "--method", "surrogate", "--model", "vae", "--feature", "slant"),
            "models.vae.methods.surrogate: safe_ratio=1.0 is less than flag_ratio=2.0",
        ),
        (
            VARIANT.format("surrogate", "{ safe_ratio = 1 }"),
            ("table", "2", "--model", "vae", "--only", "mild"),
            "variant 'mild': params: safe_ratio=1.0 is less than flag_ratio=2.0",
        ),
    ],
)
def test_a_wrong_value(content, argv, message, told):
    said = told(content, *argv)
    assert message in said and not any(flag in said for flag in (" -p", "--set", "--feature")), said


def test_values_that_do_not_fit_one_another_may_be_mended_by_what_is_typed(bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('extends = "lite"\n[models.vae.methods.surrogate]\nsafe_ratio = 1\n')
    asked = ("run", "--method", "surrogate", "--model", "vae", "--feature", "slant", "--suite", suite)
    done = bench_cli(*asked, "-p", "flag_ratio=0.5", "--results", tmp_path / "runs", "--show-config")
    assert done.code == 0, done.err


def test_what_was_typed_is_still_named_by_its_flag(bench_cli, tmp_path):
    where = ("--results", tmp_path / "runs", "--dry-run")
    done = bench_cli(*RUN[:-2], "--set", "features=beard", *where)
    assert done.code == 4 and done.err.startswith("Error: --set features (data set 'mnist'): unknown feature 'beard'.")
    done = bench_cli(*RUN, "-p", "alpha=lots", *where)
    assert done.code == 4 and done.err.startswith("Error: -p alpha: ")


def test_a_variant_that_is_taken_over_may_be_of_features_that_the_model_s_other_data_set_lacks(bench_cli, tmp_path):
    """It is then shown nowhere: nothing of it is wrong."""
    (tmp_path / "base.toml").write_text('extends = "lite"\n' + VARIANT.format("ours", "{}") + 'features = ["slant"]\n')
    suite = tmp_path / "mine.toml"
    suite.write_text('extends = "base.toml"\n[models.vae]\ndataset = "synthfaces"\nweights = "vae-mnist"\n')
    asked = ("run", "--method", "ours", "--model", "vae", "--feature", "beard", "--suite", suite, "--show-config")
    done = bench_cli(*asked, "--results", tmp_path / "runs")
    assert done.code == 0 and "--suite" not in done.err, done.err
