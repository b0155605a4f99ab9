"""Recipes are chosen on other samples than those that report them."""

from __future__ import annotations

import json

from trained_oracles import SEEN, brightness, record_of

from bench.experiments.cells.resolve import resolve
from bench.experiments.planning import grid
from bench.workspace.settings.suites import load_suite

SELECTION = ("--set", "evaluation.stream=selection")


def test_the_samples_are_those_of_the_stream(on_bars, plugins, bars, tmp_path):
    plugins.add("ink")
    named = ("--set", "oracle.feedback=ink", "--set", "oracle.evaluation=ink", "--json")
    found = {}
    for stream, more in (("evaluation", ()), ("selection", SELECTION)):
        record = record_of(on_bars("original", *named, *more, plugins=plugins.path))
        seen = brightness(bars.original.generator, stream, SEEN)
        found[stream] = record["metrics"]["target_ratio"]["value"]
        assert found[stream] == (seen >= record["provenance"]["oracle"]["threshold"]).mean()
    assert found["evaluation"] != found["selection"]
    pictures = [path.read_bytes() for path in tmp_path.glob("runs/*/before-after.png")]
    assert len(set(pictures)) == 2, "each shows its own samples"


def test_clicks_and_unlearning_are_shared_and_what_is_seen_is_not(bars, workspace):
    def keys(*overrides):
        request = grid.Request(
            methods=["ours"], models=["bars"], features=["thickness"], dataset="mnist", weights=str(bars.weights),
            overrides=overrides,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return vars(resolve(cell, workspace).keys)

    first, second = keys(), keys("evaluation.stream=selection")
    assert {name for name in first if first[name] != second[name]} == {"original", "evaluate", "columns"}


def test_another_stream_is_an_error_that_names_both(on_bars):
    done = on_bars("ours", "--set", "evaluation.stream=other")
    assert done.code == 4 and "evaluation.stream" in done.err and "selection" in done.err


def test_the_suite_of_selection_differs_in_samples_judge_and_extractor_alone():
    lite, selection = load_suite("lite").models, load_suite("selection").models
    for name, model in selection.items():
        other = lite[name]
        assert model.evaluation.stream == "selection" and not set(model.evaluation.extractors) & {"digits", "faces"}
        changed = {"evaluation": other.evaluation, "oracle": other.oracle}
        assert model.model_copy(update=changed) == other, json.dumps(model.model_dump(mode="json"))
    for name in ("proggan", "vdvae"):
        assert selection[name].oracle.evaluation == selection[name].oracle.feedback == lite[name].oracle.feedback
