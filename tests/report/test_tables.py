"""Tables from stored cells: numbers, reasons where there are none, plans."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from html_cells import Cells

from bench.registry import Registry
from bench.report.digits import decimals
from bench.report.tables.definitions import SEEDS, TABLES, Options, Table, Variant
from bench.report.tables.formats.files import files_of
from bench.report.tables.published import read_published
from bench.workspace import manifest
from bench.workspace.weights import checkpoint

# --- Table 3: a row per model -------------------------------------------------------------------------


def test_table_3_from_nothing_to_three_files(table, tmp_path):
    done, rows = table("3", "--seed", "0,1")
    assert done.code == 0, done.err
    assert "24 cells, 0 stored, 24 to run; about 0 s and 12 of unknown time" in done.err
    out = tmp_path / "out"
    stem = "table-3-small-s0-1"
    assert done.out.splitlines()[-3:] == [str(out / f"{stem}.{suffix}") for suffix in ("csv", "tex", "html")]
    assert len(rows) == 2 * 2 * 3 and {r["metric"] for r in rows} == {"roc_auc"}
    assert {r["seeds"] for r in rows} == {"2"} and {r["n"] for r in rows} == {"70"}
    assert {r["data"] for r in rows} == {"MNIST (real)"}

    # each number is the mean and the spread of the stored records
    stored = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    for row in rows:
        values = [
            r["metrics"]["roc_auc"]["value"] for r in stored
            if (r["model"], r["feature"], r["method"]) == (row["model"], row["feature"], row["method"])
            and (r["params"].get("direction") == "logistic") == ("logistic" in row["variant"])
        ]  # fmt: skip
        assert len(values) == 2
        assert float(row["mean"]) == pytest.approx(sum(values) / 2)
        assert float(row["sd"]) == pytest.approx(abs(values[0] - values[1]) / 2**0.5)

    # the paper's value stands beside its own cell and nowhere else
    paper = {(r["model"], r["feature"], r["variant"]): r["paper"] for r in rows if r["paper"]}
    assert paper == {("vae", "thickness", "ours"): "0.908", ("vae", "slant", "ours"): "0.936"}
    latex, html = (out / f"{stem}.tex").read_text(), (out / f"{stem}.html").read_text()
    ours = next(r for r in rows if (r["model"], r["feature"], r["variant"]) == ("vae", "slant", "ours"))
    mean, sd = float(ours["mean"]), float(ours["sd"])
    places = decimals(mean, sd)
    number, spread = f"{mean:.{places}f}", f"± {sd:.{places}f} (0.936)"
    interval = f"[{float(ours['low']):.{places}f}, {float(ours['high']):.{places}f}]"
    assert f"{number} {spread} {interval}" in Cells(html).cells and ours["covers"] == "samples"
    assert re.search(
        rf"{number}(\}}|\\phantom{{0+}})* & {re.escape(spread.replace('±', '$' + chr(92) + 'pm$'))}", latex
    )
    assert rf"\scriptsize {interval}" in latex
    assert re.search(rf"{number} *{re.escape(spread)}", done.out)

    # the caption says what the numbers are
    caption = next(cell for cell in Cells(html).cells if cell.startswith("ROC-AUC of the methods"))
    for part in ("2 feedback and unlearning seeds (0, 1)", "up to 70 samples each", "Data: MNIST (real).", "Suite small.",
                 "Samples shown for clicks: 60.",
                 "In parentheses: the value published in arXiv 2303.05699."):  # fmt: skip
        assert part in caption and part in latex.replace("\\", "")

    # and a second time nothing is run
    again, same = table("3", "--seed", "0,1")
    assert "24 cells, 24 stored, 0 to run" in again.err and same == rows
    fewer, part = table("3", "--seed", "0-2", "--model", "bars", "--feature", "slant", "--no-run")
    assert fewer.code == 0 and {r["note"] for r in part} == {"2 of 3 seeds"}
    assert "] 2 of 3 seeds" in fewer.out


def test_a_variant_on_the_command_line_is_a_column_for_each_value(table, tmp_path):
    """The first value is the default; its column is not that of the table's own ``ours``."""
    asked = ("--seed", "0", "--model", "bars", "--feature", "slant", "--method", "ours -p threshold_shift=0//0.5")
    done, rows = table("3", *asked)
    assert done.code == 0, done.err
    found = {r["variant"]: float(r["mean"]) for r in rows if "shift" in r["variant"] or r["variant"] == "ours"}
    assert found.keys() == {"ours", "ours, threshold_shift=0.0", "ours, threshold_shift=0.5"}
    assert found["ours"] == found["ours, threshold_shift=0.0"], "the same cell"
    stored = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    shifts = [r["params"]["threshold_shift"] for r in stored if r["params"].get("direction") == "mean_difference"]
    assert sorted(shifts) == [0, 0.5]
    wrong, _ = table("3", "--method", "ours -p threshold_shft=1", "--dry-run")
    assert wrong.code == 4 and "Did you mean 'threshold_shift'?" in wrong.err


