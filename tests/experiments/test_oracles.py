"""Trained oracles: two copies, further clicks, what the data set's attributes say, and what is missing."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.errors import CheckpointError
from bench.evaluation.targets import target_mask
from bench.experiments import grid
from bench.experiments.resolve import resolve
from bench.registry import Registry
from bench.toolkit.training import build
from bench.workspace import checkpoint, loading, saving
from bench.workspace.store import Store
from bench.workspace.workspace import Workspace

A, B = 0.1, 0.08  # the levels of the two copies; the samples lie between 0.04 and 0.15
COUNT, SEEN = 100, 130
FEATURE = ("--feature", "light", "--dataset", "strips", "--model", "bars")


@pytest.fixture
def world(bars, plugins, bench_cli, tmp_path):
    """Return the bars, judged by two copies of a trained oracle; ``run`` calls ``bench run`` on them."""
    for name in ("strips", "level", "keeper"):
        plugins.add(name)
    registry = Registry(plugins.path)

    def copy(name, level):
        recipe = registry.get("classifiers", "level")()
        networks = build(recipe, recipe.Config(), name)
        networks.classifier.level.data.fill_(level)
        accuracy = {"light": {"balanced_accuracy": 1 - level, "rate": 0.25, "n": 20}}
        path = tmp_path / f"{name}.safetensors"
        saving.save_networks(path, "classifier", "level", networks, {"accuracy": accuracy})
        return path

    a, b = copy("a", A), copy("b", B)
    named = ("--set", f"oracle.feedback={a}", "--set", f"oracle.evaluation={b}")

    def run(method, *more, oracles=named):
        return bench_cli(
            "run", "--method", method, *FEATURE, "--weights", bars.weights, "--plugins", plugins.path, "--results",
            tmp_path / "runs", "--device", "cpu", "--set", f"feedback.count={COUNT}", "--set",
            f"evaluation.count={SEEN}", "--set", "evaluation.metrics=target_ratio,diversity", *oracles, *more,
        )  # fmt: skip

    def keys(method="latent_edit", feedback=a, evaluation=b, params=()):
        workspace = Workspace(Registry(plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
        request = grid.Request(
            methods=[method], models=["bars"], features=["light"], dataset="strips", weights=str(bars.weights),
            overrides=(f"oracle.feedback={feedback}", f"oracle.evaluation={evaluation}"), params=params,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return vars(resolve(cell, workspace).keys)

    return SimpleNamespace(
        run=run, keys=keys, copy=copy, a=a, b=b, registry=registry, plugins=plugins, results=tmp_path / "runs"
    )


def brightness(generator, stream, count):
    parts = [
        to_uint8(generator(randomness.draw(stream, range(start, min(start + 64, count)), generator.noise_dim)))
        for start in range(0, count, 64)
    ]
    return torch.cat(parts).double().mean(dim=(1, 2, 3)).numpy() / 255


def record_of(done):
    assert done.code == 0, done.err + done.out
    return json.loads(done.out)


# --- two copies ---------------------------------------------------------------------------------------


def test_one_copy_clicks_and_the_other_judges(world, bars):
    record = record_of(world.run("original", "--json"))
    shown = brightness(bars.original.generator, "feedback/0", COUNT)
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    assert record["provenance"]["feedback"] == {"count": COUNT, "positives": int((shown >= np.float32(A)).sum())}
    assert record["metrics"]["target_ratio"]["value"] == (seen >= np.float32(B)).mean()
    assert (seen >= B).sum() > (seen >= A).sum() > 0, "the copies disagree about some samples"
    assert record["metrics"]["target_ratio"]["source"] == f"strips (test); oracle {world.b}; {SEEN} samples of bars"
    assert [name for name in record["metrics"] if "shift[" in name] == ["attribute_shift[Left]"], "no twin of light"


def test_a_record_names_both_copies_and_their_accuracy(world):
    oracle = record_of(world.run("original", "--json"))["provenance"]["oracle"]
    assert (oracle["name"], oracle["threshold"]) == ("level", 0.0)
    for role, path, level in (("feedback", world.a, A), ("evaluation", world.b, B)):
        assert oracle[role] == {
            "weights": str(path),
            "sha256": checkpoint.read(path).sha256,
            "threshold": 0.0,
            "balanced_accuracy": {"light": 1 - level},
        }


def test_an_oracle_that_is_not_trained_is_both(on_bars):
    oracle = record_of(on_bars("original", "--json"))["provenance"]["oracle"]
    assert oracle["feedback"] == oracle["evaluation"]
    assert oracle["feedback"] == {
        "weights": None, "sha256": None, "threshold": oracle["threshold"], "balanced_accuracy": {},
    }  # fmt: skip


def test_a_method_that_needs_an_oracle_gets_the_one_that_clicks(world):
    record = record_of(world.run("reject", "--json"))
    assert record["metrics"]["target_ratio"]["value"] > 0, "the other copy still sees some"
    (path,) = world.results.glob("*reject*/unlearned.safetensors")
    rebuilt = loading.load_unlearned(world.registry, path).generator
    drawn = brightness(rebuilt, randomness.EVALUATION, SEEN)
    assert drawn.max() < A < brightness(rebuilt.original, randomness.EVALUATION, SEEN).max()
    assert record["metrics"]["target_ratio"]["value"] == (drawn >= np.float32(B)).mean()
    world.copy("a", 0.12)
    with pytest.raises(CheckpointError, match="was made with other weights of its oracle than '.*a.safetensors' holds"):
        loading.load_unlearned(world.registry, path)
    world.a.unlink()
    with pytest.raises(CheckpointError, match=r"a\.safetensors: there is no such weights file"):
        loading.load_unlearned(world.registry, path)


def test_each_copy_counts_in_the_keys_of_what_it_does(world):
    def differing(**changed):
        return {stage for stage, key in world.keys(**changed).items() if key != base[stage]}

    base = world.keys()
    c = world.copy("c", 0.09)
    assert differing(feedback=c) == {"feedback", "unlearn", "evaluate"}
    assert differing(evaluation=c) == {"original", "evaluate"}
    base = world.keys("original")
    assert differing(method="original", feedback=c) == {"feedback", "evaluate"}
    same = world.copy("same", A)  # another training that ended alike
    assert differing(method="original", feedback=same) == set()


# --- what is missing or wrong -------------------------------------------------------------------------


def test_missing_copies_are_named_with_the_command_that_makes_them(world, tmp_path):
    done = world.run("original", oracles=())
    assert done.code == 4 and done.err == (
        "Error: feedback oracle of 'strips': the weights 'level-strips-a' are neither shipped with this version nor a "
        "file. Make them: bench pretrain --classifier level --dataset strips --seed 0 --ship level-strips-a; "
        "or name others: --set oracle.feedback=FILE\n"
        "evaluation oracle of 'strips': the weights 'level-strips-b' are neither shipped with this version nor a "
        "file. Make them: bench pretrain --classifier level --dataset strips --seed 1 --ship level-strips-b; "
        "or name others: --set oracle.evaluation=FILE\n"
    )
    gone = tmp_path / "gone.safetensors"
    done = world.run("original", "--set", f"oracle.evaluation={gone}", oracles=("--set", f"oracle.feedback={world.a}"))
    assert done.code == 4 and f"--seed 1 --out {gone}; or name others: --set oracle.evaluation=FILE" in done.err
    assert not world.results.exists() or not list(world.results.iterdir()), "nothing was written"


def test_weights_that_are_no_oracle_of_the_data_set_are_refused(world, bars, on_bars, plugins):
    judge = ("--set", f"oracle.evaluation={world.b}")
    done = world.run("original", oracles=("--set", f"oracle.feedback={bars.weights}", *judge))
    assert done.code == 4 and "holds the model 'bars', not the classifier 'level'" in done.err
    plugins.add("level", ('("light", "Dark", "Left")', '("Dark", "Left")'))
    done = world.run("original")
    assert done.code == 4 and "was trained without light, which the data set 'strips' has as a feature" in done.err
    done = on_bars("original", "--set", "oracle.feedback=digits")
    assert done.code == 4 and "'morpho_mnist' is not trained, so it has no weights to name" in done.err


def test_missing_weights_of_a_suite_are_named_with_the_command_that_makes_them(bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.vae]\ndataset = "mnist"\nweights = "vae-nowhere"\n')
    for command in (("run", "--method", "ours", "--feature", "slant", "--model"), ("table", "3", "--model")):
        done = bench_cli(*command, "vae", "--suite", suite, "--results", tmp_path / "runs")
        assert done.code == 4 and done.err == (
            "Error: --model vae: the weights 'vae-nowhere' are neither shipped with this version nor a file. Make them: "
            f"bench pretrain --model vae --dataset mnist --suite {suite} --ship vae-nowhere; or name others: "
            "--weights FILE\n"
        )


# --- further clicks -----------------------------------------------------------------------------------


def test_further_clicks_are_asked_stored_and_handed_over(world, bars):
    record = record_of(world.run("keeper", "-p", "keep=Left", "--json"))
    (path,) = world.results.glob(".stages/feedback-*/feedback.json")
    stored = json.loads(path.read_text())
    images = to_uint8(bars.original.generator(randomness.draw("feedback/0", range(COUNT), 6))).double()
    left = (images[..., :14] - images[..., 14:]).mean(dim=(1, 2, 3)).numpy() >= 0
    assert stored["also"] == {"Left": np.flatnonzero(left).tolist()} and 10 < left.sum() < 90
    weights = checkpoint.read(
        world.results / f"lite-keeper-bars-light-s0-{record['key'][:8]}" / "unlearned.safetensors"
    )
    assert weights.tensors["generator.layer.bias"][2].item() == pytest.approx(left.sum() / 1000)


def test_only_who_asks_for_further_clicks_has_another_key(world):
    assert world.keys("keeper")["feedback"] == world.keys("latent_edit")["feedback"]
    asking = world.keys("keeper", params=("keep=Left",))
    assert asking["feedback"] != world.keys("keeper")["feedback"]
    assert asking["original"] == world.keys("keeper")["original"]


def test_an_attribute_nobody_can_label_is_refused(world):
    done = world.run("keeper", "-p", "keep=Lef")
    assert done.code == 4
    assert (
        "-p keep=Lef (with --feature light): there is no attribute 'Lef'. Did you mean 'Left'? Known: Left." in done.err
    )
    done = world.run("keeper", "-p", "keep=Dark")
    assert done.code == 4 and "there is no attribute 'Dark'" in done.err, "the feature itself under another name"


def test_a_feedback_file_must_hold_what_is_asked(world, tmp_path):
    record_of(world.run("keeper", "-p", "keep=Left", "--json"))
    (path,) = world.results.glob(".stages/feedback-*/feedback.json")
    content = json.loads(path.read_text())
    file = tmp_path / "clicks.json"
    file.write_text(json.dumps({**content, "also": {"Left": [0, 1, 2], "Right": [5]}}))
    given = record_of(world.run("keeper", "-p", "keep=Left", "--feedback", file, "--json"))
    (folder,) = world.results.glob(f"*-{given['key'][:8]}")
    weights = checkpoint.read(folder / "unlearned.safetensors")
    assert weights.tensors["generator.layer.bias"][2].item() == pytest.approx(0.003), "of what it holds, what is asked"
    file.write_text(json.dumps({**content, "also": {"Right": [5]}}))
    done = world.run("keeper", "-p", "keep=Left", "--feedback", file)
    assert done.code == 4
    assert f"--feedback {file}: holds no clicks for Left (its 'also' has: Right), which the method asks for" in done.err


# --- what the data set says ---------------------------------------------------------------------------


def test_attributes_say_which_training_images_have_the_feature(world, bench_cli, tmp_path):
    workspace = Workspace(world.registry, Store(tmp_path / "runs"), torch.device("cpu"))
    split = workspace.dataset("strips").split("train")
    np.testing.assert_array_equal(target_mask(workspace, "strips", split, "light"), np.arange(40) >= 30)
    assert not (tmp_path / "runs").exists(), "no oracle was asked (none is here), no image was measured"
    suite = tmp_path / "mine.toml"
    suite.write_text(f'[models.bars]\ndataset = "strips"\nweights = "{world.a}"\n')
    done = bench_cli(
        "table",
        "1",
        "--suite",
        suite,
        "--plugins",
        world.plugins.path,
        "--results",
        tmp_path / "runs",
        "--out",
        tmp_path,
    )
    assert done.code == 0, done.err
    rows = (tmp_path / "table-1.csv").read_text()
    assert ",10.0," in rows and ",30.0," in rows and "strips (test); the data set's attributes" in rows


def test_a_data_set_that_is_not_here_leaves_the_others_their_counts(world, bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.bars]\ndataset = "strips"\n[models.vae]\ndataset = "mnist"\n')
    command = (
        "table", "1", "--suite", suite, "--plugins", world.plugins.path, "--results", tmp_path / "runs", "--out", tmp_path
    )  # fmt: skip
    done = bench_cli(*command)
    assert done.code == 0, done.err
    rows = [row.split(",") for row in (tmp_path / "table-1.csv").read_text().splitlines()]
    found = {row[1]: dict(zip(rows[0], row, strict=False)) for row in rows[1:]}
    assert found["strips"]["mean"] == "30.0" and found["strips"]["note"] == ""
    assert found["mnist"]["mean"] == "" and '"MNIST is needed' in (tmp_path / "table-1.csv").read_text()
    suite.write_text('[models.vae]\ndataset = "mnist"\n')
    done = bench_cli(*command)
    assert done.code == 4 and done.err.startswith("Error: MNIST is needed")


def test_the_data_set_names_the_extractors_unless_the_suite_does(world, bars, tmp_path):
    def chosen(*overrides, extractors='("digits",)'):
        world.plugins.add("strips", ('("digits",)', extractors))
        workspace = Workspace(Registry(world.plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
        oracles = (f"oracle.feedback={world.a}", f"oracle.evaluation={world.b}")
        request = grid.Request(
            methods=["original"], models=["bars"], dataset="strips", weights=str(bars.weights),
            overrides=(*oracles, *overrides),
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return cell.settings.evaluation.extractors, list(resolve(cell, workspace).extractors)

    assert chosen() == (("digits",), ["digits"])
    assert chosen(extractors="()") == ((), [])
    assert chosen("evaluation.extractors=digits", extractors="()") == (("digits",), ["digits"])


def test_pretraining_a_classifier_ends_with_its_accuracy(world, bench_cli, tmp_path):
    out = tmp_path / "level.safetensors"
    done = bench_cli(
        "pretrain", "--classifier", "level", "--dataset", "strips", "--plugins", world.plugins.path, "--out", out, "-p",
        "batch_size=8", "-p", "epochs=1", "--results", tmp_path / "runs",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "light: balanced accuracy 0.875 on 20 test images" in done.err
    accuracy = checkpoint.read(out).description["accuracy"]
    assert accuracy == {"light": {"balanced_accuracy": 0.875, "rate": 0.25, "n": 20}}
    record = record_of(
        world.run(
            "original", "--json", oracles=("--set", f"oracle.feedback={world.a}", "--set", f"oracle.evaluation={out}")
        )
    )
    assert record["provenance"]["oracle"]["evaluation"]["balanced_accuracy"] == {"light": 0.875}


@pytest.fixture
def trained(world, bench_cli, tmp_path):
    """Train a VAE on the strips for five steps; the name of its file, and more options."""

    def call(name, *more):
        out = tmp_path / f"{name}.safetensors"
        done = bench_cli(
            "pretrain", "--model", "vae", "--dataset", "strips", "--plugins", world.plugins.path, "--out", out, "-p",
            "batch_size=8", "-p", "epochs=1", *more, "--results", tmp_path / "runs",
        )  # fmt: skip
        return done, out

    return call


def test_a_training_goes_on_from_weights(trained):
    """From the very weights and their configuration, with what is given changed; the way there is kept."""
    done, first = trained("first", "-p", "latent_dim=7")
    assert done.code == 0, done.err
    done, still = trained("still", "--from", first, "-p", "lr=1e-12", "--seed", 3)
    assert done.code == 0, done.err
    start, end = checkpoint.read(first), checkpoint.read(still)
    assert end.description["config"] == {**start.description["config"], "lr": 1e-12}
    moved = {name: float((end.tensors[name] - tensor).abs().max()) for name, tensor in start.tensors.items()}
    assert max(moved.values()) < 1e-6, "the weights it began with"
    assert end.description["start"] == {**start.description, "sha256": start.sha256}
    assert end.description["command"] == (
        "bench pretrain --model vae --dataset strips --seed 0 -p batch_size=8 -p epochs=1 -p latent_dim=7 "
        "--out start-1.safetensors && bench pretrain --model vae --dataset strips --seed 3 "
        "-p batch_size=8 -p epochs=1 -p lr=1e-12 --from start-1.safetensors"
    )
    done, further = trained("further", "--from", first, "-p", "lr=1e-2")
    assert any(not torch.equal(checkpoint.read(further).tensors[name], t) for name, t in start.tensors.items())


def test_what_a_training_cannot_go_on_from_is_refused(trained, world, tmp_path):
    _, first = trained("first")
    cases = (
        ("nowhere.safetensors", (), "nowhere.safetensors: there is no such weights file"),
        (world.a, (), f"--from {world.a}: holds the classifier 'level', not the model 'vae'"),
        (first, ("-p", "latent_dim=3"), f"{first}: its generator does not fit the network"),
    )
    for start, more, message in cases:
        done, out = trained("never", "--from", start, *more)
        assert done.code != 0 and message in done.err, done.err
        assert not out.exists()


def test_half_weights_are_half_the_file_and_load_as_float32(trained):
    _, whole = trained("whole")
    _, half = trained("half", "--half")
    tensors, rounded = checkpoint.read(whole).tensors, checkpoint.read(half).tensors
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    for name, tensor in tensors.items():
        expected = tensor.half() if tensor.dim() > 1 else tensor
        assert rounded[name].dtype == expected.dtype and torch.equal(rounded[name], expected), name
    generator = loading.load_original(Registry(), half).generator
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def test_a_training_that_was_stopped_counts_all_of_its_time(trained, monkeypatch):
    def late(context, state):
        context.seconds_before = 5000.0
        return 0

    monkeypatch.setattr("bench.api.context.Context._restore", late)
    _, path = trained("late")
    assert 5000 < checkpoint.read(path).description["timing"]["seconds"] < 5100
