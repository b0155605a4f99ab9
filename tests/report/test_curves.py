"""Tables of curves, ``tradeoff``, ``damage`` and ``clicks``: every number is that of real cells, computed here anew."""

from __future__ import annotations

import csv
import json
import math
import shutil
from statistics import mean, stdev
from types import SimpleNamespace

import pytest

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

    def table(name, *more, runs=folder / "runs", seeds=SEEDS):
        out = runs.with_name(f"{runs.name}-tables")
        done = bench_cli(
            "table", name, "--suite", folder / "small.toml", "--plugins", bars.folder.path, "--results", runs,
            "--device", "cpu", "--model", "bars", "--feature", "slant", "--seed", ",".join(map(str, seeds)),
            "--out", out, "--formats", "csv", *more,
        )  # fmt: skip
        rows = list(csv.DictReader((out / f"table-{name}.csv").read_text().splitlines()))
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


def at_equal_damage(runs, seeds=SEEDS):
    """Return {family: {seed: (ratio, ratio - the default's)}} where its curve reaches the default's damage."""
    cells, found = of_curves(runs), {}

    def point(record):
        return record["metrics"]["retain_change"]["value"], record["metrics"]["target_ratio"]["value"]

    for seed in seeds:
        damage, ratio = point(cells["ours, mean_difference", 0.0][seed])
        for family in ("ours, mean_difference", "ours, logistic", "probe"):
            records = [by_seed[seed] for (name, _), by_seed in cells.items() if name == family]
            read = read_off([point(record) for record in records if record["status"] == "ok"], damage)
            if read is not None:
                found.setdefault(family, {})[seed] = read, read - ratio
    return found


def half_width(values):
    """Return half of Student's 95 % interval of a mean."""
    quantile = {2: 12.7062, 3: 4.30265}[len(values)]
    return quantile * stdev(values) / math.sqrt(len(values))


def require_equal_damage(rows, wanted):
    by = {(row["variant"], row["metric"]): row for row in rows}
    assert by.keys() == {(family, metric) for family in wanted for metric in ("target_ratio", "difference")}
    for family, read in wanted.items():
        ratios, gaps = ([pair[i] for pair in read.values()] for i in (0, 1))
        ratio, difference = by[family, "target_ratio"], by[family, "difference"]
        assert ratio["seeds"] == difference["seeds"] == str(len(read)) and ratio["n"] == str(COUNT)
        assert ratio["data"] == "MNIST (real)" and ratio["note"] == ""
        assert ratio["source"] == "MNIST (real); oracle morpho_mnist; interpolated between cells"
        if len(read) == 1:
            assert float(ratio["mean"]) == pytest.approx(ratios[0], abs=1e-12) and ratio["sd"] == ""
            assert (difference["mean"], difference["note"]) == ("", "too few seeds")
            continue
        assert (float(ratio["mean"]), float(ratio["sd"])) == spread(ratios)
        assert float(difference["mean"]) == pytest.approx(mean(gaps), abs=1e-12)
        low, high = mean(gaps) - half_width(gaps), mean(gaps) + half_width(gaps)
        assert difference["note"] == f"95 %: {low:.4f} to {high:.4f}"


def test_equal_damage_reads_the_curves_of_stored_cells_seed_by_seed(curves):
    made = curves.table("damage")
    assert made.done.code == 0 and "24 cells, 24 stored, 0 to run" in made.done.err, "the cells of tradeoff"
    wanted = at_equal_damage(curves.runs)
    assert wanted["ours, mean_difference"] == {
        record["seed"]: (record["metrics"]["target_ratio"]["value"], 0.0)
        for record in of_curves(curves.runs)["ours, mean_difference", 0.0].values()
    }, "the first family at its own default"
    assert any(read[seed][1] for read in wanted.values() for seed in read), "some family differs from the first"
    require_equal_damage(made.rows, wanted)


@pytest.fixture
def changed(curves, tmp_path):
    """Return a copy of the results, after a change of every record."""

    def copy(change):
        shutil.copytree(curves.runs, tmp_path / "runs")
        for path in (tmp_path / "runs").glob("*/result.json"):
            record = json.loads(path.read_text())
            change(record)
            path.write_text(json.dumps(record))
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
    assert found["probe", "difference"]["note"] == f"95 %: {low:.4f} to {high:.4f}"
    assert found["ours, mean_difference", "difference"]["note"] == "95 %: 0.0000 to 0.0000"


def test_curves_that_do_not_reach_the_damage_have_a_reason_instead_of_a_number(curves, changed):
    def plant(record):
        record["metrics"]["retain_change"]["value"] = 0.5 if record["method"] == "ours" else 0.1

    found = {(r["variant"], r["metric"]): r for r in curves.table("damage", "--no-run", runs=changed(plant)).rows}
    ratio, difference = found["probe", "target_ratio"], found["probe", "difference"]
    assert (ratio["mean"], ratio["seeds"], ratio["note"]) == ("", "0", "no curve reaches that damage")
    assert (difference["mean"], difference["note"]) == ("", "too few seeds")


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