# --- Table 2: a row per variant, with cells that cannot run -------------------------------------------


def test_table_2_says_why_a_number_is_missing(table, tmp_path):
    done, rows = table("2", "--seed", "0", "--model", "bars", "--feature", "thickness")
    assert done.code == 0, done.err
    by_cell = {(r["variant"], r["metric"]): r for r in rows}
    assert {v for v, _ in by_cell} == {
        "original",
        "ours",
        "ours, logistic",
        "probe",
        "retrain",
        "latent_edit",
        "reject",
    }
    retrain = by_cell["retrain", "target_ratio"]
    assert retrain["mean"] == "" and retrain["note"].startswith("MNIST is needed, but no data folder is given")
    assert by_cell["reject", "target_ratio"]["mean"] == "0.0" and by_cell["reject", "target_ratio"]["needs"] == "oracle"
    assert by_cell["ours", "target_ratio"]["sd"] == "" and by_cell["ours", "target_ratio"]["note"] == ""
    assert by_cell["ours", "fid[digits]"]["source"] == "MNIST (real); extractor digits; 70 samples of bars"
    files = [path for path in done.out.splitlines() if path.endswith((".html", ".tex"))]
    latex, html = (Path(path).read_text() for path in files)
    cells = Cells(html).cells
    assert "MNIST is needed, but no data folder is given" in html.partition("</table>")[2]
    assert {"target_ratio ↓", "inception_score[digits] ↑", "fid[digits] ↓", "fid_retain[digits] ↓"} <= set(cells)
    assert not any("nan" in cell or "MNIST is" in cell for cell in cells[1:]), "reasons stand in notes"
    caption = next(cell for cell in cells if cell.startswith("Target ratio, inception score"))
    assert "IS and FID use the embeddings of: digits" in caption
    assert "Not shown, without any number: clicker_target_ratio (no oracle but the judge clicked" in caption
    assert r"latent\_edit" in latex and r"target ratio $\downarrow$" in latex and r"\toprule" in latex
    marks = {note: mark for mark, note in re.findall(r"textsuperscript{(\w+)}~([^;.}]*)", latex)}
    for label, note in (("reject", "needs the oracle"), ("retrain", "needs the training data")):
        assert rf"{label}\textsuperscript{{{marks[note]}}} &" in latex
    assert latex.count("{") == latex.count("}")
    assert r"\caption{" in latex and r"\label{tab:2-small-bars-thickness-s0}" in latex


VARIANT = """
[[variants]]
label = "half"
method = "ours"
model = "{model}"
features = ["slant"]
params = {{ threshold_shift = 0.5, direction = "logistic" }}
"""


