"""Metrics of a stored cell: each has a key of its own, and a missing one is computed alone."""

from __future__ import annotations

import json

import pytest
import torch

from bench.core.rendering import CHUNK
from bench.evaluation import passes
from bench.registry import Registry

MINE = """
    from bench.api import Metric, Value, hookimpl

    class Mine(Metric):
        columns = frozenset({COLUMNS})
        LOOK

        def compute(self, columns):
            return {NAME: Value(NUMBER, len(columns.pixel_change), None)}

    @hookimpl
    def register_metrics(register):
        register(Mine)
"""
LOOK = "look = lambda self, original_images, images: (images.float() - original_images.float()).flatten(1).mean(1)"


def metric(name="'mine'", number="1.0", columns='"pixel_change"', look=""):
    """Return a metric's code."""
    return MINE.replace("NAME", name).replace("NUMBER", number).replace("COLUMNS", columns).replace("LOOK", look)


@pytest.fixture
def cell(plugins, on_bars, tmp_path, monkeypatch):
    """Run a cell and return its record; counts how often samples were drawn (one chunk tells nothing but sameness)."""
    drawn = []
    plain = passes.drawn

    def watched(pair, start, stop):
        drawn.extend([1] if stop - start > CHUNK else [])
        return plain(pair, start, stop)

    monkeypatch.setattr(passes, "drawn", watched)

    def call(*more, drawings=None, code=0):
        drawn.clear()
        done = on_bars("original", "--json", *more, plugins=plugins.path)
        assert done.code == code, done.out + done.err
        assert drawings in (None, len(drawn))
        return json.loads(done.out)

    call.stored = lambda: [_unsealed(path) for path in (tmp_path / "runs").glob("*/result.json")]
    call.dry_run = lambda: on_bars("original", "--dry-run", plugins=plugins.path).out
    return call


def _unsealed(path):
    return {name: value for name, value in json.loads(path.read_text()).items() if name != "sha256"}


def values(record):
    return {name: found["value"] for name, found in record["metrics"].items()}


def test_a_further_metric_is_computed_alone_and_draws_nothing(cell, plugins):
    before = cell(drawings=1)
    plugins.write("mine", metric())
    assert cell.dry_run().startswith("measure original-bars-thickness-s0-")
    assert "(stored without mine; about " in cell.dry_run()
    after = cell(drawings=0)
    assert after["key"] == before["key"] and len(cell.stored()) == 1
    assert values(after) == values(before) | {"mine": 1.0}
    assert after["metrics"]["mine"]["metric"] == "mine" and after["timings"] == before["timings"]
    assert after["metric_runs"]["mine"]["machine"] is None
    assert cell.stored() == [after] and cell.dry_run().startswith("cached ")


def test_an_edited_metric_is_computed_again_and_no_other(cell, plugins):
    plugins.write("mine", metric())
    before = cell()
    plugins.write("mine", metric(number="2.0"))
    after = cell(drawings=0)
    assert values(after) == values(before) | {"mine": 2.0}
    others = [{n: run["key"] for n, run in r["metric_runs"].items() if n != "mine"} for r in (before, after)]
    assert others[0] == others[1]


def test_a_removed_metric_is_shown_no_more_and_counts_when_it_is_back(cell, plugins):
    path = plugins.write("mine", metric())
    before = cell()
    path.unlink()
    assert "mine" not in values(cell(drawings=0)) and "mine" in values(cell.stored()[0])
    plugins.write("mine", metric())
    assert cell(drawings=0) == before


def test_metrics_that_are_not_asked_for_are_kept(cell):
    whole = cell(drawings=1)
    few = cell("--set", "evaluation.metrics=target_ratio", drawings=0)
    assert set(few["metrics"]) == {"target_ratio", "original_target_ratio"} and few["key"] == whole["key"]
    assert cell.stored() == [whole] and cell(drawings=0) == whole


def test_a_metric_that_looks_at_images_draws_them_again(cell, plugins):
    before = cell(drawings=1)
    number = "float(abs(columns.looked).max())"
    plugins.write("mine", metric(number=number, columns='"pixel_change", "looked"', look=LOOK))
    after = cell(drawings=1)
    assert values(after) == values(before) | {"mine": 0.0}, "the original differs from itself nowhere"
    assert cell(drawings=0) == after


