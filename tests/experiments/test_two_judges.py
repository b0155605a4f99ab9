"""Oracles that are named: another measure, an extractor, weights of another plug-in; and what a cell does not ask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from trained_oracles import COUNT, SEEN, B, brightness, record_of

from bench.authoring.conformance import check
from bench.core import randomness
from bench.errors import PluginError, UsageError
from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.settings.suites import OracleSettings
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint, loading, saving
from bench.workspace.weights.observers import ClassOracle, load_observer
from bench.workspace.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def judged(on_bars, plugins, tmp_path):
    """Unlearn thickness from the bars, ``ink`` and ``shades`` at hand; return the command's outcome."""
    for name in ("ink", "shades", "level"):
        plugins.add(name)
    return lambda *more, method="original", **others: on_bars(method, *more, plugins=plugins.path, **others)


def evaluation(name):
    return ("--set", f"oracle.evaluation={name}")


def feedback(name):
    return ("--set", f"oracle.feedback={name}")


# --- two different judges of one feature --------------------------------------------------------------


def test_another_measure_judges_and_both_are_named(judged, bars):
    usual = record_of(judged("--json"))
    record = record_of(judged(*evaluation("ink"), "--json"))
    ink = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    assert (
        record["metrics"]["target_ratio"]["value"] == (ink >= 0.11).mean() != usual["metrics"]["target_ratio"]["value"]
    )
    oracle = record["provenance"]["oracle"]
    assert (oracle["name"], oracle["threshold"]) == ("ink", 0.11), "its own cut, not the clicker's in pixels"
    assert (oracle["feedback"]["name"], oracle["evaluation"]["name"]) == ("morpho_mnist", "ink")
    assert oracle["feedback"] == usual["provenance"]["oracle"]["feedback"]
    source = f"MNIST (real); oracle ink, clicks by morpho_mnist; {SEEN} samples of bars"
    assert record["metrics"]["target_ratio"]["source"] == source


def test_one_measure_for_both_uses_the_threshold_of_the_clicks(judged, bars):
    record = record_of(judged(*feedback("ink"), *evaluation("ink"), "--set", "oracle.cut=shown", "--json"))
    shown = np.sort(brightness(bars.original.generator, "feedback/0", 100))
    assert record["provenance"]["oracle"]["threshold"] == shown[-10] != 0.11
    assert record["provenance"]["feedback"]["positives"] == 10
    assert record["metrics"]["target_ratio"]["source"] == f"MNIST (real); oracle ink; {SEEN} samples of bars"


