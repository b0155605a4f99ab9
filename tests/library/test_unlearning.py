"""``import bench``: the same weights and numbers as ``bench run``, and your own generators."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

import bench
from bench.api import Unlearned
from bench.errors import UsageError
from bench.registry import Registry
from bench.workspace.weights import checkpoint

TASK = {"feature": "thickness", "dataset": "mnist"}


# --- the same as a cell -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"), [("ours", {"epochs": 4, "batch_size": 8, "lr": 0.002}), ("reject", {"redraws": 3})]
)
def test_weights_and_numbers_are_those_of_bench_run(method, params, on_bars, original, clicked, bars, tmp_path):
    """Bit for bit: by way of the method that reads clicks alone, and of one that is handed the oracle."""
    done = on_bars(method, "--json", *(f"-p{name}={value}" for name, value in params.items()))
    assert done.code == 0, done.err
    record = json.loads(done.out)
    feedback, threshold = clicked
    assert record["provenance"]["oracle"]["threshold"] == threshold
    clicked = record["provenance"]["feedback"]
    assert (clicked["count"], clicked["positives"]) == (100, feedback.positives)

    task = bench.Task(**TASK, threshold=threshold) if method == "reject" else None
    unlearned = bench.unlearn(original, feedback, method, task=task, **params)
    path = bench.save(unlearned, tmp_path / "unlearned.safetensors")
    assert checkpoint.read(path).sha256 == record["artefacts"]["weights"]["sha256"]

    for generator in (unlearned, bench.load(path, plugins=bars.folder.path)):
        measured = bench.evaluate(generator, original, **TASK, threshold=threshold, count=130)
        computed = measured[measured["skipped"].isna()].drop(columns="skipped").astype(object)
        assert computed.where(computed.notna(), None).to_dict("index") == {
            name: {field: found[field] for field in found if field != "metric"}
            for name, found in record["metrics"].items()
        }
        assert measured["skipped"].dropna().to_dict() == record["skipped_metrics"]


def test_another_seed_or_parameter_gives_other_weights(original, clicked):
    def first_bias(**more):
        return bench.unlearn(original, clicked[0], epochs=2, batch_size=8, **more).generator.layer.bias

    assert torch.equal(first_bias(), first_bias())
    assert not torch.equal(first_bias(), first_bias(seed=1)) and not torch.equal(first_bias(), first_bias(lr=0.01))


@pytest.mark.parametrize(("name", "trained"), [("proggan", (250, 16, 2e-3, 2)), ("mine", (200, 64, 1e-3, 2))])
def test_the_suite_s_hyper_parameters_are_the_defaults_of_a_model_that_it_knows(
    name, trained, original, clicked, monkeypatch
):
    def unlearn(self, generator, feedback, context):
        return Unlearned(deepcopy(generator))

    ours = Registry().get("methods", "ours")
    monkeypatch.setattr(ours, "unlearn", unlearn)
    found = bench.unlearn(replace(original, model=name), clicked[0], "ours", alpha=2).params
    own = ours.Config(alpha=2)
    assert (own.epochs, own.batch_size, own.lr, own.alpha) == (200, 64, 1e-3, 2)
    assert (found.epochs, found.batch_size, found.lr, found.alpha) == trained


# --- your own generators --------------------------------------------------------------------------


def test_a_generator_built_by_hand_is_unlearned_without_any_oracle(original, clicked, tmp_path):
    mine = deepcopy(original.generator).train().requires_grad_(True)
    before = deepcopy(mine.state_dict())
    noise = torch.randn(100, mine.noise_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        width = mine(noise).sum((1, 2, 3))
    feedback = bench.make_feedback(width > width.quantile(0.8), noise=noise)
    unlearned = bench.unlearn(mine, feedback, epochs=30, batch_size=16, lr=0.05)
    assert all(torch.equal(tensor, before[name]) for name, tensor in mine.state_dict().items())
    assert not unlearned.generator.training and not any(p.requires_grad for p in unlearned.generator.parameters())
    with torch.no_grad():
        after = unlearned(noise).sum((1, 2, 3))
    assert (after > width.quantile(0.8)).sum() < 10 < feedback.positives

    measured = bench.evaluate(unlearned, mine, count=130)
    assert set(measured.index[measured["value"].notna()]) == {"flagged_ratio", "flagged_change", "unflagged_change"}
    change = measured.loc["flagged_change"]
    assert 0 < change["low"] < change["value"] < change["high"] < 0.3
    assert change["n"] + measured.loc["unflagged_change", "n"] == measured.loc["flagged_ratio", "n"] == 130
    assert change["source"] == "no data set (clicks on the generator's own samples); no oracle; 130 samples of Decoder"
    assert measured.loc["target_ratio", "skipped"] == "needs an oracle"
    learnt = bench.evaluate(unlearned, mine, feedback=feedback, count=130)
    assert learnt.loc["original_learnt_target_ratio", "value"] > 0.1 > learnt.loc["learnt_target_ratio", "value"]
    assert "a judge learnt from clicks on 100 samples" in learnt.loc["learnt_agreement", "source"]
    assert measured["value"].dropna().equals(learnt["value"].loc[measured["value"].dropna().index])
    same = bench.evaluate(mine, mine, count=130)["value"].dropna()
    assert dict(same) == {"change": 0.0}

    with pytest.raises(UsageError, match="another origin"):
        bench.save(unlearned, tmp_path / "x.safetensors")
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_method_is_handed_the_other_networks_of_the_file_if_it_needs_them(original, clicked, plugins):
    plugins.method(
        "curious",
        "assert context.encoder is not None and context.discriminator is None\nreturn Unlearned(deepcopy(generator))",
        "needs = frozenset({'encoder'})",
    )
    bench.unlearn(original, clicked[0], "curious", plugins=plugins.path)
    with pytest.raises(UsageError, match="needs the encoder, which these weights do not have"):
        bench.unlearn(original.generator, clicked[0], "curious", plugins=plugins.path)


INKED = """
import numpy as np
import pandas as pd
import torch
from bench.api import Dataset, Split, hookimpl