def test_what_it_sees_are_the_samples_of_the_other_metrics(plugins, on_bars):
    look = LOOK.replace(").flatten", ").abs().flatten").replace("mean(1)", "mean(1) / 255")
    number = "float(columns.looked.mean())"
    plugins.write("mine", metric(number=number, columns='"pixel_change", "looked"', look=look))
    plugins.write("known", metric("'known'", "float(columns.pixel_change.mean())"))
    done = on_bars("ours", "-p", "epochs=2", "-p", "lr=0.1", "--json", plugins=plugins.path)
    found = values(json.loads(done.out))
    assert found["mine"] == pytest.approx(found["known"], rel=1e-5) and found["known"] > 0.001


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        ("look = lambda self, a, b: 1 / 0", "look raised ZeroDivisionError: division by zero"),
        ("look = lambda self, a, b: b.mean()", "look raised RuntimeError"),
        ("look = lambda self, a, b: b[:3]", "look raised ValueError: it must return a row of numbers per sample"),
        ("look = lambda self, a, b: ['x'] * len(b)", "it must return a row of numbers per sample, not <U1 (64,)"),
        (
            "look = lambda self, a, b, n=iter((1, 2, 3, 4)): b[:, 0, 0, : next(n)]",
            "look returned rows of different shapes",
        ),
    ],
)
def test_a_look_that_fails_costs_no_other_metric(look, reason, cell, plugins):
    plugins.write("mine", metric(columns='"pixel_change", "looked"', look=look))
    record = cell()
    assert reason in record["skipped_metrics"]["mine"] and "target_ratio" in record["metrics"]
    assert cell(drawings=0) == record, "it fails once"


TOUCHY = """
        def compute(self, columns):
            for name, array in vars(columns).items():
                if name.endswith(("labels", "scores")) and array is not None:
                    array[:] = 0
            columns.attributes.loc[:] = True
            import torch
            torch.set_default_dtype(torch.float64) if SETTING else None
            return {"mine": Value(1.0, 10, None)}
"""


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"number": "1 / 0"}, "ZeroDivisionError: division by zero"),
        ({"number": "exit(3)"}, "SystemExit: 3"),
        ({"number": "float('nan')"}, "mine is nan, interval None to None"),
        ({"look": "def __init__(self): raise OSError('no weights')"}, "OSError: no weights"),
        ({"look": "def __init__(self): exit(3)"}, "SystemExit: 3"),
        ({"look": "def __init__(self, path): pass"}, "missing 1 required positional argument: 'path'"),
        ({"name": "2"}, "AttributeError"),
    ],
)
def test_a_broken_metric_costs_no_other(given, reason, cell, plugins):
    whole = cell()
    plugins.write("mine", metric(**given))
    record = cell()
    assert reason in record["skipped_metrics"]["mine"] and record["metrics"] == whole["metrics"]


@pytest.mark.parametrize("setting", ["False", "True"])
def test_a_metric_that_changes_what_it_is_handed_or_torch_s_settings_changes_no_other(setting, cell, plugins):
    before = cell("--set", "evaluation.metrics=target_ratio,roc_auc,diversity,fidelity")
    code = metric(columns='"labels", "scores"').partition("        def compute")
    ending = code[2].partition("    @hookimpl")
    plugins.write("aaa", code[0] + TOUCHY.replace("SETTING", setting).lstrip("\n") + "\n    @hookimpl" + ending[2])
    after = cell("--overwrite", "always")
    assert {name: found for name, found in after["metrics"].items() if name in before["metrics"]} == before["metrics"]
    if setting == "True":
        assert "changes a setting of torch" in after["skipped_metrics"]["aaa"]
    else:
        assert after["metrics"]["mine"]["value"] == 1.0
    assert torch.get_default_dtype() == torch.float32


TINY = """
    from bench.api import Extractor, hookimpl

    class Tiny(Extractor):
        classes = ("a", "b")

        @classmethod
        def identity(cls):
            return "0" * 64

        def outputs(self, images):
            rows = images.flatten(1)
            return rows[:, :3], rows[:, :2]

    @hookimpl
    def register_extractors(register):
        register(Tiny)
"""