def test_each_oracle_counts_in_the_keys(plugins, bars, tmp_path):
    for name in ("ink", "shades"):
        plugins.add(name)

    def keys(*overrides, feature="thickness", dataset="mnist"):
        workspace = Workspace(Registry(plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
        request = grid.Request(
            methods=["latent_edit"], models=["bars"], features=[feature], dataset=dataset, weights=str(bars.weights),
            overrides=overrides,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return vars(resolve(cell, workspace).keys)

    def differing(first, second):
        stages = ("feedback", "unlearn", "original", "evaluate")
        return {stage for stage in stages if first[stage] != second[stage]}

    usual = keys()
    assert differing(usual, keys("oracle.evaluation=ink")) == {"original", "evaluate"}
    assert differing(usual, keys("oracle.feedback=ink")) == {"feedback", "unlearn", "original", "evaluate"}, (
        "it looks too"
    )
    by_shades = {"feature": "light", "dataset": "own"}
    named = ("oracle.feedback=shades", "oracle.evaluation=shades")
    before = keys(*named, **by_shades)
    plugins.add("shades", ("cls) -> str:\n        return code_of(cls)", 'cls) -> str:\n        return "0" * 64'))
    same_name_other_sha = keys(*named, **by_shades)
    assert differing(before, same_name_other_sha) == {"feedback", "unlearn", "original", "evaluate"}
    text = (plugins.path / "shades.py").read_text()
    plugins.write("shades", text.replace("20 * (level - 0.1)], dim", "21 * (level - 0.1)], dim"))
    assert differing(same_name_other_sha, keys(*named, **by_shades)) == {"feedback", "unlearn", "original", "evaluate"}


# --- an extractor ---------------------------------------------------------------------------------------


def test_an_extractor_is_an_oracle_of_its_classes(judged, bars):
    """On the data set ``own`` a feature may have any name, so a class of an extractor can be unlearned."""
    named = ("--dataset", "own", *feedback("shades"), *evaluation("shades"))
    record = record_of(judged(*named, "--json", feature="light"))
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    assert 0 < record["metrics"]["target_ratio"]["value"] == (seen >= np.float32(0.1)).mean() < 1
    assert [name for name in record["metrics"] if "shift[" in name] == ["attribute_shift[dark]"]
    assert record["provenance"]["oracle"]["evaluation"]["sha256"] is not None
    assert record["skipped_metrics"]["fidelity"] == "needs reference images"


def test_the_scores_of_a_class_are_its_log_odds(plugins):
    plugins.add("shades")
    oracle = load_observer(Registry(plugins.path), "extractors", "shades", None).classifier
    assert isinstance(oracle, ClassOracle) and oracle.cuts == {"dark": 0.0, "light": 0.0}
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    scores = oracle.scores(images, ["light", "dark"])
    assert np.allclose(scores, [[-4, 4], [4, -4], [36, -36]], atol=1e-5)
    digits = load_observer(Registry(), "extractors", "digits", "digits").classifier
    found = digits.scores(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), digits.attributes)
    assert found.shape == (2, 10) and np.isfinite(found).all()
    shares = 1 / (1 + np.exp(-found))
    assert np.allclose(shares.sum(axis=1), 1) and digits.non_target("3") == tuple("012456789")


def test_a_class_is_known_as_a_value_of_its_attribute(workspace):
    """As the data set names it: its judge, too, says ``digit=1`` instead of ``1``, and what it says is the same."""
    settings = OracleSettings(feedback="digits", evaluation="digits")
    named, plain = (workspace.oracles("own", settings, name)["evaluation"].classifier for name in ("digit=1", "1"))
    assert named.attributes == tuple(f"digit={k}" for k in range(10)) and named.cuts == dict.fromkeys(
        named.attributes, 0.0
    )
    assert plain.attributes == tuple("0123456789") and plain.non_target("1") == tuple("023456789")
    images = torch.randint(0, 256, (5, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert np.array_equal(named.scores(images, named.attributes), plain.scores(images, plain.attributes))
    with pytest.raises(UsageError, match="does not know the feature 'digit=12'. Did you mean 'digit="):
        workspace.oracles("own", settings, "digit=12")
    with pytest.raises(UsageError, match="does not know the feature 'shade=1'"):
        workspace.oracles("own", settings, "shade=1")


@pytest.mark.parametrize(
    ("attribute", "names"),
    [
        ('class_attribute = "shade"', ("shade=dark", "shade=light")),
        ('targets = ("level",)', ("level=dark", "level=light")),
        ('targets = ("level", "Left")', ()),
        ("targets = 3", ()),
    ],
)
def test_the_attribute_of_the_classes(attribute, names, plugins):
    """It is the one that the extractor names, else the only one that it learns its classes from."""
    plugins.add("shades", ('classes = ("dark", "light")', f'classes = ("dark", "light")\n    {attribute}'))
    assert Registry(plugins.path).get("extractors", "shades").class_features() == names


def test_a_method_that_asks_an_extractor_is_loaded_back(judged, tmp_path, plugins):
    named = ("--dataset", "own", *feedback("shades"), *evaluation("shades"))
    record = record_of(judged(*named, "--json", feature="light", method="reject"))
    (path,) = (tmp_path / "runs").glob("*reject*/unlearned.safetensors")
    rebuilt = loading.load_unlearned(Registry(plugins.path), path).generator
    drawn = brightness(rebuilt, randomness.EVALUATION, SEEN)
    assert record["metrics"]["target_ratio"]["value"] == (drawn >= np.float32(0.1)).mean() < 0.2
    (plugins.path / "shades.py").unlink()
    with pytest.raises(UsageError, match=r"unlearned.safetensors, its oracle: unknown classifier 'shades'. Known: "):
        loading.load_unlearned(Registry(plugins.path), path)


def test_a_data_set_may_name_an_extractor_as_its_oracle(world):
    world.plugins.add("shades")
    world.plugins.add("strips", ('classifier = "level"', 'classifier = "shades"'))
    record = record_of(world.run("original", "--json", oracles=()))
    assert record["provenance"]["oracle"]["evaluation"]["name"] == "shades"


def test_its_features_are_values_of_the_attribute_of_the_classes(judged, plugins, tmp_path):
    """The names of the data set count in results, and in the file of a method that asks the oracle."""
    changes = [
        ('classifier = "level"', 'classifier = "shades"'),
        ('features = ("light",)', 'features = ("shade=light",)'),
        ('{"light": ("Dark", False)}', '{"shade=light": ("Dark", False)}'),
    ]
    plugins.add("shades", ('classes = ("dark"', 'class_attribute = "shade"\n    classes = ("dark"'))
    plugins.add("strips", *changes)
    record = record_of(judged("--dataset", "strips", "--json", feature="shade=light", method="reject"))
    assert record["provenance"]["oracle"]["feedback"]["name"] == "shades"
    (path,) = (tmp_path / "runs").glob("*reject*/unlearned.safetensors")
    drawn = brightness(loading.load_unlearned(Registry(plugins.path), path).generator, randomness.EVALUATION, SEEN)
    before, after = (record["metrics"][name]["value"] for name in ("original_target_ratio", "target_ratio"))
    assert before > after == (drawn >= np.float32(0.1)).mean()
    problems = {o.check: o.problem for o in check(Registry(plugins.path), "strips")}
    assert problems["the_oracle_knows_the_features"] is None


# --- weights and names ----------------------------------------------------------------------------------


def test_weights_of_another_plug_in_judge(world, judged, tmp_path):
    """The data set's oracle is level; a copy of it judges cells of a data set with another oracle."""
    text = (world.plugins.path / "level.py").read_text()
    world.plugins.write("level", text.replace('("light", "Dark", "Left")', '("light", "Dark", "Left", "thickness")'))
    world.plugins.write("level", (world.plugins.path / "level.py").read_text().replace('{"light": above', '{"thickness": above, "light": above'))  # fmt: skip
    record = record_of(judged(*evaluation(world.b), "--json"))
    assert record["provenance"]["oracle"]["evaluation"]["weights"] == str(world.b)
    assert record["provenance"]["oracle"]["evaluation"]["name"] == "level"
    assert record["metrics"]["target_ratio"]["source"].startswith(
        f"MNIST (real); oracle {world.b.stem}, clicks by morpho_"
    )


def test_a_trained_classifier_named_by_its_plug_in_has_the_usual_weights(world):
    """They are not here, so they are trained first."""
    done = world.run("original", *evaluation("level"), "--dry-run", oracles=feedback(world.a))
    assert done.code == 0 and done.out.startswith("train   level-strips-b on strips  (oracle that judges; ")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("inc", "the weights 'inc' are neither shipped nor a file. Train them with: bench pretrain --classifier NAME --dataset mnist "),
        ("inc", "--set oracle.evaluation=inc.safetensors. Did you mean 'ink'?"),
        ("inc.safetensors", "--out inc.safetensors; or name others: --set oracle.evaluation=FILE\n"),
        ("shades", "--set oracle.evaluation=shades: the oracle 'shades' does not know the feature 'thickness'. Known: dark, light."),
        ("mobilenet-synthfaces-a", "the oracle 'mobilenet-synthfaces-a' does not know the feature 'thickness'. Known: "),
        ("vae-mnist", "holds the model 'vae'; an oracle is a classifier or an extractor"),
        ("", "--set oracle.evaluation: is empty. Name a classifier, an extractor, or weights of either"),
    ],
)  # fmt: skip
def test_what_cannot_judge_is_refused_before_anything_runs(name, told, judged, tmp_path):
    done = judged(*evaluation(name))
    assert done.code == 4 and told in done.err
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([('classifier = "level"', 'classifier = "levle"')], "data set 'strips', its classifier: unknown classifier 'levle'. Did you mean 'level'?"),
        ([('classifier = "level"', 'classifier = "ink"'), ('features = ("light",)', 'features = ("light", "thickness")')],
         "data set 'strips': the oracle 'ink' does not know the feature 'light'. Known: thickness."),
    ],
)  # fmt: skip
def test_a_data_set_whose_oracle_does_not_fit_is_told_before_anything_runs(changes, told, world):
    world.plugins.add("ink")
    world.plugins.add("strips", *changes)
    done = world.run("original", oracles=())
    assert done.code == 4 and told in done.err
    assert not world.results.exists() or not list(world.results.iterdir())


