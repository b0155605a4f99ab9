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
from bench.experiments.cells.judgement import Judged
from bench.report.comparing.operating import OPERATING

COUNT = 64  # samples that are evaluated
SEEDS = (0, 1, 2, 3)
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
        assert (row["seeds"], row["n"], row["note"]) == ("4", str(measured[0]["n"]), "")
        assert (row["source"], row["data"]) == (measured[0]["source"], "MNIST (real)")
    for direction in DIRECTIONS:
        most, least = (float(rows[f"{direction}, {SHIFTS[s]}", "retain_change"]["mean"]) for s in (-0.5, 1.0))
        assert most > 1.5 * least > 0, "a lower threshold flags and changes more"


# --- equal damage -------------------------------------------------------------------------------------


AT_DEFAULT, HALF, MORE, REMOVED, TENTH, TWENTIETH = OPERATING


def odds_of(ratio):
    return math.log((ratio * COUNT + 0.5) / (COUNT - ratio * COUNT + 0.5))


def ratio_of(odds):
    return max(0.0, ((COUNT + 1) / (1 + math.exp(-odds)) - 0.5) / COUNT)


def read_off(points, by, level):
    """Read a curve of (damage, log-odds) at a level of either: linear between neighbours in damage, the first time."""
    points = sorted(points)
    for low, high in zip(points, points[1:], strict=False):
        if level == low[by]:
            return low
        if (low[by] < level < high[by]) or (high[by] < level < low[by]):
            part = (level - low[by]) / (high[by] - low[by])
            return tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))
    return points[-1] if points[-1][by] == level else None


def read_both(points, first, by, level, anywhere):
    """Return where a curve and the first one are read, and whether that is elsewhere; None if it is nowhere."""
    own, other = read_off(points, by, level), read_off(first, by, level)
    if own and other:
        return own, other, False
    if not anywhere:
        return None
    own = min(sorted(points), key=lambda point: abs(point[by] - level))
    other = read_off(first, by, own[by]) or min(sorted(first), key=lambda p: abs(p[by] - own[by]))
    return own, other, True


def at_operating_points(runs, seeds=SEEDS):
    """Return {where: {family: {seed: (own, first, moved)}}}, both as (damage, log-odds)."""
    cells, found = of_curves(runs), {}

    def point(record):
        metrics = record["metrics"]
        return metrics["retain_change"]["value"], odds_of(metrics["target_ratio"]["value"])

    for seed in seeds:
        record = cells["ours, mean_difference", 0.0][seed]
        (damage, odds), before = point(record), record["metrics"]["original_target_ratio"]["value"]
        levels = {AT_DEFAULT: damage, HALF: damage / 2, MORE: 5 * damage / 4, REMOVED: odds}
        levels |= {TENTH: odds_of(before / 10), TWENTIETH: odds_of(before / 20)}
        curves = {
            family: [point(r[seed]) for (name, _), r in cells.items() if name == family and r[seed]["status"] == "ok"]
            for family in ("ours, mean_difference", "ours, logistic", "probe")
        }
        for at, level in levels.items():
            for family, points in curves.items():
                by, anywhere = int("removal" in at), "first at its default" in at
                read = read_both(points, curves["ours, mean_difference"], by, level, anywhere)
                of_family = found.setdefault(at, {}).setdefault(family, {})
                if read is not None:
                    of_family[seed] = read
    return found


def logs_of(read, at):
    """Return the logarithm of the ratio of two (damage, log-odds): of shares, or of damages."""
    if "removal" in at:
        return [math.log(own[0] / other[0]) for own, other, _ in read.values()]
    return [math.log((1 + math.exp(-other[1])) / (1 + math.exp(-own[1]))) for own, other, _ in read.values()]


def require_comparisons(rows, wanted):
    """Hold every row of ``damage`` to numbers computed here; returns how many comparisons had an interval."""
    by = {(row["at"], row["variant"], row["metric"]): row for row in rows}
    assert len(by) == len(rows) and {at for at, *_ in by} == set(OPERATING)
    compared = 0
    for (at, family), read in (((at, family), read) for at, each in wanted.items() for family, read in each.items()):
        verdict = by[at, family, "verdict"]
        if not read:
            assert "does not reach this on any seed (of 4)" in verdict["note"] and (at, family, "ratio") not in by
            continue
        shown, ratio = by[at, family, "target_ratio"], by[at, family, "ratio"]
        ratios = [ratio_of(own[1]) for own, *_ in read.values()]
        assert float(shown["mean"]) == pytest.approx(mean(ratios), abs=1e-12)
        assert float(by[at, family, "retain_change"]["mean"]) == pytest.approx(
            mean(own[0] for own, *_ in read.values())
        )
        assert {row["seeds"] for row in (shown, ratio, verdict)} == {str(len(read))} and shown["n"] == str(COUNT)
        assert float(by[at, family, "read_elsewhere"]["mean"]) == sum(moved for *_, moved in read.values())
        assert shown["source"] == "MNIST (real); oracle morpho_mnist; interpolated between cells"
        if family == "ours, mean_difference":
            assert (ratio["mean"], ratio["low"], verdict["note"]) == ("1.0", "", "the others are compared with this")
            continue
        logs = logs_of(read, at)
        assert float(ratio["mean"]) == pytest.approx(math.exp(mean(logs)))
        if len(logs) < 4:
            assert ratio["low"] == verdict["mean"] == ""
            continue
        compared += 1
        half = 3.182446 * stdev(logs) / 2
        interval = pytest.approx((math.exp(mean(logs) - half), math.exp(mean(logs) + half)), rel=1e-5)
        assert (float(ratio["low"]), float(ratio["high"])) == interval
        assert float(verdict["mean"]) == pytest.approx(math.exp(4.255899 * stdev(logs) / 2), rel=1e-5)
    return compared