@pytest.mark.mnist
def test_a_further_extractor_makes_a_new_cell_in_which_the_others_do_not_look_again(
    cell, plugins, monkeypatch, mnist_dir
):
    looked, digits = [], Registry().get("extractors", "digits")
    plain = digits.outputs
    monkeypatch.setattr(digits, "outputs", lambda self, images: looked.append(len(images)) or plain(self, images))
    few = ("--set", "evaluation.metrics=target_ratio,diversity", "--data-dir", mnist_dir)
    plugins.write("tiny", TINY)
    before = cell(*few)
    first = list(looked)
    after = cell(*few, "--set", "evaluation.extractors=digits,tiny", drawings=1)
    assert looked == first and set(first) == {64} and after["key"] != before["key"] and values(after) == values(before)
    assert {"judge", "extractor digits", "extractor tiny"} == after["provenance"]["seen"].keys()
    shared = before["provenance"]["seen"].items() & after["provenance"]["seen"].items()
    assert {name for name, _ in shared} == {"judge", "extractor digits"}


# --- names of values ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["'target_ratio'", "'fid'", "'fid[digits]'", "'attribute_shift[x]'", "'seconds'"])
@pytest.mark.parametrize("file", ["aaa", "zzz"])
def test_no_metric_takes_the_name_of_a_value_of_the_benchmark(name, file, cell, plugins):
    before = cell()
    plugins.write(file, metric(name, "0.123"))
    after = cell()
    reason = f"computes {name}, a name that the benchmark uses itself. Choose another name"
    assert values(after) == values(before) and after["skipped_metrics"][file] == reason


def test_of_two_metrics_that_use_one_name_neither_counts_whatever_came_first(cell, plugins):
    first = plugins.write("bbb", metric("'spread'", "1.0"))
    assert values(cell())["spread"] == 1.0
    plugins.write("aaa", metric("'spread'", "2.0"))
    both = cell(drawings=0)
    reason = "the metrics aaa and bbb both compute 'spread'. Rename it in one of them"
    assert "spread" not in both["metrics"] and both["skipped_metrics"]["aaa"] == reason
    assert both["skipped_metrics"]["bbb"] == reason and "target_ratio" in both["metrics"]
    only = cell("--set", "evaluation.metrics=bbb", drawings=0)
    assert values(only) == {"spread": 1.0}
    assert values(cell("--set", "evaluation.metrics=aaa", drawings=0)) == {"spread": 2.0}
    assert "spread" not in cell(drawings=0)["metrics"]
    first.unlink()
    mended = cell(drawings=0)
    assert values(mended)["spread"] == 2.0 and not {"aaa", "bbb"} & mended["skipped_metrics"].keys()


# --- what is refused when it is loaded ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ('"pixel_chnage"', "reads an unknown column 'pixel_chnage'. Did you mean 'pixel_change'? Known: "),
        ('"embeddings"', "reads embeddings, of which there is one per extractor. Set per_extractor = True"),
        ('"looked"', "reads `looked`, which its method `look` returns. Write that method, or leave `looked` out"),
        ("", "`columns` is empty: name the fields of bench.api.Columns that it reads"),
        ("1", "`columns` must be a set of names"),
    ],
)
def test_a_metric_that_declares_what_is_not_there_costs_no_cell(columns, reason, cell, plugins, on_bars):
    path = plugins.write("mine", metric(columns=columns))
    record = cell()
    assert record["status"] == "ok" and f"metric 'mine' ({path}): {reason}" in record["skipped_metrics"]["mine"]
    asked = on_bars("original", "--set", "evaluation.metrics=mine", plugins=plugins.path)
    assert asked.code == 3 and reason in asked.err and "Traceback" not in asked.err


def test_metrics_per_extractor_say_that_there_is_none(bars, on_bars, tmp_path):
    suite = tmp_path / "bare.toml"
    suite.write_text(f'[models.bars]\ndataset = "mnist"\nweights = "{bars.weights}"\nevaluation.extractors = []\n')
    record = json.loads(on_bars("original", "--json", "--suite", suite).out)
    assert record["skipped_metrics"]["fidelity"] == "the cell has no extractor (evaluation.extractors)"


def test_a_metric_that_must_look_at_weights_that_are_gone_says_so(cell, plugins, tmp_path, on_bars):
    cell()
    for path in (tmp_path / "runs").glob("*/unlearned.safetensors"):
        path.unlink()
    plugins.write("mine", metric())
    assert values(cell(drawings=0))["mine"] == 1.0, "a metric of columns needs no weights"
    plugins.write("mine", metric(columns='"pixel_change", "looked"', look=LOOK))
    done = on_bars("original", plugins=plugins.path)
    assert done.code == 4 and "are not the weights that were evaluated" in done.err
    assert "--overwrite always" in done.err
    assert on_bars("original", "--overwrite", "always", plugins=plugins.path).code == 0