# --- what is not asked need not be there ------------------------------------------------------------------


def clicks_of(world, tmp_path):
    """Return a feedback file with a person's clicks on the bars."""
    record_of(world.run("original", "--json"))
    (stored,) = world.results.glob(".stages/feedback-*/feedback.json")
    content = json.loads(stored.read_text()) | {"oracle": None, "threshold": None}
    del content["sha256"]  # of what the oracle clicked
    path = tmp_path / "clicks.json"
    path.write_text(json.dumps(content))
    return path


def test_the_copy_that_clicks_is_not_wanted_where_a_person_clicked(world, tmp_path):
    clicks = clicks_of(world, tmp_path)
    record = record_of(world.run("latent_edit", "--feedback", clicks, "--json", oracles=evaluation(world.b)))
    oracle = record["provenance"]["oracle"]
    assert oracle["feedback"] is None and oracle["evaluation"]["weights"] == str(world.b)
    both = record_of(world.run("latent_edit", "--feedback", clicks, "--json"))
    common = {name: both["metrics"][name] for name in record["metrics"]}
    assert common == record["metrics"] and both["provenance"]["oracle"]["feedback"]["weights"] == str(world.a)
    assert {both["metrics"][name]["metric"] for name in both["metrics"].keys() - common.keys()} == {"agreement"}
    done = world.run("reject", "--feedback", clicks, oracles=evaluation(world.b))
    assert done.code == 4 and "level-strips-a" in done.err, "reject asks it"