def test_repeats_of_one_unlearning_count_once(table, plugins):
    plugins.method(
        "trainer",
        "from copy import deepcopy\nimport torch\nmade = deepcopy(generator)\nmade.layer.bias.data[0] += float(torch.rand(1, generator=context.rng(0)))"
        "\nreturn Unlearned(made)",
        "reads_feedback = False\ntrainings = 2",
    )
    options = ("--model", "bars", "--feature", "slant", "--seed", "0-4")
    done, rows = table(
        "2", *options, "--method", "trainer", "--only", "original,trainer,latent_edit", plugins=plugins.path
    )
    assert done.code == 0, done.err
    found = {row["method"]: row for row in rows if row["metric"] == "retain_change"}
    assert (found["original"]["seeds"], found["original"]["note"]) == ("1", "1 run for all seeds")
    assert (found["trainer"]["seeds"], found["trainer"]["note"]) == ("2", "2 runs for all seeds")
    assert (found["latent_edit"]["seeds"], found["latent_edit"]["note"]) == ("5", "")


def test_a_suite_s_own_variants_are_rows_of_table_2_where_they_belong(table, suite, tmp_path):
    (tmp_path / "own.toml").write_text(suite.read_text() + VARIANT.format(model="bars"))
    done, rows = table("2", "--seed", "0", "--model", "bars", "--suite", tmp_path / "own.toml")
    assert done.code == 0, done.err
    own = {(r["model"], r["feature"], r["metric"]): r for r in rows if r["variant"] == "half"}
    assert {key[:2] for key in own} == {("bars", "slant")} and 0 < float(own["bars", "slant", "roc_auc"]["mean"]) < 1
    plans = [line for line in done.err.splitlines() if " ours-bars-slant" in line]
    assert len(plans) == 3, "ours, logistic, and the suite's own"


def test_a_variant_of_a_model_that_the_suite_lacks_is_refused(table, suite, tmp_path):
    (tmp_path / "own.toml").write_text(suite.read_text() + VARIANT.format(model="barz"))
    done, _ = table("2", "--suite", tmp_path / "own.toml")
    assert done.code == 4 and "variant 'half': no model 'barz' in this suite (bars, vae)" in done.err


def test_no_run_runs_nothing(table, tmp_path):
    done, rows = table("3", "--no-run", "--model", "bars", "--formats", "csv")
    assert (done.code, done.out, rows) == (5, "", []), "nothing is stored: nothing is made"
    assert f"table 3: no number is stored in {tmp_path / 'runs'} (not run), so nothing is written" in done.err
    assert not (tmp_path / "runs").exists() and not (tmp_path / "out").exists()


def test_a_method_that_declines_or_fails_is_told_in_its_cell(table, plugins, monkeypatch, bars):
    plugins.method(
        "choosy", "raise AssertionError", "def supports(self, model, feature):\n    return 'outside_of 50% & {more}'"
    )
    plugins.method("wordless", "raise AssertionError", "def supports(self, model, feature):\n    return ''")
    plugins.method("broken", "raise KeyError('lost\\nhere')")
    variants = [Variant(name, name) for name in ("original", "choosy", "wordless", "broken")]
    monkeypatch.setitem(TABLES, "3", Table("3", "A title", variants, ("target_ratio",), "models"))
    done, rows = table("3", "--model", "bars", "--feature", "slant", "--seed", "0", plugins=plugins.path)
    notes = {r["variant"]: r["note"] for r in rows}
    assert notes["original"] == "" and notes["choosy"] == "skipped: outside_of 50% & {more}"
    assert notes["wordless"].startswith("skipped") and notes["broken"].startswith("failed: KeyError")
    assert done.code == 1, "some cell failed"
    assert "] skipped: outside_of" in done.out


def test_a_cell_that_cannot_be_run_stops_no_other(table, monkeypatch, bars):
    from bench.errors import UsageError
    from bench.experiments.execution import isolated

    plain = isolated.run_apart

    def run(resolved, since):
        if resolved.cell.method == "probe":
            raise UsageError("feedback has no positives among 60 samples. More.")
        return plain(resolved, since)

    monkeypatch.setattr(isolated, "run_apart", run)
    done, rows = table("3", "--model", "bars", "--feature", "slant", "--seed", "0")
    notes = {r["variant"]: r["note"] for r in rows}
    assert notes == {"ours": "", "ours, logistic": "", "probe": "feedback has no positives among 60 samples"}
    assert done.code == 1


