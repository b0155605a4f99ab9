"""Tables of curves, ``tradeoff``, ``damage`` and ``clicks``: every number is that of real cells, computed here anew."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace

import pytest

from bench.core import sealed
from bench.experiments.judgement import Judged

COUNT = 64  # samples that are evaluated
SEEDS = (0, 1)
CELLS = f"""
[models.bars]
dataset = "mnist"
weights = "WEIGHTS"
[models.bars.feedback]
count = 100
[models.bars.evaluation]
count = {COUNT}
metrics = ["target_ratio", "retain_change", "roc_auc", "fidelity"]
[models.bars.methods.ours]
epochs = 12
batch_size = 8
lr = 0.02
[models.bars.methods.probe]
epochs = 12
batch_size = 8
lr = 0.02
probe_steps = 20
moves = 2
"""
METRICS = ("target_ratio", "retain_change", "fid[digits]", "roc_auc")
DIRECTIONS = ("mean_difference", "logistic")
SHIFTS = {0.0: "t +0 s.d.", -0.5: "t -0.5 s.d.", 0.5: "t +0.5 s.d.", 1.0: "t +1 s.d."}
SHARES = (0.5, 0.4, 0.6, 0.7)


@pytest.fixture(scope="module")
def curves(bars, bench_cli, tmp_path_factory):
    """Run the cells of ``tradeoff``; ``table`` calls ``bench table`` on them, or on a changed copy of them."""
    folder = tmp_path_factory.mktemp("curves")
    (folder / "small.toml").write_text(CELLS.replace("WEIGHTS", str(bars.weights)))

    def table(name, *more, runs=folder / "runs", seeds=SEEDS, plugins=bars.folder.path):
        out = runs.with_name(f"{runs.name}-tables")
        done = bench_cli(
            "table", name, "--suite", folder / "small.toml", "--plugins", plugins, "--results", runs,
            "--device", "cpu", "--model", "bars", "--feature", "slant", "--seed", ",".join(map(str, seeds)),
            "--out", out, "--formats", "csv", *more,
        )  # fmt: skip
        paths = [Path(line) for line in done.out.splitlines() if line.endswith(".csv")]
        rows = [row for path in paths for row in csv.DictReader(path.read_text().splitlines())]
        return SimpleNamespace(done=done, rows=rows)

    made = table("tradeoff")
    assert made.done.code == 0, made.done.err
    return SimpleNamespace(table=table, tradeoff=made.rows, runs=folder / "runs")


def stored(runs):
    return [json.loads(path.read_text()) for path in sorted(runs.glob("*/result.json"))]


def of_curves(runs):
    """Return {(family, point): {seed: record}} of the cells behind ``tradeoff`` and ``damage``."""
    found = {}
    for record in stored(runs):
        params = record["params"]
        if record["method"] == "ours":
            key = f"ours, {params['direction']}", params["threshold_shift"]
        else:
            key = "probe", params["safe_share"]
        found.setdefault(key, {})[record["seed"]] = record
    return found


def spread(values):
    return pytest.approx(mean(values)), pytest.approx(stdev(values))


# --- removal against damage ---------------------------------------------------------------------------


def test_every_point_of_every_curve_is_the_mean_and_spread_of_its_own_cells(curves):
    cells = of_curves(curves.runs)
    wanted = {f"{d}, {label}": (f"ours, {d}", shift) for d in DIRECTIONS for shift, label in SHIFTS.items()}
    wanted |= {f"probe, down to quantile {share:g}": ("probe", share) for share in SHARES}
    assert len(cells) == len(wanted) == 12 and all(set(by_seed) == set(SEEDS) for by_seed in cells.values())
    rows = {(row["variant"], row["metric"]): row for row in curves.tradeoff}
    assert rows.keys() == {(variant, metric) for variant in wanted for metric in METRICS}
    for (variant, metric), row in rows.items():
        measured = [cells[wanted[variant]][seed]["metrics"][metric] for seed in SEEDS]
        assert (float(row["mean"]), float(row["sd"])) == spread([m["value"] for m in measured]), (variant, metric)
        assert (row["seeds"], row["n"], row["note"]) == ("2", str(measured[0]["n"]), "")
        assert (row["source"], row["data"]) == (measured[0]["source"], "MNIST (real)")
    for direction in DIRECTIONS:
        most, least = (float(rows[f"{direction}, {SHIFTS[s]}", "retain_change"]["mean"]) for s in (-0.5, 1.0))
        assert most > 1.5 * least > 0, "a lower threshold flags and changes more"


# --- equal damage -------------------------------------------------------------------------------------


def read_off(points, damage):
    """Read a curve of (change, ratio) at a change: linear between neighbours in the log-odds of (k + 1/2) / (n + 1)."""
    points = sorted(points)
    for change, ratio in points:
        if change == damage:
            return ratio
    for (low, below), (high, above) in zip(points, points[1:], strict=False):
        if low < damage < high:
            odds = [math.log((r * COUNT + 0.5) / (COUNT - r * COUNT + 0.5)) for r in (below, above)]
            at = odds[0] + (odds[1] - odds[0]) * (damage - low) / (high - low)
            return max(0.0, ((COUNT + 1) / (1 + math.exp(-at)) - 0.5) / COUNT)
    return None


def read_both(points, first, damage, ratio):
    """Return a curve's ratio, the first curve's, and whether both are read elsewhere than at a damage."""
    if (read := read_off(points, damage)) is not None:
        return read, ratio, False
    change, end = min(points, key=lambda point: abs(point[0] - damage))
    other = read_off(first, change)
    return end, min(first, key=lambda p: abs(p[0] - change))[1] if other is None else other, True


def at_equal_damage(runs, seeds=SEEDS):
    """Return {family: {seed: (ratio, difference from the first family, whether it is another damage)}}."""
    cells, found = of_curves(runs), {}

    def point(record):
        return record["metrics"]["retain_change"]["value"], record["metrics"]["target_ratio"]["value"]

    for seed in seeds:
        damage, ratio = point(cells["ours, mean_difference", 0.0][seed])
        points = {
            family: [point(r[seed]) for (name, _), r in cells.items() if name == family and r[seed]["status"] == "ok"]
            for family in ("ours, mean_difference", "ours, logistic", "probe")
        }
        for family, curve in points.items():
            read, other, moved = read_both(curve, points["ours, mean_difference"], damage, ratio)
            found.setdefault(family, {})[seed] = read, read - other, moved
    return found


def half_width(values):
    """Return half of Student's 95 % interval of a mean."""
    quantile = {2: 12.7062, 3: 4.30265}[len(values)]
    return quantile * stdev(values) / math.sqrt(len(values))