def test_a_judge_of_ones_own_generator(judged, bars, world, tmp_path):
    """No data set, a person's clicks, and an oracle that judges: what it needs to be judged, and no more."""
    clicks = clicks_of(world, tmp_path)
    own = ("--dataset", "own", "--feedback", clicks, "--json")
    record = record_of(judged(*own, *evaluation(world.b), feature="light"))
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    assert record["metrics"]["target_ratio"]["value"] == (seen >= np.float32(B)).mean()
    assert record["provenance"]["oracle"]["feedback"] is None
    assert record["skipped_metrics"]["fidelity"] == "needs reference images"
    assert {"target_ratio", "retain_change", "attribute_shift[Left]"} <= record["metrics"].keys()
    skipped = json.loads(judged(*own, *evaluation(world.b), feature="light", method="reject").out)
    assert (skipped["status"], skipped["reason"]) == ("skipped", "needs an oracle; this run has only clicks")
    asked = record_of(judged(*own, *evaluation(world.b), *feedback(world.a), feature="light", method="reject"))
    assert asked["status"] == "ok" and asked["provenance"]["oracle"]["feedback"]["weights"] == str(world.a)
    nobody = judged("--dataset", "own", *evaluation(world.b), feature="light")
    assert nobody.code == 4 and "or name an oracle that clicks: --set oracle.feedback=NAME" in nobody.err
    unjudged = judged("--dataset", "own", *feedback(world.b), feature="light")
    assert unjudged.code == 4 and "Name one, the same or another: --set oracle.evaluation=NAME" in unjudged.err


def test_a_named_judge_is_used_in_python(world, bars):
    import bench

    workspace = bench.open_workspace(world.plugins.path, results=world.results)
    original = bench.load(bars.weights, workspace=workspace)
    task = {"feature": "light", "dataset": "own", "oracle": world.b, "workspace": workspace}
    measured = bench.evaluate(original, original, count=SEEN, **task)
    seen = brightness(bars.original.generator, randomness.EVALUATION, SEEN)
    assert measured["value"]["target_ratio"] == (seen >= np.float32(B)).mean()
    labels, threshold = bench.ask_oracle(bench.sample(original, COUNT), **task)
    assert threshold == 0.0 and 0 < labels.sum() < COUNT


def test_weights_of_an_extractor_judge(workspace, tmp_path):
    networks = load_observer(Registry(), "extractors", "digits", "digits").classifier.networks
    path = tmp_path / "mine.safetensors"
    saving.save_networks(path, "extractor", "digits", networks, {})
    found = workspace.oracles("own", OracleSettings(feedback="digits", evaluation=str(path)), "1")
    assert (found["feedback"].weights, found["evaluation"].weights) == (None, str(path))
    assert found["feedback"].name == found["evaluation"].name == "digits"
    images = torch.randint(0, 256, (70, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    scores = [oracle.classifier.scores(images, ["1", "7"]) for oracle in found.values()]
    assert np.array_equal(*scores) and scores[0].shape == (70, 2)


# --- an extractor that is trained here --------------------------------------------------------------------


def test_the_weights_of_a_loose_extractor_lie_beside_its_file(world, bench_cli, tmp_path):
    """As the error says, and so it works."""
    own = (ROOT / "classifiers" / "digits.py").read_text().replace("from ._small", "from bench.classifiers._small")
    file = world.plugins.write("parity", own.replace('targets = ("digit",)', 'targets = ("Odd",)'))
    named = ("--set", "evaluation.extractors=parity", "--json")
    missing = world.run("original", *named)
    weights = file.with_name("parity.safetensors")
    made = f"bench pretrain --extractor parity --dataset NAME --out {weights}"
    assert (
        missing.code == 4
        and f"its weights, {weights}, are missing. Train them with: {made}; or use others" in missing.err
    )
    command = [*made.replace("NAME", "strips").split()[1:], "-p", "batch_size=8", "-p", "epochs=1"]
    trained = bench_cli(*command, "--plugins", world.plugins.path, "--results", tmp_path / "runs")
    assert trained.code == 0, trained.err
    used = record_of(world.run("original", *named))["provenance"]["extractors"]
    assert used == {"parity": checkpoint.read(weights).sha256}


@pytest.mark.parametrize("classes", [(), ("light",)])
def test_an_extractor_of_one_class_is_not_an_oracle(classes, plugins):
    """It has nothing to compare the class with: all scores would be infinite."""
    plugins.add("shades", ('classes = ("dark", "light")', f"classes = {classes}"))
    with pytest.raises(PluginError, match="'shades': has .*, and an oracle compares the odds of two or more"):
        load_observer(Registry(plugins.path), "extractors", "shades", None)
