"""What a suite trains before its cells: what, in which order, for how long, and what is left out."""

from __future__ import annotations

import json

import pytest
import rendered_celeba
import torch

from bench.core import resuming
from bench.errors import UsageError
from bench.experiments.cells.recipes import Recipe, checkpoint_of, pretrained_path
from bench.experiments.cells.trained_here import untrained
from bench.experiments.planning import expected_training as expected
from bench.experiments.planning import grid
from bench.experiments.planning.expected import shipped_times
from bench.experiments.planning.plan import plan, told_beforehand
from bench.registry import Registry
from bench.workspace.settings.suites import load_suite
from bench.workspace.store.store import Store
from bench.workspace.weights.extractor_names import TrainedOn, plugin_of, trained_on
from bench.workspace.workspace import Workspace

ASKED = ("--method", "ours", "--model", "proggan", "--feature", "bang")
ALL = ["mobilenet-celeba-a", "mobilenet-celeba-b", "faces-celeba", "proggan"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return rendered_celeba.write(tmp_path_factory.mktemp("data"))


@pytest.fixture
def toy(tmp_path):
    """Write a small suite, and return its file."""
    (tmp_path / "toy.toml").write_text(rendered_celeba.SUITE)
    return tmp_path / "toy.toml"


@pytest.fixture
def here(tmp_path, data):
    return Workspace(Registry(), Store(tmp_path / "runs"), torch.device("cpu"), data)


def planned(here, suite, **changed):
    asked = {"methods": ["ours"], "models": ["proggan"], "features": ["bang"], "suite": str(suite), **changed}
    return plan(grid.cells(grid.Request(**asked), here), here, "failed")


def test_everything_that_is_missing_is_trained_once_and_told_beforehand(toy, data, tmp_path, bench_cli):
    options = (*ASKED, "--suite", toy, "--data-dir", data, "--results", tmp_path / "runs")
    dry = bench_cli("run", *options, "--dry-run")
    lines = [line.split()[:2] for line in dry.out.splitlines()]
    assert dry.code == 0 and lines[:4] == [["train", name] for name in ALL] and not (tmp_path / "runs").exists()
    assert "embed   the images of celeba with faces-celeba" in dry.out
    assert "after the training of 'mobilenet-celeba-a', 'mobilenet-celeba-b', 'faces-celeba', 'proggan'" in dry.out
    done = bench_cli("run", *options, "--json")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if line.startswith("  ") and line[2].isdigit()]
    assert [line.split(", ")[1].split(" on ")[0] for line in told] == ALL
    record = json.loads(done.out)
    assert "fid[faces-celeba]" in record["metrics"] and record["provenance"]["data"] == "CelebA, 48 photographs"
    clicked, judged = (record["provenance"]["oracle"][role]["weights"] for role in ("feedback", "evaluation"))
    assert "mobilenet-celeba-a-" in clicked and "mobilenet-celeba-b-" in judged
    source = record["metrics"]["target_ratio"]["source"]
    assert "; oracle mobilenet-celeba-b-" in source and str(tmp_path) not in source, "a table travels"
    again = bench_cli("run", *options, "--dry-run")
    assert again.out.startswith("cached ") and "train" not in again.out
    elsewhere = bench_cli("run", *ASKED, "--suite", toy, "--results", tmp_path / "runs", "--dry-run")
    assert elsewhere.out.startswith("cached "), "what is stored counts where the photographs are not"
    vdvae = bench_cli("run", *ASKED[:3], "vdvae", *ASKED[4:], *options[len(ASKED) :], "--dry-run")
    assert [line.split()[1] for line in vdvae.out.splitlines() if line.startswith("train")] == ["vdvae"]


def test_times_are_added_up_where_all_are_known(here):
    made = planned(here, "celeba")
    told = told_beforehand(made.trainings, made.embeddings).splitlines()
    assert told[1] == "  1. oracle that clicks, mobilenet-celeba-a on celeba: about 4 s"  # 32 photographs, 16 passes
    assert len(told) == 7 and told[-1] == "in all about 36 s before the first cell"  # 7.7 + 3.5 + 24.2 + 0.1


def test_images_are_embedded_only_for_metrics_that_compare_with_them(here, toy):
    assert [each.extractor for each in planned(here, toy).embeddings] == ["faces-celeba"]
    assert planned(here, toy, overrides=["evaluation.metrics=target_ratio,retain_change"]).embeddings == ()
    (compared,) = planned(here, toy, overrides=["evaluation.metrics=target_ratio,kid"]).embeddings
    assert compared.dataset == "celeba"