def test_the_curves_of_stored_cells_are_compared_seed_by_seed_at_every_operating_point(curves):
    made = curves.table("damage")
    assert made.done.code == 0 and "48 cells, 48 stored, 0 to run" in made.done.err, "the cells of tradeoff"
    wanted = at_operating_points(curves.runs)
    assert require_comparisons(made.rows, wanted) >= 4
    assert all(own == other for own, other, _ in wanted[AT_DEFAULT]["ours, mean_difference"].values())
    assert any(own != other for own, other, _ in wanted[AT_DEFAULT]["probe"].values())


def test_every_format_has_the_ratio_its_interval_the_verdict_and_the_caveats(curves, tmp_path):
    out = tmp_path / "out"
    made = curves.table("damage", "--no-run", "--out", out, "--formats", "csv,latex,html")
    assert made.done.code == 0, made.done.err
    (html,), (latex,) = ([path.read_text() for path in out.glob(f"*.{suffix}")] for suffix in ("html", "tex"))
    row = next(r for r in made.rows if (r["at"], r["variant"], r["metric"]) == (AT_DEFAULT, "probe", "ratio"))
    verdict = next(r for r in made.rows if (r["at"], r["variant"], r["metric"]) == (AT_DEFAULT, "probe", "verdict"))
    for text in (html, latex, made.done.out):
        words = " ".join(text.split())
        assert verdict["note"] in words and "Intervals are per comparison" in words
        assert f"4 feedback and unlearning seeds (0, 1, 2, 3), the original generator fixed, up to {COUNT}" in words
        for at in OPERATING:
            assert f"bars, slant, {at}" in words
        assert f"{float(row['mean']):.2g}"[:3] in words and " of 4" in words.replace("& of 4", " of 4")


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
    before, after = at_operating_points(curves.runs), at_operating_points(runs)
    assert before[AT_DEFAULT]["ours, logistic"] != after[AT_DEFAULT]["ours, logistic"], "points that are further apart"
    require_comparisons(made.rows, after)


def planted(record, change, ratio):
    """Write a cell's damage and target ratio, of 10,000 samples."""
    record["metrics"]["retain_change"]["value"] = change
    record["metrics"]["target_ratio"] |= {"value": ratio, "n": 10_000}


def at_default(rows):
    return {(row["variant"], row["metric"]): row for row in rows if row["at"] == AT_DEFAULT}


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
            planted(record, point[0], point[1] * by)

    made = curves.table("damage", "--no-run", runs=changed(plant))
    found = at_default(made.rows)
    for family, ratio in (("ours, mean_difference", 0.04), ("ours, logistic", 0.04), ("probe", 0.02)):
        assert float(found[family, "target_ratio"]["mean"]) == pytest.approx(ratio * 1.075)
        assert float(found[family, "ratio"]["mean"]) == pytest.approx(ratio / 0.04, rel=2e-3), "half a sample in 200"
    interval = found["probe", "ratio"]
    assert 0.5 < float(interval["low"]) < float(interval["mean"]) < float(interval["high"]) < 0.501
    said = {family: found[family, "verdict"]["note"] for family in ("ours, logistic", "probe")}
    assert said == {"ours, logistic": "the same on every seed", "probe": "leaves less"}
    more = {row["variant"]: row["note"] for row in made.rows if row["at"] == MORE}
    assert more["probe"] == "its curve, or that of 'ours, mean_difference', does not reach this on any seed (of 4)"


def test_curves_that_nowhere_do_the_same_damage_are_compared_at_their_ends_and_that_is_said(curves, changed):
    def plant(record):
        ours = record["method"] == "ours"
        planted(record, 0.5 if ours else 0.1, (0.2 if ours else 0.1) + record["seed"] / 100)

    made = curves.table("damage", "--no-run", runs=changed(plant))
    assert made.done.code == 0, made.done
    found = at_default(made.rows)
    assert (float(found["probe", "read_elsewhere"]["mean"]), found["probe", "ratio"]["seeds"]) == (4, "4")
    assert float(found["probe", "retain_change"]["mean"]) == 0.1
    ratio = math.exp(mean(math.log((1000.5 + 100 * s) / (2000.5 + 100 * s)) for s in SEEDS))
    assert float(found["probe", "ratio"]["mean"]) == pytest.approx(ratio)
    caveat = "at most this, since the first one's curve ends before"
    assert found["probe", "ratio"]["note"] == caveat and f"] {caveat}" in made.done.out
    assert found["probe", "verdict"]["note"] == "leaves less", "though it changes less"


