"""Trained oracles: one copy clicks, the other judges; what is missing or wrong is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from trained_oracles import COUNT, SEEN, A, B, brightness, record_of

from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.errors import CheckpointError
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint, loading
from bench.workspace.workspace import Workspace

# --- two copies ---------------------------------------------------------------------------------------


def test_one_copy_clicks_and_the_other_judges(world, bars):
    record = record_of(world.run("original", "--json"))
    shown = brightness(bars.original.generator, "feedback/0", COUNT)
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    clicked = record["provenance"]["feedback"]
    assert (clicked["count"], clicked["positives"]) == (COUNT, (shown >= np.float32(A)).sum())
    assert record["metrics"]["target_ratio"]["value"] == (seen >= np.float32(B)).mean()
    assert (seen >= B).sum() > (seen >= A).sum() > 0, "the copies disagree about some samples"
    assert (
        record["metrics"]["target_ratio"]["source"] == f"strips (test); oracle {world.b.stem}; {SEEN} samples of bars"
    )
    assert [name for name in record["metrics"] if "shift[" in name] == ["attribute_shift[Left]"], "no twin of light"


def test_a_cell_is_counted_by_both_and_doubted_where_they_disagree(world, bars):
    done = world.run("original", "--json")
    found = record_of(done)["metrics"]
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    clicker, judge = seen >= np.float32(A), seen >= np.float32(B)
    assert found["clicker_target_ratio"]["value"] == found["original_clicker_target_ratio"]["value"] == clicker.mean()
    assert found["oracle_disagreement"]["value"] == (clicker != judge).mean() > 0
    assert found["oracle_kappa"]["value"] < 0.8
    source = f"strips (test); oracles {world.a.stem} and {world.b.stem}; {SEEN} samples of bars"
    assert {found[name]["source"] for name in found if found[name]["metric"] == "agreement"} == {source}
    printed = world.run("original").out
    assert f"warning: the oracle that clicked and the judge disagree on {(clicker != judge).mean():.1%}" in printed
    (sheet,) = world.results.glob("*/judge-surest.png")
    assert str(sheet) in printed and record_of(done)["artefacts"]["surest"]["file"] == sheet.name


def test_the_sheet_shows_what_the_judge_is_surest_about(bars, tmp_path):
    from bench.workspace import pictures

    scores = np.zeros(100)
    scores[[7, 70]] = 2, 3
    pictures.save_surest(bars.original.generator, scores, "evaluation", tmp_path / "sheet.png")
    first = bars.original.generator(randomness.draw(randomness.EVALUATION, [70, 7], bars.original.generator.noise_dim))
    pictures.save_grid(to_uint8(first), tmp_path / "two.png", 2)
    sheet, two = (np.asarray(Image.open(tmp_path / name)) for name in ("sheet.png", "two.png"))
    height, width = two.shape[0] - 4, two.shape[1] - 4  # without the frame
    np.testing.assert_array_equal(sheet[:height, :width], two[:height, :width])


def test_a_record_names_both_copies_and_their_accuracy(world):
    oracle = record_of(world.run("original", "--json"))["provenance"]["oracle"]
    assert (oracle["name"], oracle["threshold"]) == ("level", 0.0)
    for role, path, level in (("feedback", world.a, A), ("evaluation", world.b, B)):
        assert oracle[role] == {
            "name": "level",
            "weights": str(path),
            "sha256": checkpoint.read(path).sha256,
            "threshold": 0.0,
            "balanced_accuracy": {"light": 1 - level},
        }


def test_an_oracle_that_is_not_trained_is_both(on_bars):
    oracle = record_of(on_bars("original", "--json"))["provenance"]["oracle"]
    assert oracle["feedback"] == oracle["evaluation"]
    assert oracle["feedback"] == {
        "name": "morpho_mnist", "weights": None, "sha256": None, "threshold": oracle["threshold"], "balanced_accuracy": {},
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
    with pytest.raises(
        CheckpointError, match="the weights '.*a.safetensors' of its oracle have changed since it was made"
    ):
        loading.load_unlearned(world.registry, path)
    world.a.unlink()
    with pytest.raises(CheckpointError, match=r"a\.safetensors: no such weights file"):
        loading.load_unlearned(world.registry, path)


def test_each_copy_counts_in_the_keys_of_what_it_does(world):
    def differing(**changed):
        return {stage for stage, key in world.keys(**changed).items() if key != base[stage]}

    base = world.keys()
    c = world.copy("c", 0.09)
    assert differing(feedback=c) == {"feedback", "unlearn", "original", "evaluate", "columns"}, (
        "it is asked of all samples"
    )
    assert differing(evaluation=c) == {"original", "evaluate", "columns"}
    base = world.keys("original")
    assert differing(method="original", feedback=c) == {"feedback", "original", "evaluate", "columns"}
    same = world.copy("same", A)  # another training that ended alike
    assert differing(method="original", feedback=same) == set()


# --- what is missing or wrong -------------------------------------------------------------------------


def test_missing_copies_are_trained_first_and_a_named_one_is_told_with_its_command(world, tmp_path):
    done = world.run("original", "--set", "oracle.pretrain.batch_size=8", oracles=())
    assert "1. oracle that clicks, level-strips-a on strips" in done.err
    assert "2. oracle that judges, level-strips-b on strips" in done.err
    made = sorted(path.name[:14] for path in (tmp_path / "pretrained").glob("*.safetensors"))
    assert made == ["level-strips-a", "level-strips-b"] and "feedback has no positives among 100" in done.err
    gone = tmp_path / "gone.safetensors"
    done = world.run("original", "--set", f"oracle.evaluation={gone}", oracles=("--set", f"oracle.feedback={world.a}"))
    assert done.code == 4 and f"--seed 1 --out {gone}; or name others: --set oracle.evaluation=FILE" in done.err


def test_weights_that_are_no_oracle_of_the_data_set_are_refused(world, bars, on_bars, plugins):
    judge = ("--set", f"oracle.evaluation={world.b}")
    done = world.run("original", oracles=("--set", f"oracle.feedback={bars.weights}", *judge))
    assert done.code == 4 and "holds the model 'bars'; an oracle is a classifier or an extractor" in done.err
    plugins.add("level", ('("light", "Dark", "Left")', '("Dark", "Left")'))
    done = world.run("original")
    assert done.code == 4 and "does not know the feature 'light'. Known: Dark, Left." in done.err
    done = on_bars("original", "--set", "oracle.feedback=digits")
    assert done.code == 4 and "the oracle 'digits' does not know the feature 'thickness'" in done.err


def test_missing_weights_of_a_suite_are_named_with_the_command_that_makes_them(bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.vae]\ndataset = "mnist"\nweights = "vae-nowhere"\n')
    for command in (("run", "--method", "ours", "--feature", "slant", "--model"), ("table", "3", "--model")):
        done = bench_cli(*command, "vae", "--suite", suite, "--results", tmp_path / "runs")
        assert done.code == 4 and done.err == (
            "Error: --model vae: the weights 'vae-nowhere' are neither shipped nor a file. Train them with: "
            f"bench pretrain --model vae --dataset mnist --suite {suite} --out vae-nowhere.safetensors; "
            "and name the file: --weights vae-nowhere.safetensors\n"
        )


# --- what the data set says ---------------------------------------------------------------------------


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