def require_equal_damage(rows, wanted):
    by = {(row["variant"], row["metric"]): row for row in rows}
    assert by.keys() == {
        (family, metric) for family in wanted for metric in ("target_ratio", "retain_change", "difference")
    }
    for family, read in wanted.items():
        ratios, gaps = ([pair[i] for pair in read.values()] for i in (0, 1))
        ratio, difference = by[family, "target_ratio"], by[family, "difference"]
        assert ratio["seeds"] == difference["seeds"] == str(len(read)) and ratio["n"] == str(COUNT)
        moved = sum(triple[2] for triple in read.values())
        where = f"{moved} of {len(read)} seeds at the curve's own damage" if moved else ""
        assert ratio["data"] == "MNIST (real)" and ratio["note"] == where == by[family, "retain_change"]["note"]
        assert ratio["source"] == "MNIST (real); oracle morpho_mnist; interpolated between cells"
        if len(read) == 1:
            assert float(ratio["mean"]) == pytest.approx(ratios[0], abs=1e-12) and ratio["sd"] == ""
            assert (difference["mean"], difference["note"].split(";")[0]) == ("", "too few seeds")
            continue
        assert (float(ratio["mean"]), float(ratio["sd"])) == spread(ratios)
        assert float(difference["mean"]) == pytest.approx(mean(gaps), abs=1e-12)
        low, high = mean(gaps) - half_width(gaps), mean(gaps) + half_width(gaps)
        assert difference["note"] == "" or difference["note"].endswith(
            "this, since the curve it is compared with ends before"
        )
        assert (float(difference["low"]), float(difference["high"])) == pytest.approx((low, high), abs=1e-5)