# --- the other tables ---------------------------------------------------------------------------------


TERMS = ("unlearn_term", "perception_term", "reconstruction_term")
CELLS = {  # table to variant to what is said of its cell: its method, and parameters
    "4": {
        "unlearn": {"method": "ours"} | dict(zip(TERMS, (True, False, False), strict=True)),
        "recon + unlearn": {"method": "ours"} | dict(zip(TERMS, (True, False, True), strict=True)),
        "recon + unlearn + percep": {"method": "ours"} | dict.fromkeys(TERMS, True),
        "original": {"method": "original"},
    },
    "5": {f"alpha = {alpha}": {"method": "ours", "alpha": alpha} for alpha in (1, 2, 3, 4, 5)},
    "readings": {
        f"{threshold} / {step} / {steps} / {l1}": {
            "method": "ours",
            "threshold": threshold,
            "step": step,
            "steps_per_epoch": steps,
            "l1": l1,
        }
        for threshold in ("mean", "midpoint")
        for step in ("unit", "raw")
        for steps in (1, 10)
        for l1 in ("mean", "sum")
    },
    "fidelity": {
        "ours": {"method": "ours", "direction": "mean_difference"},
        "ours, logistic": {"method": "ours", "direction": "logistic"},
    }
    | {method: {"method": method} for method in ("original", "probe", "latent_edit", "reject")},
    "cost": {"ours": {"method": "ours"}, "probe": {"method": "probe"}},
}  # the tables of curves: test_curves.py
QUALITY = {"target_ratio", "inception_score[digits]", "fid[digits]", "retain_change"}
NO_NUMBER = {  # table to variant to why it has none
    "4": {"retrain": "MNIST is needed"}, "5": {}, "readings": {}, "fidelity": {"retrain": "MNIST is needed"},
    "cost": {"retrain": "MNIST is needed", "pre-training": "not recorded in the checkpoint"},
}  # fmt: skip
FIDELITY = {
    f"{value}{suffix}[digits]"
    for value in ("inception_score", "fid", "kid", "fid_retain", "fid_counterfactual")
    for suffix in ("", "_change")
}
METRICS = {
    "4": QUALITY,
    "5": QUALITY,
    "readings": QUALITY | {"roc_auc"},
    "fidelity": FIDELITY,
    "cost": {"seconds", "peak_memory_mb"},
}


@pytest.mark.parametrize("name", CELLS)
def test_every_number_of_another_table_is_that_of_its_own_cell(name, table, tmp_path):
    done, rows = table(name, "--model", "bars", "--feature", "slant", "--seed", "0")
    assert done.code == 0, done.err
    stored = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    by_cell = {(row["variant"], row["metric"]): row for row in rows}
    assert len(by_cell) == len(rows) and {metric for _, metric in by_cell} == METRICS[name]
    for variant, said in CELLS[name].items():
        (record,) = (r for r in stored if (r["params"] | {"method": r["method"]}).items() >= said.items())
        for metric in METRICS[name]:
            row = by_cell.pop((variant, metric))
            took, found = record["timings"]["unlearn"], record["metrics"].get(metric)
            assert float(row["mean"]) == (took[metric] if name == "cost" else found["value"]), (variant, metric)
            assert (row["sd"], row["seeds"], row["note"]) == ("", "1", "")
    reasons = {variant: row["note"].partition(", but")[0] for (variant, _), row in by_cell.items()}
    assert reasons == NO_NUMBER[name] and not any(row["mean"] for row in by_cell.values())


def test_the_cost_of_training_an_original_is_what_its_checkpoint_says(table):
    done, rows = table("cost", "--model", "vae", "--feature", "slant", "--seed", "0", "--no-run")
    assert done.code == 0, "some number"
    took = checkpoint.read(manifest.path_of("vae-mnist")).description["timing"]
    found = {row["metric"]: row for row in rows if row["variant"] == "pre-training"}
    assert {metric: float(row["mean"]) for metric, row in found.items()} == took and min(took.values()) > 10
    assert {row["needs"] for row in found.values()} == {"training_data"}
    assert not any(row["mean"] for row in rows if row["variant"] != "pre-training")


