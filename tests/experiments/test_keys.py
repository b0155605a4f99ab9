"""The keys of a cell's stages: what a change reaches."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.registry import Registry


@pytest.fixture
def keyed(bars, workspace):
    """Return the keys of a cell on ``bars``, after changes of the request."""

    def call(method="ours", elsewhere=None, overrides=(), **changed):
        typed = dict(text.split("=") for text in overrides)
        settings = {"feedback.count": "50", "evaluation.count": "70", **typed}
        request = grid.Request(
            methods=[method], models=["bars"], features=[changed.pop("feature", "thickness")], dataset="mnist",
            weights=str(bars.weights), overrides=[f"{name}={value}" for name, value in settings.items()], **changed,
        )  # fmt: skip
        (cell,) = grid.cells(request, elsewhere or workspace)
        resolved = resolve(cell, elsewhere or workspace)
        return SimpleNamespace(**vars(resolved.keys), metrics=resolved.metric_keys)

    return call


STAGES = ("feedback", "unlearn", "original", "evaluate", "columns")


def differing(a, b):
    return {stage for stage in STAGES if getattr(a, stage) != getattr(b, stage)}


def changed_metrics(a, b):
    return {name for name in a.metrics.keys() & b.metrics.keys() if a.metrics[name] != b.metrics[name]}


def test_what_a_change_reaches(keyed):
    base = keyed()
    assert differing(base, keyed()) == set()
    assert differing(base, keyed(seeds=[1])) == {"feedback", "unlearn", "evaluate", "columns"}
    assert differing(base, keyed(feature="slant")) == {"feedback", "unlearn", "evaluate", "columns"}
    assert differing(base, keyed(overrides=["feedback.count=51"])) == {"feedback", "unlearn", "evaluate", "columns"}
    assert differing(base, keyed(overrides=["evaluation.count=71"])) == {"original", "evaluate", "columns"}
    assert differing(base, keyed(params=["alpha=4"])) == {"unlearn", "evaluate", "columns"}
    assert differing(base, keyed(params=["alpha=3"])) == set(), "the default, typed"
    assert differing(base, keyed(method="latent_edit")) == {"unlearn", "evaluate", "columns"}
    assert differing(base, keyed(overrides=["evaluation.metrics=roc_auc"])) == set()


def test_a_method_that_reads_no_feedback_is_trained_once_for_all_seeds(keyed):
    assert differing(keyed("original"), keyed("original", seeds=[1])) == {"feedback", "evaluate", "columns"}
    assert differing(keyed("retrain"), keyed("retrain", seeds=[3])) == {"feedback", "evaluate", "columns"}
    assert differing(keyed("retrain"), keyed("retrain", seeds=[2])) == {"feedback", "unlearn", "evaluate", "columns"}
    assert differing(keyed("retrain"), keyed("retrain", feature="slant")) == {
        "feedback",
        "unlearn",
        "evaluate",
        "columns",
    }
    # the oracle's threshold comes from the feedback
    assert differing(keyed("reject"), keyed("reject", seeds=[1])) == {"feedback", "unlearn", "evaluate", "columns"}


def test_weights_count_by_content_not_by_path(keyed, bars, workspace, tmp_path, monkeypatch):
    from bench.workspace import manifest
    from bench.workspace.weights import checkpoint

    base = keyed()
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(bars.weights.read_bytes())
    monkeypatch.setattr(bars, "weights", copy)
    assert differing(base, keyed()) == set()
    stored = checkpoint.read(copy)
    tensors = {**stored.tensors, "generator.layer.bias": stored.tensors["generator.layer.bias"] + 1e-3}
    other = tmp_path / "other.safetensors"
    checkpoint.save(other, "model", "bars", stored.description, tensors)
    monkeypatch.setattr(bars, "weights", other)
    assert differing(base, keyed()) == set(STAGES)
    assert manifest.path_of(str(other)) == other


def test_place_threads_suite_and_other_plug_ins_do_not_count(keyed, bars, tmp_path, plugins):
    import torch

    from bench.workspace.store.store import Store
    from bench.workspace.workspace import Workspace

    base = keyed()
    plugins.method("unrelated", "return Unlearned(deepcopy(generator))")
    elsewhere = Workspace(Registry(plugins.path), Store(tmp_path / "elsewhere"), torch.device("meta"), tmp_path)
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.bars]\ndataset = "mnist"\n')
    torch.set_num_threads(2)
    try:
        found = keyed(elsewhere=elsewhere, suite=str(suite))
    finally:
        torch.set_num_threads(1)
    assert differing(base, found) == set()


def test_reference_statistics_count(keyed, monkeypatch):
    from bench.workspace import manifest

    base = keyed()
    entries = manifest.entries()
    name = "mnist-digits-statistics"
    changed = {**entries, name: entries[name].model_copy(update={"sha256": "0" * 64})}
    monkeypatch.setattr(manifest, "entries", lambda: changed)
    assert differing(base, keyed()) == set()
    assert changed_metrics(base, keyed()) == {"fidelity", "kid", "oracle_far"}, (
        "those that compare with the training images"
    )


def test_a_stranger_s_code_counts(keyed, bars, plugins, tmp_path):
    import torch

    from bench.workspace.store.store import Store
    from bench.workspace.workspace import Workspace

    found = []
    for i, body in enumerate(["return Unlearned(deepcopy(generator))  # one", "return Unlearned(deepcopy(generator))", "return (Unlearned(deepcopy(generator)), 1)[0]"]):  # fmt: skip  # noqa: E501
        folder = type(plugins)(tmp_path / f"version{i}")
        folder.write("bars", (plugins.path / "bars.py").read_text())
        folder.method("mine", body)
        found.append(keyed("mine", Workspace(Registry(folder.path), Store(tmp_path / "runs"), torch.device("cpu"))))
    assert differing(found[0], found[1]) == set()
    assert differing(found[1], found[2]) == {"unlearn", "evaluate", "columns"}


def test_the_record_tells_its_keys(on_bars):
    done = on_bars("original", "--json")
    record = json.loads(done.out)
    assert record["key"] == record["provenance"]["stages"]["evaluate"]
    assert set(record["provenance"]["stages"]) == {*STAGES, "cut"}