def test_equal_damage_reads_the_curves_of_stored_cells_seed_by_seed(curves):
    made = curves.table("damage")
    assert made.done.code == 0 and "24 cells, 24 stored, 0 to run" in made.done.err, "the cells of tradeoff"
    wanted = at_equal_damage(curves.runs)
    assert wanted["ours, mean_difference"] == {
        record["seed"]: (record["metrics"]["target_ratio"]["value"], 0.0, False)
        for record in of_curves(curves.runs)["ours, mean_difference", 0.0].values()
    }, "the first family at its own default"
    assert any(read[seed][1] for read in wanted.values() for seed in read), "some family differs from the first"
    require_equal_damage(made.rows, wanted)


def test_the_source_names_who_judged(curves, monkeypatch):
    monkeypatch.setattr(Judged, "label", "oracle mobilenet-synthfaces-b, clicks by another")
    rows = curves.table("damage", "--no-run").rows
    assert {row["source"] for row in rows} == {
        "MNIST (real); oracle mobilenet-synthfaces-b, clicks by another; interpolated between cells"
    }


@pytest.fixture
def changed(curves, tmp_path):
    """Return a copy of the results, after a change of every record."""

    def copy(change):
        shutil.copytree(curves.runs, tmp_path / "runs")
        for path in (tmp_path / "runs").glob("*/result.json"):
            record = sealed.read(path)
            change(record)
            sealed.write(path, record)
        return tmp_path / "runs"

    return copy


def test_a_cell_that_failed_counts_for_no_curve(curves, changed):
    def fail(record):
        if (record["params"].get("direction"), record["params"].get("threshold_shift")) == ("logistic", 0.0):
            record |= {"status": "failed", "reason": "KeyError: 'lost'", "metrics": {}, "artefacts": {}}

    runs = changed(fail)
    made = curves.table("damage", "--no-run", runs=runs)
    assert made.done.code == 0, made.done.err
    before, after = at_equal_damage(curves.runs), at_equal_damage(runs)
    assert before["ours, logistic"] != after["ours, logistic"], "read between points that are further apart"
    require_equal_damage(made.rows, after)


def test_a_method_that_halves_the_ratio_at_every_damage_is_seen_to(curves, changed):
    """Planted: the first family's default does damage 0.02; at that damage the probe halves its ratio."""
    ours, probe = {0.0: (0.02, 0.04), 0.5: (0.01, 0.08)}, {0.5: (0.02, 0.02), 0.4: (0.03, 0.0)}

    def plant(record):
        params, by = record["params"], 1 + record["seed"] / 20
        point = (ours if record["method"] == "ours" else probe).get(
            params.get("threshold_shift", params.get("safe_share"))
        )
        if point is None:
            record |= {"status": "failed", "reason": "left out", "metrics": {}}
        else:
            record["metrics"]["retain_change"]["value"] = point[0]
            record["metrics"]["target_ratio"]["value"] = point[1] * by

    rows = curves.table("damage", "--no-run", runs=changed(plant)).rows
    found = {(row["variant"], row["metric"]): row for row in rows}
    for family, ratio in (("ours, mean_difference", 0.04), ("ours, logistic", 0.04), ("probe", 0.02)):
        assert float(found[family, "target_ratio"]["mean"]) == pytest.approx(ratio * 1.025)
        assert float(found[family, "difference"]["mean"]) == pytest.approx((ratio - 0.04) * 1.025, abs=1e-12)
    low, high = -0.0205 - 12.7062 * 0.0005, -0.0205 + 12.7062 * 0.0005  # gaps of -0.02 and -0.021
    for family, interval in ("probe", (low, high)), ("ours, mean_difference", (0, 0)):
        row = found[family, "difference"]
        assert (float(row["low"]), float(row["high"])) == pytest.approx(interval, abs=5e-5) and row["note"] == ""