class Inked(Dataset):
    image_shape = (1, 28, 28)
    classifier = "ink"
    features = ("thickness",)
    label = "inked (test)"
    extractors = ()

    def split(self, name):
        levels = torch.arange(0, 200, 5, dtype=torch.uint8)
        images = levels.view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
        return Split(pd.DataFrame(index=range(40)), lambda rows: images[torch.from_numpy(rows)], "of a test")

@hookimpl
def register_datasets(register):
    register(Inked)
"""


@pytest.mark.parametrize(("threshold", "count"), [(None, 34), (0.4, 19)])
def test_training_images_with_the_feature_lie_above_the_threshold_of_the_task(threshold, count, original, plugins):
    """As in a cell, where the generator's cut is the ruler for both."""
    plugins.add("bars")
    plugins.add("ink")
    plugins.write("inked", INKED)
    plugins.method(
        "counting",
        f"assert context.training_data.target.sum() == {count}, context.training_data.target.sum()\n"
        "return Unlearned(deepcopy(generator))",
        "needs = frozenset({'training_data'})",
    )
    task = bench.Task("thickness", "inked", threshold)
    bench.unlearn(original, bench.make_feedback([True, False], stream="x"), "counting", task=task, plugins=plugins.path)


def test_a_metric_of_any_class_is_measured(original, plugins):
    """A dataclass without ``frozen`` has no hash."""
    plugins.write(
        "spread",
        """
        from dataclasses import dataclass

        from bench.api import Metric, Value, hookimpl

        @dataclass
        class Spread(Metric):
            columns = frozenset({"pixel_change"})
            power: int = 2

            def compute(self, columns):
                return {"spread": Value(float((columns.pixel_change ** self.power).mean()), 70, None)}

        @hookimpl
        def register_metrics(register):
            register(Spread)
        """,
    )
    assert bench.evaluate(original, original, count=70, plugins=plugins.path).loc["spread", "value"] == 0
