"""One workspace for several calls: where everything is, and what is already loaded."""

from __future__ import annotations

import pytest
import torch

import bench
from bench.errors import UsageError
from bench.library.places import workspace_for

TASK = {"feature": "thickness", "dataset": "mnist"}


def test_one_workspace_serves_every_call(bars, tmp_path):
    opened = bench.open_workspace(bars.folder.path, results=tmp_path / "runs", data_dir=tmp_path, device="cpu")
    assert (opened.registry.folders, opened.store.root, opened.data_dir) == (
        (bars.folder.path,),
        tmp_path / "runs",
        tmp_path,
    )
    original = bench.load(bars.weights, workspace=opened)
    images = bench.sample(original, 100, stream="feedback/0")
    labels, threshold = bench.ask_oracle(images, **TASK, workspace=opened)
    feedback = bench.make_feedback(labels, stream="feedback/0")
    task = bench.Task(**TASK, threshold=threshold)
    unlearned = bench.unlearn(original, feedback, "reject", task=task, redraws=2, workspace=opened)
    asked = opened.oracles("mnist", bench.workspace.settings.suites.OracleSettings(), TASK["feature"])["feedback"]
    assert unlearned.oracle.classifier is asked.classifier
    measured = bench.evaluate(unlearned, original, **TASK, threshold=threshold, count=130, workspace=opened)
    assert measured.loc["target_ratio", "value"] < measured.loc["original_target_ratio", "value"]


def test_the_environment_names_the_data(monkeypatch, tmp_path):
    assert bench.open_workspace(device="cpu").data_dir is None
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert bench.open_workspace(device="cpu").data_dir == tmp_path


def test_a_workspace_with_other_places_is_refused(original, clicked, bars, tmp_path):
    opened = bench.open_workspace(device="cpu")
    for call in (
        lambda **more: bench.load(bars.weights, **more),
        lambda **more: bench.ask_oracle(bench.sample(original, 2), **TASK, **more),
        lambda **more: bench.unlearn(original, clicked[0], **more),
        lambda **more: bench.evaluate(original, original, **more),
    ):
        with pytest.raises(UsageError, match="^workspace: .*give plugins= and data_dir= to bench.open_workspace"):
            call(plugins=tmp_path, workspace=opened)
        with pytest.raises(UsageError, match="^workspace: is a str; bench.open_workspace"):
            call(workspace="results")
    with pytest.raises(UsageError, match="^workspace: .*give plugins= and data_dir="):
        bench.evaluate(original, original, data_dir=tmp_path, workspace=opened)


def test_a_generator_elsewhere_is_refused(original):
    opened = bench.open_workspace(device="cpu")
    opened.device = torch.device("cuda")
    assert workspace_for(torch.device("cuda", 0), opened, "plugins") is opened
    for other in torch.device("cpu"), torch.device("cuda", 1):
        with pytest.raises(UsageError, match=rf"computes on cuda, and the generator lies on {other}; .*\.to\('cuda'\)"):
            workspace_for(other, opened, "plugins")