# --- methods of other authors -------------------------------------------------------------------------


@pytest.fixture
def stranger(curves, plugins, tmp_path):
    """Call ``bench table`` with the method ``upright`` in the plug-in folder, on a copy of the results."""
    plugins.add("upright")
    shutil.copytree(curves.runs, tmp_path / "runs")

    def call(name, *more):
        made = curves.table(name, *more, runs=tmp_path / "runs", plugins=plugins.path, seeds=(0, 1))
        rows = [row for row in made.rows if row["at"] in ("", AT_DEFAULT)]
        by = {(row["variant"], row["metric"]): row for row in rows}
        assert len(by) == len(rows) and all(variant for variant, _ in by), "every row has a name"
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
    for metric in ("target_ratio", "retain_change", "ratio"):
        assert made.by["upright", metric]["mean"] != "" and made.by["upright", metric]["method"] == "upright"
    only = stranger("damage", "--only", "upright")
    assert {v for v, _ in only.by} == {"ours, mean_difference", "upright"}, "the family that it is compared with stays"
    for metric in ("target_ratio", "ratio"):
        assert only.by["upright", metric] == made.by["upright", metric]


def test_a_method_that_changes_little_is_ranked_by_its_own_damage(stranger, plugins, curves):
    plugins.add("upright", ("Field(0.1,", "Field(0.01,"), ("(0.3, 0.8)", "(0.02, 0.03)"), as_name="gentle")
    made = stranger("damage", "--method", "gentle")
    ratio, change = made.by["gentle", "target_ratio"], made.by["gentle", "retain_change"]
    assert (made.by["gentle", "read_elsewhere"]["mean"], ratio["seeds"]) == ("2.0", "2")
    assert 0 < float(change["mean"]) < float(made.by["ours, mean_difference", "retain_change"]["mean"])
    assert made.by["gentle", "ratio"]["mean"] != ""


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
    assert ranked.by["still", "retain_change"]["mean"] == "0.0" and ranked.by["still", "ratio"]["mean"] != ""


def test_seeds_that_repeat_a_run_are_not_pairs_of_their_own(curves, plugins, tmp_path):
    """Five seeds of a method with two runs are two pairs, of which no interval is given."""
    body = "made = deepcopy(generator)\nmade.layer.bias.data[0] += float(torch.rand(1, generator=context.rng(0)))"
    plugins.method("trainer", f"{body}\nreturn Unlearned(made)", "reads_feedback = False\ntrainings = 2")
    shutil.copytree(curves.runs, tmp_path / "runs")
    made = curves.table("damage", "--only", "trainer", runs=tmp_path / "runs", plugins=plugins.path)
    assert made.done.code == 0, made.done.err
    found = {row["metric"]: row for row in made.rows if row["at"] == AT_DEFAULT and row["variant"] == "trainer"}
    assert found["ratio"]["seeds"] == "2" and found["ratio"]["low"] == found["ratio"]["high"] == ""
    assert "2 further seeds repeat one of these runs" in found["read_elsewhere"]["note"]
    first = [row for row in made.rows if row["variant"] != "trainer" and row["metric"] == "ratio"]
    assert {row["seeds"] for row in first if row["at"] == AT_DEFAULT} == {"4"}, "the others have all seeds"


def test_a_family_without_a_result_has_the_reason_in_its_row(stranger, plugins):
    plugins.method("broken", "raise KeyError('lost')")
    made = stranger("damage", "--only", "broken")
    assert made.done.code == 1 and "KeyError" in made.by["broken", "verdict"]["note"]


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
    assert by_count.keys() == wanted
    assert len({record["provenance"]["stages"]["cut"] for record in by_count.values()}) == 1, "one cut for all counts"
    positives = {cell: record["provenance"]["feedback"]["positives"] for cell, record in by_count.items()}
    share = positives["ours", 4000] / 4000
    assert 0.05 < share < 0.2, "the cut is that of a top tenth"
    assert all(
        abs(found - share * count) < 4 * (share * (1 - share) * count) ** 0.5 for (_, count), found in positives.items()
    )
    rows = {(row["variant"], row["metric"]): row for row in made.rows}
    assert rows.keys() == {(f"{method}, {count:,} shown", metric) for method, count in wanted for metric in METRICS}
    for method, count in wanted:
        for metric in METRICS:
            row, measured = rows[f"{method}, {count:,} shown", metric], by_count[method, count]["metrics"][metric]
            assert float(row["mean"]) == measured["value"] and (row["sd"], row["n"]) == ("", str(measured["n"]))
    weights = {record["artefacts"]["weights"]["sha256"] for record in by_count.values()}
    assert len(weights) == 10, "every count is another training"
