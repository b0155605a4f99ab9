"""Suites that extend others, and settings that methods share."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.registry import Registry
from bench.workspace.settings.suites import load_suite

LITE = load_suite("lite")


@pytest.fixture
def suite(tmp_path):
    """Write a suite file and load it."""

    def call(content, name="mine", then=None):
        path = tmp_path / f"{name}.toml"
        path.write_text(content, encoding="utf-8")
        return load_suite(str(path))

    return call


# --- extends ------------------------------------------------------------------------------------------


def test_a_suite_that_extends_another_says_only_what_differs(suite):
    mine = suite('extends = "lite"\n[models.vae.feedback]\ncount = 700\n')
    assert mine.name == "mine" and mine.extends == "lite" and mine.description == LITE.description
    assert mine.models["vae"].feedback.count == 700
    assert mine.models["vae"].weights == "vae-mnist" and mine.models["vae"].evaluation.count == 10_000
    assert {name: each for name, each in mine.models.items() if name != "vae"} == {
        name: each for name, each in LITE.models.items() if name != "vae"
    }
    assert mine.variants == LITE.variants
    assert suite('extends = "lite"').models == LITE.models


def test_a_suite_extends_a_file_beside_it_which_may_extend_another(suite, tmp_path):
    suite('extends = "lite"\nname = "base"\n[models.vae.student]\nepochs = 7\nlr = 0.5\n', "base")
    mine = suite('extends = "base.toml"\n[models.vae.student]\nepochs = 9\n')
    assert mine.name == "mine", "a name is not taken over"
    assert mine.models["vae"].student == {"epochs": 9, "lr": 0.5} and set(mine.models) == set(LITE.models)


def test_variants_are_added_and_one_of_the_same_label_takes_the_other_s_place(suite):
    label = LITE.variants[0].label
    more = "".join(
        f'[[variants]]\nlabel = "{name}"\nmethod = "ours"\nmodel = "vae"\nparams = {{ alpha = 9 }}\n'
        for name in (label, "another")
    )
    found = suite(f'extends = "lite"\n{more}').variants
    assert sorted(each.label for each in found) == sorted([*(each.label for each in LITE.variants), "another"])
    assert next(each for each in found if each.label == label).params == {"alpha": 9}


def test_a_model_with_another_data_set_takes_nothing_over(suite):
    mine = suite('extends = "lite"\n[models.proggan]\ndataset = "celeba128"\n').models["proggan"]
    assert mine.weights is None and mine.student == {} and mine.oracle.feedback is None
    same = suite('extends = "lite"\n[models.proggan]\ndataset = "synthfaces"\n').models["proggan"]
    assert same == LITE.models["proggan"]


@pytest.mark.parametrize("variants", ["3", '["x"]', "[[1]]"])
def test_variants_of_the_extended_suite_that_are_none_are_told(suite, tmp_path, variants):
    (tmp_path / "base.toml").write_text(f'extends = "lite"\nvariants = {variants}\n')
    with pytest.raises(UsageError, match="variants"):
        suite(f'extends = "{tmp_path / "base.toml"}"\n[[variants]]\nlabel = "x"\nmethod = "ours"\n')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('extends = "lit"', "extends = \"lit\": unknown suite 'lit'. Did you mean 'lite'?"),
        ('extends = "nowhere.toml"', 'extends = "nowhere.toml": no such file'),
        ('extends = "mine.toml"', "extends itself (mine.toml -> mine.toml)"),
        ('extends = ["lite"]', 'extends should be the name of a suite or a TOML file, such as extends = "lite"'),
        ('extends = "lite"\nmodels = 3', "models: should be a table of fields"),
        ('extends = "lite"\nvariants = 3', "variants: should be a valid tuple"),
        ('extends = "lite"\n[models.vae]\nwaights = "x"', "models.vae.waights: unknown field. Did you mean 'weights'?"),
        ('extends = "lite"\n[models.vae.student]\nepoch = 3', "models.vae.student: epoch: unknown field"),
        ("name = '../x'\nextends = 'lite'", "name: should match pattern"),
        ("x = " + "[" * 5000, "cannot be read"),
        ("[models.vae]\nx = " + "9" * 5000, "cannot be read"),
    ],
)
def test_what_a_suite_cannot_extend_is_one_clear_error(suite, content, message):
    with pytest.raises(UsageError) as error:
        suite(content)
    assert message in str(error.value) and "mine.toml" in str(error.value)


def test_a_ring_of_suites_is_named(suite, tmp_path):
    (tmp_path / "b.toml").write_text('extends = "mine.toml"')
    with pytest.raises(UsageError, match="extends itself .mine.toml -> b.toml -> mine.toml"):
        suite('extends = "b.toml"')


def test_a_byte_order_mark_is_not_part_of_a_suite(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b'\xef\xbb\xbfextends = "lite"')
    assert load_suite(str(tmp_path / "mine.toml")).models == LITE.models


# --- settings that methods share ----------------------------------------------------------------------


def test_methods_with_the_student_s_parameters_share_the_suite_s(plugins):
    plugins.add("strips")  # some method without these parameters
    registry = Registry(plugins.path)
    shared = {"epochs": 250, "batch_size": 16, "lr": 2e-3, "schedule": "cosine"}
    gentle = {"epochs": 350, "batch_size": 16, "lr": 7e-4, "schedule": "cosine"}
    proggan, vdvae = LITE.models["proggan"], LITE.models["vdvae"]
    from bench.toolkit.student import StudentParams

    class Strangers(StudentParams):
        mix: float = 0.5

    for method in ("ours", "probe"):
        assert proggan.params_for(method, registry.get("methods", method).Config) == shared
    assert proggan.params_for("mine", Strangers) == proggan.params_for(None, Strangers) == shared
    assert vdvae.params_for("probe", registry.get("methods", "probe").Config) == {**gentle, "layers": [1, 4, 8]}
    assert proggan.params_for("retrain", registry.get("methods", "retrain").Config) == {"epochs": 1.3}
    for method in ("original", "latent_edit", "reject"):
        assert proggan.params_for(method, registry.get("methods", method).Config) == {}


def test_what_is_set_for_one_method_wins_over_what_is_shared(suite):
    mine = suite('extends = "lite"\n[models.proggan.methods.ours]\nlr = 1e-4\n').models["proggan"]
    config = Registry().get("methods", "ours").Config
    assert mine.params_for("ours", config) == {
        "epochs": 250,
        "batch_size": 16,
        "lr": 1e-4,
        "schedule": "cosine",
    }
    assert mine.params_for("probe", Registry().get("methods", "probe").Config)["lr"] == 2e-3
