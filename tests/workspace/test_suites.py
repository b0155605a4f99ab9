from __future__ import annotations

import pytest
import torch

from bench.errors import UsageError
from bench.experiments.cells.recipes import Recipe, configured
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.settings.settings import method_params, model_settings
from bench.workspace.settings.suites import load_suite
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

LITE = load_suite("lite")


@pytest.mark.parametrize("model", sorted(LITE.models))
def test_what_lite_says_of_a_model_is_meant_for_it(model, tmp_path):
    """Every field fits its plug-in, and every oracle and extractor is shipped."""
    settings, workspace = LITE.models[model], Workspace(Registry(), Store(tmp_path), torch.device("cpu"))
    dataset = workspace.dataset(settings.dataset)
    _, config = configured(workspace, Recipe("models", model, settings.dataset, settings.pretrain))
    assert config.image_shape == dataset.image_shape and set(settings.features or ()) <= set(dataset.features)
    for name, fields in settings.methods.items():
        method_params(workspace.registry.get("methods", name).Config, fields, {}, name)
    for feature in dataset.features:
        oracles = workspace.oracles(settings.dataset, settings.oracle, feature)
        clicker, judge = oracles["feedback"], oracles["evaluation"]
        assert {feature} <= set(clicker.classifier.attributes) & set(judge.classifier.attributes)
        assert clicker.sha256 is None or clicker.sha256 != judge.sha256, "independently trained"
    assert all(extractor in manifest.entries() for extractor in dataset.extractors)


def test_lite_keeps_the_paper_s_counts():
    """Section 4.1 and 4.2 of arXiv 2303.05699; on faces its steps are those of the plain rule."""
    plain = {variant.model: variant.params for variant in LITE.variants if variant.label == "ours, plain rule"}
    for model, settings in LITE.models.items():
        faces = settings.dataset == "synthfaces"
        assert settings.feedback.count == (5000 if faces else 500) and settings.evaluation.count == 10_000
        if faces:
            assert (plain[model]["epochs"], plain[model]["schedule"]) == (500, "constant")


def test_a_comma_makes_a_list_and_two_slashes_make_a_grid(tmp_path):
    workspace = Workspace(Registry(), Store(tmp_path), torch.device("cpu"))
    asked = grid.Request(["ours"], ["vae"], ["slant"], params=["keep=area//area,width", "alpha=1//2"])
    assert [(c.params.keep, c.params.alpha) for c in grid.cells(asked, workspace)] == [
        (("area",), 1.0),
        (("area",), 2.0),
        (("area", "width"), 1.0),
        (("area", "width"), 2.0),
    ]


def test_settings_as_typed_win_over_settings_as_values_and_these_over_the_suite():
    values = {"feedback": {"count": 7}, "evaluation": {"count": 8}, "methods": {"ours": {"keep": ["area"]}}}
    typed = ["feedback.count=9", "methods.ours.epochs=40", "evaluation.extractors=digits,inception"]
    found = model_settings(LITE, "proggan", None, typed, values)
    assert (found.feedback.count, found.evaluation.count) == (9, 8)
    assert found.evaluation.extractors == ("digits", "inception")
    assert (
        found.methods["ours"] == {"keep": ["area"], "epochs": 40} and LITE.models["proggan"].methods.get("ours") is None
    )
    assert found.params_for("ours", Registry().get("methods", "ours").Config)["epochs"] == 40, "over the student's 500"
    assert found.weights == LITE.models["proggan"].weights
    assert values["methods"] == {"ours": {"keep": ["area"]}}, "the caller's values stay as they are"


@pytest.mark.parametrize(
    ("typed", "place", "value"),
    [
        ("evaluation.extractors=", "evaluation.extractors", ()),
        ("evaluation.extractors=digits", "evaluation.extractors", ("digits",)),
        ("evaluation.metrics=none", "evaluation.metrics", None),
        ("features=slant", "features", ("slant",)),
        ("weights=1", "weights", "1"),
        ("weights=null", "weights", None),
        ("oracle.feedback=a=b,c.safetensors", "oracle.feedback", "a=b,c.safetensors"),
        (r"oracle.feedback=a\//b", "oracle.feedback", "a//b"),
        ("oracle.pretrain.width=0.5", "oracle.pretrain", {"width": 0.5}),
        ("pretrain.name=64x1,64d2", "pretrain", {"name": "64x1,64d2"}),
        ('methods.ours.keep=["Male"]', "methods", {"ours": {"keep": ["Male"]}}),
        ("methods.ours={keep = [], shrink = true}", "methods", {"ours": {"keep": [], "shrink": True}}),
        ("feedback={count = 30}", "feedback.count", 30),
        ("methods.ours.when=12:30:00", "methods", {"ours": {"when": "12:30:00"}}),
        ("methods.ours.lr=1e999", "methods", {"ours": {"lr": "1e999"}}),
        ("methods.ours.lr=1\nlr = 2", "methods", {"ours": {"lr": "1\nlr = 2"}}),
    ],
)
def test_the_field_s_type_decides_how_a_setting_is_read(typed, place, value):
    found = model_settings(LITE, "vae", None, [typed])
    for name in place.split("."):
        found = getattr(found, name)
    if place == "methods":  # the suite's own settings of other methods stay
        value = {**model_settings(LITE, "vae", None, []).methods, **value}
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("feedback.count=" + "9" * 5000, "feedback.count: should be a finite number (got inf)"),
        ("feedback.count=1e999", "feedback.count: should be a finite number (got inf)"),
        ("feedback.count=1,2", "feedback.count: should be a valid integer"),
        ("feedback.count=10//20", "--set feedback.count: '10//20' is a grid, but only one value is allowed here"),
        ("methods.ours=" + "[" * 5000, "methods.ours: should be a table of fields (got '[[["),
        ("methods." + "a." * 5000 + "b=1", "expected a path of fields such as feedback.count"),
        ("feedback..count=1", "--set feedback..count: expected a path of fields such as feedback.count"),
        ("a" * 5000 + "=1", "--set: unknown setting 'aaa"),
        ("student.epochs.x=1", "--set student.epochs.x: 'epochs' is a single value and has no fields"),
        ("student.epoch=3", "student: epoch: unknown field"),
        ("student.epochs=many", "student: epochs: should be a valid integer"),
        ("student.lr=2", "student: lr: should be less than 1"),
        ("features.x=1", "--set features.x: 'features' is a single value and has no fields"),
    ],
)
def test_nonsense_in_a_setting_is_one_clear_error(typed, message):
    with pytest.raises(UsageError) as error:
        model_settings(LITE, "proggan", None, [typed])
    assert message in str(error.value) and len(str(error.value)) < 500