def test_each_table_is_held_to_its_cells():
    assert {*CELLS, "1", "2", "3", "fidelity", "tradeoff", "damage", "clicks", "budget", "steps"} == set(TABLES)


def test_the_paper_s_numbers_know_their_variants():
    published = read_published(Registry())
    found = {
        (table.name, variant.label, metric)
        for table in TABLES.values()
        for variant in table.variants
        for metric in table.metrics
        if published.value(table.name, "vae", "thickness", variant, metric) is not None
    }
    assert {("2", "original", "target_ratio"), ("2", "ours", "target_ratio"), ("2", "retrain", "target_ratio")} <= found
    assert ("3", "ours", "roc_auc") in found and ("2", "ours, logistic", "target_ratio") not in found
    ours = Variant("ours", "ours")
    assert published.value("2", "vae", "thickness", ours, "fid[digits]") is None, "not comparable"
    assert published.value("2", "vae", "thickness", ours, "fid[inception]") == 23.742
    for one in (1, 1.0):  # however a number is written
        assert published.value("5", "proggan", "bang", Variant("", "ours", {"alpha": one}), "target_ratio") == 0.0536


# --- layout -------------------------------------------------------------------------------------------


def test_a_table_s_plan_names_its_cells_and_runs_none(table, tmp_path):
    planned, _ = table("4", "--seed", "0,1", "--dry-run")
    assert planned.code == 0, planned.err
    lines = planned.out.splitlines()
    actions = [line.split()[0] for line in lines if line.startswith(("run ", "waits "))]
    assert (actions.count("run"), actions.count("waits")) == (32, 8), "retrain waits for MNIST"
    assert lines[-1] == "40 cells, 0 stored, 40 to run; about 47 min and 20 of unknown time"
    assert "ours-bars-thickness-s1-" in planned.out and "perception_term=false" in planned.out
    assert not (tmp_path / "runs").exists() and not (tmp_path / "out").exists()
    assert table("1", "--dry-run")[0].out == "table 1: counts images, and runs no cell\n"
    for wrong, message in (
        (("--formats", "pdf"), "--formats pdf: expected"),
        (("--no-run",), "--dry-run and --no-run cannot"),
    ):
        assert table("4", "--dry-run", *wrong)[0].err.startswith(f"Error: {message}")


def test_an_unknown_format_is_refused_before_any_work(table, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.report.tables.making.cells_of", lambda *_a, **_k: pytest.fail("work began"))
    done, _ = table("3", "--formats", "csv,pdf")
    assert done.code == 4 and done.err == "Error: --formats pdf: expected some of csv,latex,html\n"


def test_table_damage_has_ten_seeds_on_mnist_unless_seeds_are_named(table):
    def planned(name, *more):
        return table(name, "--model", "bars", "--feature", "slant", "--dry-run", *more)[0].out.splitlines()[-1]

    assert planned("damage").startswith("120 cells, ") and planned("damage", "--seed", "0-3").startswith("48 cells, ")
    assert planned("tradeoff").startswith("60 cells, ")
    damage = TABLES["damage"]
    assert list(damage.seeds(Options(), "synthfaces")) == [0, 1, 2, 3, 4] == list(SEEDS)
    assert list(damage.seeds(Options(), "mnist")) == list(range(10)) and damage.seeds(Options(seeds=[7]), "mnist") == [
        7
    ]


def test_a_file_of_the_usual_seeds_needs_no_name_for_these(tmp_path):
    def name(table, seeds):
        return files_of(table, Options(seeds=seeds), ["csv"], tmp_path)["csv"].name

    assert name("damage", None) == "table-damage.csv" and name("damage", SEEDS) == "table-damage-s0-4.csv"
    assert name("2", None) == name("2", SEEDS) == "table-2.csv" and name("2", [0]) == "table-2-s0.csv"