def test_curves_that_nowhere_do_the_same_damage_are_compared_at_their_ends_and_that_is_said(curves, changed):
    def plant(record):
        ours = record["method"] == "ours"
        record["metrics"]["retain_change"]["value"] = 0.5 if ours else 0.1
        record["metrics"]["target_ratio"]["value"] = (0.2 if ours else 0.1) + record["seed"] / 100

    made = curves.table("damage", "--no-run", runs=changed(plant))
    assert made.done.code == 0, made.done
    found = {(r["variant"], r["metric"]): r for r in made.rows}
    ratio, difference = found["probe", "target_ratio"], found["probe", "difference"]
    assert (float(ratio["mean"]), ratio["seeds"]) == (pytest.approx(0.105), "2")
    assert ratio["note"] == "2 of 2 seeds at the curve's own damage"
    assert float(found["probe", "retain_change"]["mean"]) == 0.1
    assert float(difference["mean"]) == pytest.approx(-0.1)
    caveat = "at most this, since the curve it is compared with ends before"
    assert difference["note"] == caveat and f"] {caveat}" in made.done.out


# --- methods of other authors -------------------------------------------------------------------------


@pytest.fixture
def stranger(curves, plugins, tmp_path):
    """Call ``bench table`` with the method ``upright`` in the plug-in folder, on a copy of the results."""
    plugins.add("upright")
    shutil.copytree(curves.runs, tmp_path / "runs")

    def call(name, *more):
        made = curves.table(name, *more, runs=tmp_path / "runs", plugins=plugins.path)
        by = {(row["variant"], row["metric"]): row for row in made.rows}
        assert len(by) == len(made.rows) and all(variant for variant, _ in by), "every row has a name"
        return SimpleNamespace(done=made.done, by=by)

    return call


CURVE = {"upright": 0.1, "upright, strength = 0.3": 0.3, "upright, strength = 0.8": 0.8}


def test_a_stranger_s_method_has_a_curve_along_what_its_class_sweeps(stranger, tmp_path):
    made = stranger("tradeoff", "--method", "upright")
    assert made.done.code == 0, made.done.err
    cells = {
        r["params"]["strength"]: r for r in stored(tmp_path / "runs") if r["method"] == "upright" and r["seed"] == 0
    }
    assert set(cells) == set(CURVE.values())
    assert {variant for variant, _ in made.by if variant.startswith("upright")} == set(CURVE)
    changes = [float(made.by[variant, "retain_change"]["mean"]) for variant in CURVE]
    assert 0 < changes[0] < changes[1] < changes[2]


def test_a_stranger_s_method_is_ranked_at_equal_damage_and_by_less(stranger):
    made = stranger("damage", "--method", "upright")
    assert made.done.code == 0, made.done.err
    assert {v for v, _ in made.by} == {"ours, mean_difference", "ours, logistic", "probe", "upright"}
    for metric in ("target_ratio", "retain_change", "difference"):
        assert made.by["upright", metric]["mean"] != "" and made.by["upright", metric]["method"] == "upright"
    only = stranger("damage", "--only", "upright")
    assert {v for v, _ in only.by} == {"ours, mean_difference", "upright"}, "the family that it is compared with stays"
    for metric in ("target_ratio", "difference"):
        assert only.by["upright", metric] == made.by["upright", metric]


def test_a_method_that_changes_little_is_ranked_by_its_own_damage(stranger, plugins, curves):
    plugins.add("upright", ("Field(0.1,", "Field(0.01,"), ("(0.3, 0.8)", "(0.02, 0.03)"), as_name="gentle")
    made = stranger("damage", "--method", "gentle")
    ratio, change = made.by["gentle", "target_ratio"], made.by["gentle", "retain_change"]
    assert ratio["note"] == "2 of 2 seeds at the curve's own damage"
    assert 0 < float(change["mean"]) < float(made.by["ours, mean_difference", "retain_change"]["mean"])
    assert made.by["gentle", "difference"]["mean"] != ""