def test_a_setting_given_twice():
    with pytest.raises(UsageError, match="--set feedback.count: given twice. Give it once$"):
        model_settings(LITE, "vae", None, ["feedback.count=3", "feedback.count=4"])


def test_one_text_for_a_list_is_refused_with_what_to_pass():
    with pytest.raises(UsageError, match="keep: should be a list of values, not a single text .got 'Male'."):
        method_params(Registry().get("methods", "ours").Config, {"keep": "Male"}, {}, "ours")


def test_the_paper_suite_s_plan_names_all_that_is_missing(bench_cli, tmp_path):
    """Neither CelebA nor its oracles, generators and Inception are here: one dry run says so, with what to do."""
    asked = "run --suite paper --method ours,retrain --model vdvae,proggan --feature bang --dry-run"
    planned = bench_cli(*asked.split(), "--data-dir", tmp_path, "--results", tmp_path / "runs")
    cells, missing = planned.out.split("missing or wrong, so not all of these can run yet:\n")
    named = [line.split()[:2] for line in cells.splitlines() if not line.startswith("suite ")]
    assert planned.code == 0 and named == [
        *(["train", f"mobilenet-{data}-{copy}"] for data in ("celeba", "celeba128") for copy in "ab"),
        ["train", "vdvae"],
        ["train", "proggan"],
        *(["waits", f"{way}-{model}-bang-s0"] for model in ("vdvae", "proggan") for way in ("ours", "retrain")),
    ]
    for needed in ("list_attr_celeba.txt: no such file", "extractor 'inception'"):
        assert missing.count(needed) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suite", ["paper", "paper-hq"])
def test_a_plan_of_a_whole_suite_needs_no_names_and_invents_no_time(suite, bench_cli, tmp_path):
    planned = bench_cli("run", "--suite", suite, "--dry-run", "--data-dir", tmp_path, "--results", tmp_path / "runs")
    lines = planned.out.split("missing, before")[0].splitlines()
    models, methods = load_suite(suite).models, Registry().names("methods")
    cells = [line for line in lines if line.startswith("waits")]
    assert planned.code == 0 and len(cells) == len(methods) * sum(len(s.features) for s in models.values())
    trained = [line.split()[1] for line in lines if line.startswith("train")]
    here = {model: settings for model, settings in models.items() if settings.weights is None}
    oracles = [f"mobilenet-{settings.dataset}-{copy}" for settings in here.values() for copy in "ab"]
    assert trained == [*oracles, *here]
    timed = [line for line in lines if line.startswith(("waits", "train"))]
    assert len(timed) == len(cells) + len(trained)
    unknown = ("time unknown: never measured", "time unknown: its images are not here")
    assert all(any(text in line for text in unknown) and "about" not in line for line in timed)
    assert "list_attr_celeba.txt" in planned.out or "CelebAMask-HQ" in planned.out, "what statistics are made from"


def test_nothing_is_trained_for_an_evaluation_that_would_fail(bench_cli, tmp_path):
    """Days of training must not end in: no oracle."""
    suite = '[models.vae]\ndataset = "mnist"\n[models.vae.evaluation]\nextractors = ["inception"]\n'
    (tmp_path / "mine.toml").write_text(suite)
    asked = ("--method", "original", "--model", "vae", "--feature", "slant", "--suite", tmp_path / "mine.toml")
    done = bench_cli("run", *asked, "--results", tmp_path / "runs", "--data-dir", tmp_path)
    assert done.code == 4 and "extractor 'inception'" in done.err and "it is trained on" not in done.err
    assert "MNIST" in done.err and not list(tmp_path.glob("**/*.safetensors"))


def test_another_data_set_than_the_suite_s_is_told_that_the_suite_s_values_are_not_for_it(bench_cli, tmp_path):
    asked = "run --suite paper --method ours --model proggan --feature bang --show-config --dataset".split()
    own, other = (bench_cli(*asked, name, "--results", tmp_path / "runs") for name in ("celeba128", "celebahq"))
    told = "--dataset celebahq: the settings of 'proggan' in suite 'paper' are for 'celeba128'; counts and hyper-parameters are"
    assert own.code == other.code == 0 and told in other.err and "--dataset" not in own.err