def test_an_oracle_that_nobody_asks_is_not_trained(here, toy, tmp_path):
    (tmp_path / "clicks.json").write_text("{}")
    made = planned(here, toy, feedback_file=tmp_path / "clicks.json")
    assert [each.what.name for each in made.trainings] == ALL[1:]
    named = planned(here, toy, overrides=["oracle.feedback=mobilenet-synthfaces-a"])
    assert [each.what.name for each in named.trainings] == ALL[1:]
    assert [each.what.name for each in planned(here, toy, weights="proggan-synthfaces").trainings] == ALL[:3]


def test_a_copy_that_is_named_is_the_one_that_nobody_names(here, toy):
    named = planned(here, toy, overrides=["oracle.evaluation=mobilenet-celeba-b", "oracle.feedback=mobilenet-celeba-a"])
    assert [each.weights for each in named.trainings] == [each.weights for each in planned(here, toy).trainings]
    one = planned(here, toy, overrides=["oracle.evaluation=mobilenet-celeba-a"])
    assert [each.what.name for each in one.trainings] == [ALL[0], *ALL[2:]]
    assert one.trainings[0].what.purpose == "oracle that clicks and judges"


def test_without_photographs_nothing_is_trained_and_the_error_says_where_to_get_them(toy, tmp_path, bench_cli):
    done = bench_cli("run", *ASKED, "--suite", toy, "--results", tmp_path / "runs")
    assert done.code == 4 and done.err.count("Download CelebA from") == 1 and not (tmp_path / "pretrained").exists()


def test_a_table_that_only_the_oracles_learn_from_is_looked_at_before_anything_is_trained(toy, tmp_path, bench_cli):
    file = rendered_celeba.write(tmp_path / "data") / "celeba" / "list_eval_partition.txt"
    file.write_text("<!DOCTYPE html><title>Quota exceeded</title>")
    options = ("--suite", toy, "--data-dir", tmp_path / "data", "--results", tmp_path / "runs")
    done = bench_cli("run", *ASKED, *options)
    assert done.code == 4 and done.err.count(f"{file}: is a web page") == 1 and not (tmp_path / "pretrained").exists()
    assert f"{file}: is a web page" in bench_cli("run", *ASKED, *options, "--dry-run").out


OTHER = """
[models.vae]
dataset = "mnist"
weights = "vae-mnist"
features = ["slant"]
[models.vae.feedback]
count = 60
[models.vae.evaluation]
count = 70
"""


def test_a_training_that_fails_costs_the_cells_that_need_it_alone(toy, data, tmp_path, bench_cli):
    toy.write_text(toy.read_text().replace("epochs = 4, batch_size = 8 }", "batch_size = 4096 }", 1) + OTHER)
    options = ("--suite", toy, "--data-dir", data, "--results", tmp_path / "runs", "--method", "original")
    done = bench_cli("run", *options, "--model", "proggan,vae", "--feature", "all", "--json")
    assert done.code == 1 and [json.loads(line)["model"] for line in done.out.splitlines()] == ["vae"]
    assert done.err.count("do not fill one batch of 4096") == 2, "once for each cell of proggan"
    assert done.err.count("training the ") == 1, "what its cells need too is not trained for nothing"
    alone = bench_cli("run", *options, "--model", "proggan", "--feature", "bang")
    assert alone.code == 4 and "do not fill one batch of 4096" in alone.err


def test_a_part_without_photographs_for_testing_is_trained_on_and_one_note_says_what_is_not_measured(
    toy, tmp_path, bench_cli
):
    root = rendered_celeba.write(tmp_path / "data") / "celeba"  # as the first photographs, with the official tables
    first, names, *rows = (root / "list_attr_celeba.txt").read_text().splitlines()
    last = rows[-1].replace("000048.jpg", "000049.jpg")
    (root / "list_attr_celeba.txt").write_text("\n".join([str(int(first) + 1), names, *rows, last, ""]))
    lines = [f"{number:06}.jpg {2 if number == 49 else 0}\n" for number in range(1, 50)]
    (root / "list_eval_partition.txt").write_text("".join(lines))
    options = (*ASKED, "--suite", toy, "--data-dir", tmp_path / "data", "--results", tmp_path / "runs")
    note = f"{root}/img_align_celeba: holds no photograph of the split test (000049.jpg is the first of it"
    dry = bench_cli("run", *options, "--dry-run")
    assert dry.code == 0 and dry.out.count(note) == 1
    done = bench_cli("run", *options, "--json")
    assert done.code == 0, done.err
    assert done.err.count(note) == 1 and done.err.index(note) < done.err.index("training the oracle")
    assert json.loads(done.out)["metrics"]["fid[faces-celeba]"]["value"] > 0
    assert "holds no photograph" not in bench_cli("run", *options, "--dry-run").out, "nothing is trained any more"


def test_two_models_that_train_one_extractor_differently_are_refused(here, toy):
    toy.write_text(toy.read_text().replace("pretrain = { epochs = 4, batch_size = 8 }", "pretrain = { epochs = 5 }", 1))
    with pytest.raises(UsageError, match="two models train the extractor 'faces-celeba' with other settings"):
        planned(here, toy, models=["proggan", "vdvae"])


