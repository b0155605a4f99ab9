"""The cut of an oracle that clicks a top share: one per generator and feature, which also tells training images."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from feedback_files import change, write
from trained_oracles import brightness, record_of

import bench
from bench.api import Split
from bench.feedback.oracle import generator_cut
from bench.workspace.weights.loading import load_original

SHOWN = ("--set", "oracle.cut=shown")


@pytest.fixture
def judged(on_bars, plugins):
    """Unlearn on the bars with ``ink``, which clicks the top tenth and judges; return the record."""
    plugins.add("ink")
    named = ("--set", "oracle.feedback=ink", "--set", "oracle.evaluation=ink", "--json")
    return lambda *more, method="original": record_of(on_bars(method, *named, *more, plugins=plugins.path))


def cut_in(record):
    return record["provenance"]["oracle"]["threshold"]


def test_the_cut_is_that_of_other_samples_of_the_generator_and_the_same_for_every_seed(judged, bars, tmp_path):
    first, second = judged(), judged("--seed", "1")
    others = np.sort(brightness(bars.original.generator, "cut", 256))
    assert cut_in(first) == cut_in(second) == others[-round(0.1 * 256)]
    clicked = (brightness(bars.original.generator, "feedback/0", 100) >= cut_in(first)).sum()
    assert first["provenance"]["feedback"]["positives"] == clicked
    assert len(list((tmp_path / "runs" / ".stages").glob("cut-*"))) == 1, "it is measured once"
    assert cut_in(judged(*SHOWN)) != cut_in(judged(*SHOWN, "--seed", "1")), "the old way: of the samples shown"
    assert first["metrics"]["original_target_ratio"] == second["metrics"]["original_target_ratio"]


def test_a_second_original_keeps_the_cut_of_the_first_if_it_is_named(judged, bars, tmp_path):
    first = judged("-p", "epochs=3", "-p", "batch_size=4", method="ours")
    (weights,) = (tmp_path / "runs").glob("ours-*/unlearned.safetensors")
    own = judged("--weights", weights)
    kept = judged("--weights", weights, "--set", f"oracle.cut={bars.weights}")
    assert cut_in(kept) == cut_in(first) != cut_in(own)
    assert len(list((tmp_path / "runs" / ".stages").glob("cut-*"))) == 2, "the first generator's is not measured again"
    scores = brightness(load_original(bars.registry, weights).generator, "evaluation", 130)
    assert kept["metrics"]["target_ratio"]["value"] == (scores >= cut_in(first)).mean()
    assert kept["metrics"]["target_ratio"]["value"] != own["metrics"]["target_ratio"]["value"]


def test_the_cut_of_a_generator_that_was_unlearned_before_is_told(on_bars, judged, plugins, bars, tmp_path):
    judged("-p", "epochs=3", "-p", "batch_size=4", method="ours")
    (weights,) = (tmp_path / "runs").glob("ours-*/unlearned.safetensors")
    named = ("--set", "oracle.feedback=ink", "--set", "oracle.evaluation=ink", "--weights", weights)
    first = ("--set", f"oracle.cut={bars.weights}")
    for more, told in (((), 1), (("--dry-run",), 1), (first, 0), ((*first, "--dry-run"), 0)):
        ended = on_bars("original", *named, *more, plugins=plugins.path)
        assert (ended.out + ended.err).count("was unlearned before. The top share of its own samples counts") == told


def test_a_cut_that_nothing_would_read_is_refused(on_bars, plugins, bars, tmp_path):
    plugins.add("ink")
    ink = ("--set", "oracle.feedback=ink", "--set", "oracle.evaluation=ink")
    cases = {
        ("--set", "oracle.cut=show"): "oracle.cut=show: expected generator, shown, or weights of the model 'bars'",
        ("--set", "oracle.cut=dcgan-mnist"): "holds the model 'dcgan', not 'bars'",
        (
            "--set",
            f"oracle.cut={bars.weights}",
            "--set",
            "oracle.feedback=digits",
            "--dataset",
            "own",
        ): "no oracle clicks a top share",
    }
    for more, expected in cases.items():
        feature = "1" if "own" in more else "thickness"
        made = on_bars(
            "original",
            *(("--set", "oracle.evaluation=digits") if feature == "1" else ink),
            *more,
            plugins=plugins.path,
            feature=feature,
        )
        assert made.code == 4 and expected in made.err, made.err


def test_a_damaged_cut_is_measured_again(judged, tmp_path):
    before = judged()
    (path,) = (tmp_path / "runs" / ".stages").glob("cut-*/cut.json")
    path.write_text(path.read_text().replace("0.1", "0.2", 1))
    assert cut_in(judged("--seed", "1")) == cut_in(before)


def test_a_file_of_clicks_keeps_its_cut_and_one_without_a_cut_is_judged_by_the_generators(judged, tmp_path):
    first = judged()
    (path,) = (tmp_path / "runs" / ".stages").glob("feedback-*/feedback.json")
    clicks = json.loads(path.read_text())
    del clicks["sha256"]
    for name, changes, expected in (
        ("own.json", {"threshold": 0.123, "sha256": None}, 0.123),
        ("none.json", {"threshold": None, "sha256": None}, cut_in(first)),
    ):
        file = tmp_path / name
        file.write_text(json.dumps({k: v for k, v in {**clicks, **changes}.items() if k != "sha256"}))
        assert cut_in(judged("--feedback", file)) == expected


def test_the_cut_reaches_what_reads_it_alone(bars, workspace):
    from bench.experiments.cells.resolve import resolve
    from bench.experiments.planning import grid

    def keys(method, *overrides):
        request = grid.Request(
            methods=[method], models=["bars"], features=["thickness"], dataset="mnist", weights=str(bars.weights),
            overrides=overrides,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return resolve(cell, workspace).keys

    for method in ("latent_edit", "retrain"):
        frozen, shown = keys(method), keys(method, "oracle.cut=shown")
        assert frozen.cut is not None and shown.cut is None
        changed = {name for name, key in vars(frozen).items() if key != getattr(shown, name)}
        assert changed == {"cut", "feedback", "unlearn", "evaluate", "columns"}, "retrain removes by the same ruler"
        assert frozen.original == shown.original


def test_the_threshold_of_a_file_of_clicks_tells_training_images_too(bars, workspace, tmp_path):
    """What is removed from the training and what is judged have one ruler; another threshold is another retraining."""
    from bench.experiments.cells.resolve import resolve
    from bench.experiments.planning import grid
    from bench.experiments.stages.first_stages import feedback_stage

    shown = bench.make_feedback(np.arange(40) % 4 == 0, stream="feedback/0")
    file, found = tmp_path / "clicks.json", []
    write(file, shown, bars.original.generator)
    for threshold in (1.5, 2.5):
        change(file, threshold=threshold, weights_sha256=bars.original.sha256)
        request = grid.Request(
            methods=["retrain"], models=["bars"], features=["thickness"], dataset="mnist", weights=str(bars.weights),
            feedback_file=file,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        resolved = resolve(cell, workspace)
        clicks = feedback_stage(resolved)[1]
        assert clicks.cut == clicks.threshold == threshold
        found.append(resolved.keys.unlearn)
    assert len({*found}) == 2


def test_training_images_are_told_by_the_cut_that_is_given(workspace, monkeypatch):
    from bench.evaluation import targets

    split = Split(pd.DataFrame(index=range(10)), lambda rows: None, "of a test")
    scores = np.linspace(0, 9, len(split))
    monkeypatch.setattr(targets, "_scores", lambda *args: scores)
    of = lambda cut: targets.target_mask(workspace, "mnist", split, "thickness", cut)  # noqa: E731
    np.testing.assert_array_equal(of(4.5), scores >= 4.5)
    assert of(None).sum() not in (0, of(4.5).sum()), "by default the cut of the data set's oracle"


def test_python_gives_the_same_cut(bars, workspace):
    import bench

    images = bench.sample(bars.original.generator, 60)
    generator, classifier = bars.original.generator, workspace.registry.get("classifiers", "morpho_mnist")()
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist", generator=generator)
    assert threshold == generator_cut(generator, classifier, "thickness")
    np.testing.assert_array_equal(labels, bench.ask_oracle(images, "thickness", "mnist", generator=generator)[0])
    assert bench.ask_oracle(images, "thickness", "mnist")[0].sum() == 6, "without a generator, the top tenth of these"