def test_a_suite_says_what_to_sweep_before_the_class_does(stranger, curves, tmp_path):
    suite = tmp_path / "own.toml"
    text = (curves.runs.parent / "small.toml").read_text()
    suite.write_text(f'name = "small"\n{text}\n[sweeps.upright]\nstrength = [0.5]\n')
    made = stranger("tradeoff", "--only", "upright", "--suite", suite)
    assert {variant for variant, _ in made.by} == {"upright", "upright, strength = 0.5"}
    suite.write_text(f'name = "small"\n{text}\n[sweeps.upright]\nforce = [0.5]\n')
    wrong = stranger("tradeoff", "--only", "upright", "--suite", suite).done
    assert wrong.code == 4 and "force: unknown field" in wrong.err


def test_a_method_with_parameters_of_its_own_is_a_family(stranger):
    made = stranger("damage", "--method", "upright -p strength=0.05", "--method", "upright")
    assert made.done.code == 0, made.done.err
    assert {v for v, _ in made.by} >= {"upright", "upright, strength=0.05"}
    mild, usual = (made.by[v, "retain_change"] for v in ("upright, strength=0.05", "upright"))
    assert mild["mean"] and usual["mean"]


def test_a_method_without_a_sweep_is_one_point_and_that_is_said(stranger, plugins):
    plugins.method("still", "return Unlearned(deepcopy(generator))")
    made = stranger("tradeoff", "--only", "still")
    assert {variant for variant, _ in made.by} == {"still"}
    assert "method 'still' names no parameter to sweep, so its curve is one point" in made.done.err
    assert "[sweeps.still]" in made.done.err
    ranked = stranger("damage", "--only", "still")
    assert ranked.by["still", "retain_change"]["mean"] == "0.0" and ranked.by["still", "difference"]["mean"] != ""


def test_a_family_without_a_result_has_the_reason_in_its_row(stranger, plugins):
    plugins.method("broken", "raise KeyError('lost')")
    made = stranger("damage", "--only", "broken")
    assert made.done.code == 1 and "KeyError" in made.by["broken", "target_ratio"]["note"]


def test_a_stranger_s_method_is_run_at_every_number_of_shown_samples(stranger):
    made = stranger("clicks", "--only", "upright", "--seed", "0")
    assert made.done.code == 0, made.done.err
    wanted = {f"upright, {count:,} shown" for count in (250, 500, 1000, 2000, 4000)}
    assert {variant for variant, _ in made.by} == wanted


def test_a_setting_in_which_rows_differ_cannot_be_fixed(stranger):
    done = stranger("clicks", "--set", "feedback.count=100").done
    assert done.code == 4
    assert done.err.startswith("Error: --set feedback.count: the rows of this table differ in it; leave it out")


# --- the number of clicks -----------------------------------------------------------------------------


def test_every_count_of_shown_samples_has_the_numbers_of_its_own_cell(curves, tmp_path):
    made = curves.table("clicks", runs=tmp_path / "runs", seeds=[0])
    assert made.done.code == 0, made.done.err
    by_count = {(r["method"], r["provenance"]["feedback"]["count"]): r for r in stored(tmp_path / "runs")}
    wanted = {(method, count) for method in ("ours", "probe") for count in (250, 500, 1000, 2000, 4000)}
    assert by_count.keys() == wanted and all(
        record["provenance"]["feedback"]["positives"] == count // 10 for (_, count), record in by_count.items()
    )
    rows = {(row["variant"], row["metric"]): row for row in made.rows}
    assert rows.keys() == {(f"{method}, {count:,} shown", metric) for method, count in wanted for metric in METRICS}
    for method, count in wanted:
        for metric in METRICS:
            row, measured = rows[f"{method}, {count:,} shown", metric], by_count[method, count]["metrics"][metric]
            assert float(row["mean"]) == measured["value"] and (row["sd"], row["n"]) == ("", str(measured["n"]))
    weights = {record["artefacts"]["weights"]["sha256"] for record in by_count.values()}
    assert len(weights) == 10, "every count is another training"