@pytest.mark.parametrize("name", ["faces", "inception", "nothing-celeba", "faces-nothing", "mobilenet-synthfaces-a"])
def test_other_names_are_not_taken_for_an_extractor_trained_on_a_data_set(name):
    assert trained_on(Registry(), name) is None and plugin_of(Registry(), name) == name


def test_an_extractor_is_known_by_its_plug_in_and_data_set():
    assert trained_on(Registry(), "faces-celeba") == TrainedOn("faces", "celeba")
    assert plugin_of(Registry(), "faces-celeba") == "faces"


# --- how long -----------------------------------------------------------------------------------------


def recipe_of(model="proggan", **changed):
    return Recipe("models", model, "celeba", {**load_suite("celeba").models[model].pretrain, **changed})


def time_of(here, recipe):
    return expected.expected_training(here, recipe, str(pretrained_path(here, recipe)))


def test_a_shipped_time_is_scaled_to_the_photographs_and_the_epochs(here):
    (shipped,) = (each for each in expected._times()["trainings"] if each["name"] == "proggan")
    epochs = load_suite("celeba").models["proggan"].pretrain["epochs"]
    assert time_of(here, recipe_of()).seconds == pytest.approx(
        shipped["seconds_per_step"] * epochs * 3
    )  # 48 images by 16
    assert time_of(here, recipe_of(epochs=5)).seconds == pytest.approx(shipped["seconds_per_step"] * 5 * 3)
    assert time_of(here, recipe_of(growth=0.9)).seconds is None, "another training"


def test_every_shipped_time_is_of_a_training_of_the_suite(here):
    suite = load_suite("celeba").models
    known = [("classifiers", "mobilenet", suite["proggan"].oracle.pretrain)]
    known += [("extractors", "faces", suite["proggan"].evaluation.pretrain)]
    known += [("models", name, settings.pretrain) for name, settings in suite.items()]
    for kind, name, settings in known:
        assert time_of(here, Recipe(kind, name, "celeba", settings)).seconds, name
    assert len(expected._times()["trainings"]) == len(known)


def test_a_stopped_training_takes_what_is_left_at_its_pace(here):
    recipe = recipe_of()
    shipped = time_of(here, recipe)
    file = checkpoint_of(here, recipe, pretrained_path(here, recipe))
    file.parent.mkdir(parents=True)
    resuming.save(file, {"done": 20, "seconds": 10.0, "history": [], "state": {}})
    found, steps = time_of(here, recipe), recipe.settings["epochs"] * 3
    assert found.seconds == pytest.approx(0.5 * (steps - 20)) and f"20 of {steps} steps" in found.basis
    file.write_bytes(b"damaged")
    assert time_of(here, recipe) == shipped
    resuming.phase_file(file, resuming.TRAINED).write_bytes(b"")
    assert time_of(here, recipe).seconds == 0, "it is only measured"


def test_retraining_takes_its_steps_at_the_pace_of_the_generator_s_training(here):
    shipped = {each["name"]: each["seconds_per_step"] for each in expected._times()["trainings"]}
    original = shipped_times()["celeba"]["proggan"]["original"]
    (item,) = planned(here, "celeba", methods=["retrain"]).cells
    without = int((~here.dataset("celeba").split("all").attributes["Bangs"]).sum())
    steps = round(2.88 * (without // 16))
    assert item.expected.seconds == pytest.approx(original + shipped["proggan"] * steps)
    assert "steps of retraining at that pace" in item.expected.basis
    (longer,) = planned(here, "celeba", methods=["retrain"], params=["epochs=288"]).cells
    assert longer.expected.seconds == pytest.approx(original + shipped["proggan"] * 288 * (without // 16))
    (unknown,) = planned(here, "celeba", methods=["retrain"], models=["vdvae"]).cells
    assert unknown.expected.seconds is None, "no evaluation of it was measured"


def test_a_training_of_the_same_networks_here_counts_more_than_a_shipped_time(toy, here, data, tmp_path, bench_cli):
    made = planned(here, toy)
    assert [each.expected.seconds for each in made.trainings] == [None] * 4, "no shipped time is of these networks"
    fields = "width=0.25 depth=0.1 stem_stride=2 epochs=2 batch_size=8".split()
    words = ("--classifier", "mobilenet", "--dataset", "celeba", *(word for each in fields for word in ("-p", each)))
    done = bench_cli("pretrain", *words, "--data-dir", data, "--results", tmp_path / "runs")
    assert done.code == 0, done.err
    first, second, *_ = planned(here, toy).trainings
    assert first.expected.seconds == second.expected.seconds > 0 and "here" in second.expected.basis
    assert len(untrained(made.cells[0].cell.place, here)) == 4, "of other epochs"
