"""What ``bench table`` can be asked for: rows, columns, files; on a suite of small models."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path

import pytest
import torch

from bench.core import sealed
from bench.registry import Registry
from bench.report.tables.asked import table_asked
from bench.report.tables.definitions import TABLES, Options
from bench.report.tables.making import cells_of
from bench.report.tables.value_names import value_names
from bench.workspace.settings.suites import load_suite
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace

# --- chosen rows and columns --------------------------------------------------------------------------


SPREAD = """
    from bench.api import Metric, Value, hookimpl

    class Spread(Metric):
        columns = frozenset({"looked"})
        values = frozenset({"spread", "original_spread"})

        def look(self, original_images, images):
            return images.float().flatten(1).mean(1)

        def compute(self, columns):
            spread = Value(float(columns.looked.std()), len(columns.looked), True)
            return {"spread": spread, "original_spread": spread}

    @hookimpl
    def register_metrics(register):
        register(Spread)
"""
FIDELITY = {
    f"{name}{suffix}[digits]"
    for name in ("fid", "fid_retain", "fid_counterfactual", "inception_score")
    for suffix in ("", "_change")
}
SMALL = ("--model", "bars", "--feature", "slant", "--seed", "0")


@pytest.fixture
def stored_cells(table, plugins, tmp_path):
    """Run a few cells; returns the folder of plug-ins."""
    done, _ = table("2", *SMALL, "--only", "original,ours", plugins=plugins.path)
    assert done.code == 0, done.err
    return plugins


def named(rows):
    return {(row["variant"], row["metric"]) for row in rows}


def test_a_new_metric_is_a_column_of_stored_cells_which_are_not_run_again(table, stored_cells, tmp_path):
    stored_cells.write("spread", SPREAD)
    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.safetensors")}
    done, rows = table("2", *SMALL, "--metric", "spread", "--only", "original,ours", plugins=stored_cells.path)
    assert done.code == 0, done.err
    assert named(rows) == {("original", "spread"), ("ours", "spread")} and all(float(row["mean"]) > 0 for row in rows)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.safetensors")} == weights
    assert "2 cells, 0 stored, 0 to run, 2 stored without a metric" in done.err and "spread ↑" in done.out
    again, same = table(
        "2", *SMALL, "--metric", "spread", "--only", "original,ours", "--no-run", plugins=stored_cells.path
    )
    assert again.code == 0 and same == rows


def test_a_metric_that_was_not_computed_yet_is_told_and_the_others_stay(table, stored_cells):
    stored_cells.write("spread", SPREAD)
    whole = ("2", *SMALL, "--no-run", "--metric", "+spread", "--only", "original,ours")
    done, rows = table(*whole, plugins=stored_cells.path)
    assert done.code == 0
    notes = {row["metric"]: row["note"] for row in rows if row["variant"] == "ours"}
    assert notes.pop("spread") == "not computed yet"
    assert notes.pop("clicker_target_ratio") == "no oracle but the judge clicked"
    assert set(notes.values()) == {""} and len(notes) == 9


def test_a_cell_that_cannot_be_measured_again_keeps_its_numbers(table, stored_cells, tmp_path):
    stored_cells.write("spread", SPREAD)
    (weights,) = (tmp_path / "runs").glob("ours-*/unlearned.safetensors")
    weights.unlink()
    done, rows = table("2", *SMALL, "--metric", "+spread", "--only", "original,ours", plugins=stored_cells.path)
    by = {(row["variant"], row["metric"]): row for row in rows}
    assert done.code == 1 and "are not the weights that were evaluated" in done.err
    assert by["ours", "target_ratio"]["mean"] and by["original", "spread"]["mean"]
    assert (by["ours", "spread"]["mean"], by["ours", "spread"]["note"]) == ("", "not computed yet")


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        ("fid", {"fid[digits]"}),
        ("fid[digits],target_ratio", {"fid[digits]", "target_ratio"}),
        ("fidelity", FIDELITY),
        ("attribute_shift[area]", {"attribute_shift[area]"}),
        ("seconds", {"seconds"}),
    ],
)
def test_a_column_is_a_value_or_all_values_of_a_metric(asked, columns, table, stored_cells):
    done, rows = table("2", *SMALL, "--no-run", "--metric", asked, "--only", "ours", plugins=stored_cells.path)
    assert done.code == 0, done.err
    assert named(rows) == {("ours", column) for column in columns} and all(row["mean"] for row in rows)


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("2", ("--metric", "target_ration"), "--metric: unknown value 'target_ration'. Did you mean 'target_ratio'?"),
        ("damage", ("--metric", "fid"), "--metric: the columns of table damage are fixed"),
        ("1", ("--metric", "fid"), "--metric: the columns of table 1 are fixed"),
        ("1", ("--only", "ours"), "--method, --only: table 1 counts images, and has no methods"),
        ("2", ("--only", "our"), "--only: unknown row 'our'. Did you mean 'ours'?"),
        ("2", ("--formats", "csv", "--out", "x.tex"), "--out x.tex: is a file of format latex, and --formats are csv"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_any_work(name, more, message, table, tmp_path):
    done, _ = table(name, *more)
    assert done.code == 4 and done.err.startswith(f"Error: {message}"), done.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "asked", "labels"),
    [
        ("2", ("ours,original",), ["ours", "original"]),
        ("2", ("ours, logistic,probe",), ["ours, logistic", "probe"]),
        ("2", ("ours", "original"), ["ours", "original"]),
        ("2", ("ours", "original", "ours"), ["ours", "original"]),
        ("4", ("ours",), ["unlearn", "recon + unlearn", "recon + unlearn + percep"]),
        ("tradeoff", ("probe",), [f"probe, down to quantile {share}" for share in (0.5, 0.4, 0.6, 0.7)]),
        ("4", ("latent_edit",), ["latent_edit"]),
    ],
)
def test_rows_are_chosen_by_label_by_method_or_added(name, asked, labels):
    workspace = Workspace(Registry(), Store(Path("nowhere")), torch.device("cpu"))
    found = table_asked(name, Options(only=asked), workspace, value_names(workspace.registry))
    assert [variant.label for variant in found.variants] == labels


@pytest.mark.parametrize("suite", ["celeba", "lite", "paper", "selection"])
@pytest.mark.parametrize("name", sorted(set(TABLES) - {"1", "budget"}))
def test_each_table_of_each_shipped_suite_names_cells_that_are_valid_on_each_model(name, suite):
    workspace = Workspace(Registry(), Store(Path("nowhere")), torch.device("cpu"))
    options = Options(suite=suite, seeds=(0,))
    found = cells_of(table_asked(name, options, workspace, value_names(workspace.registry)), options, workspace)
    assert {cell.model for _, cell in found} == set(load_suite(suite).models)


def test_a_row_of_one_model_is_told_where_another_is_asked_for(bench_cli, tmp_path):
    done = bench_cli("table", "2", "--only", "ours, keep Male", "--model", "vae", "--out", tmp_path)
    assert done.code == 4, done.err
    assert "--model, --feature: name no cell of the chosen rows: 'ours, keep Male' is for proggan beard;" in done.err


def test_the_curves_are_along_what_the_classes_or_the_suite_sweep(tmp_path, monkeypatch):
    workspace = Workspace(Registry(), Store(Path("nowhere")), torch.device("cpu"))

    def curves(**options):
        found = table_asked("tradeoff", Options(**options), workspace, value_names(workspace.registry)).variants
        return {(v.family, v.label): dict(v.params) for v in found}

    ours = workspace.registry.get("methods", "ours")
    monkeypatch.setattr(ours, "sweep", lambda: {"threshold_shift": (2.0,)})
    found = curves()
    assert len(found) == 2 + 2 + 4
    logistic = {"direction": "logistic", "shrink": False}
    assert found["ours, logistic", "logistic, t +2 s.d."] == {**logistic, "threshold_shift": 2.0}
    assert found["ours, logistic", "logistic, t +0 s.d."] == {**logistic, "threshold_shift": 0.0}
    suite = tmp_path / "mine.toml"
    suite.write_text('extends = "lite"\n[sweeps.probe]\nlr = [0.5]\nsafe_share = ["half"]\n')
    assert {label: params for (family, label), params in curves(suite=str(suite)).items() if family == "probe"} == {
        "probe, down to quantile 0.5": {"safe_share": 0.5},
        "probe, lr = 0.5": {"lr": 0.5},
        "probe, safe_share = half": {"safe_share": "half"},
    }


# --- what files are called ----------------------------------------------------------------------------


def test_tables_of_different_models_features_and_suites_lie_beside_one_another(table, stored_cells, suite, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(suite.read_text())
    for more in ((), ("--feature", "thickness"), ("--suite", other), ("--set", "evaluation.count=71")):
        table("2", *SMALL, "--only", "original,ours", *more, plugins=stored_cells.path)
    names = sorted(path.name for path in (tmp_path / "out").glob("*.csv"))
    assert len(names) == 4 and all(name.startswith("table-2-") for name in names)
    assert {name.split("-")[2] for name in names} == {"small", "other"}


def test_out_may_name_the_file(table, stored_cells, tmp_path):
    path = tmp_path / "paper" / "mine.tex"
    done, _ = table("2", *SMALL, "--no-run", "--only", "ours", "--out", path, plugins=stored_cells.path)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == str(path) and r"\label{tab:mine}" in path.read_text()
    assert [each.name for each in path.parent.iterdir()] == ["mine.tex"]


def test_the_caption_says_what_was_changed_and_which_cells_were_not_made_alike(table, stored_cells, tmp_path):
    (path,) = (tmp_path / "runs").glob("*ours*/result.json")
    record = sealed.read(path)
    plain = deepcopy(record["provenance"]["machine"])
    record["provenance"]["machine"]["packages"]["torch"] = "0.1"
    record["provenance"]["machine"]["threads"] = 99
    sealed.write(path, record)
    done, _ = table("2", *SMALL, "--no-run", "--only", "original,ours", plugins=stored_cells.path)
    caption = " ".join(done.out.partition("Target ratio, inception")[2].split())
    assert "Suite small." in caption and "Samples shown for clicks: 60." in caption
    assert re.search(r"The cells were not made alike: threads \(\d+, 99\); torch \(0\.1, [\d.+a-z]+\)\.", caption)
    facts = record["provenance"]["machine"]
    record["provenance"] |= {"machine": plain, "stage_machines": {"unlearn": facts}}
    sealed.write(path, record)
    done, _ = table("2", *SMALL, "--no-run", "--only", "ours", plugins=stored_cells.path)
    assert "not made alike: threads" in " ".join(done.out.split()), "one of its stages was made elsewhere"
    changed, _ = table(
        "2", *SMALL, "--only", "original", "--set", "evaluation.count=71", "--set", "feedback.count=80",
        plugins=stored_cells.path,
    )  # fmt: skip
    caption = " ".join(changed.out.split())
    assert "Suite small, with evaluation.count=71, feedback.count=80." in caption
    assert "Samples shown for clicks: 80." in caption and "not made alike" not in caption


def test_a_metric_that_no_stored_cell_has_is_told(table, stored_cells):
    done, rows = table("2", *SMALL, "--no-run", "--only", "ours", "--metric", "fid[faces]", plugins=stored_cells.path)
    assert done.code == 5 and not rows
    assert "has a number of these metrics, so nothing is written. fid[NAME] needs the extractor NAME" in done.err
