"""Grids and dry runs on the command line: which cells a command names, and what it would do."""

from __future__ import annotations

import json
import shutil

from small_cells import QUICK


def test_comma_lists_and_all_make_a_grid(on_bars, tmp_path):
    planned = on_bars("ours,original", "--seed", "0,2-3", "-p", "alpha=1//2", "--dry-run", feature="all")
    names = [line.split()[1].rsplit("-", 1)[0] for line in planned.out.splitlines() if line.startswith("run ")]
    assert len(names) == 2 * 3 * 2 + 2 * 3
    assert planned.out.endswith("\n18 cells, 0 stored, 18 to run; time unknown until the first is done\n")
    assert len(set(names)) == 2 * 3 * 2 and names.count("ours-bars-slant-s2") == 2
    everything = on_bars("all", "--dry-run")
    cells, missing = everything.out.split("missing or wrong, so not all of these can run yet:\n")
    assert {"ours", "original", "latent_edit", "reject", "retrain"} <= {
        line.split()[1].split("-")[0] for line in cells.splitlines()
    }
    assert "waits   retrain-bars-thickness-s0" in cells and "MNIST is needed" in missing
    assert not (tmp_path / "runs").exists()


def test_dry_run_and_show_config_write_nothing(on_bars, bench_cli, bars, tmp_path):
    dry = on_bars("ours", "--dry-run")
    assert dry.code == 0 and dry.out.startswith("run     ours-bars-thickness-s0-")
    assert "(no stored result; time unknown: never measured)" in dry.out
    shown = json.loads(on_bars("ours", "--show-config", "-p", "alpha=2").out)
    assert shown["params"]["alpha"] == 2.0 and shown["settings"]["feedback"]["count"] == 100
    untrained = bench_cli(
        "run", "--method", "ours", "--model", "bars", "--dataset", "mnist", "--feature", "slant", "--dry-run",
        "--plugins", bars.folder.path, "--results", tmp_path / "runs",
    )  # fmt: skip
    assert untrained.code == 0 and untrained.out.startswith(
        "train   bars on mnist  (generator; time unknown: its images are not here)\n"
    )
    assert "\nwaits   ours-bars-slant-s0  (something is missing" in untrained.out
    assert "  MNIST is " in untrained.out, "what the training needs"
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_names_what_the_run_would_refuse(on_bars, tmp_path):
    planned = on_bars("ours", "--feedback", tmp_path / "nowhere.json", "--dry-run").out
    assert planned.startswith("waits ") and f"--feedback {tmp_path / 'nowhere.json'}" in planned
    (tmp_path / "file.safetensors").write_bytes(b"nothing")
    planned = on_bars("ours", "--weights", tmp_path / "file.safetensors", "--dry-run").out
    assert planned.startswith("waits ") and f"\n  {tmp_path / 'file.safetensors'}: " in planned


def test_a_dry_run_knows_what_is_stored_and_how_long_it_took(on_bars):
    on_bars("original")
    planned = on_bars("original", "--seed", "0,1", "--dry-run").out.splitlines()
    assert planned[0].startswith("cached ") and planned[0].endswith("(stored with status ok)")
    assert planned[1].startswith("run ") and "(no stored result; about " in planned[1]
    assert "time: median of the stored cells of the method and model" in planned


def test_a_training_that_seeds_share_counts_once_in_a_plan(bench_cli, mnist_dir, tmp_path):
    shared = bench_cli(
        *("run", "--method", "retrain", "--model", "vae", "--feature", "slant", "--seed", "0,3,6", "--dry-run"),
        *("--data-dir", mnist_dir, "--results", tmp_path / "runs"),
    ).out
    assert shared.count("(no stored result; about 12 min)") == 1
    assert shared.count("evaluation alone, its training is another cell's or done; about 2 s)") == 2
    assert shared.endswith("\n3 cells, 0 stored, 3 to run; about 12 min\n")


def test_weights_that_are_stored_are_not_counted_again_unless_all_runs_again(on_bars, tmp_path):
    assert on_bars("ours", *QUICK).code == 0
    (cell,) = (tmp_path / "runs").glob("ours-*")
    shutil.rmtree(cell)

    def planned(*more, method="ours"):
        return on_bars(method, *QUICK, "--dry-run", *more).out.splitlines()[0]

    assert "evaluation alone, its training is another cell's or done" in planned()
    assert "evaluation alone" not in planned("--overwrite", "always")
    assert "evaluation alone" not in planned("--seed", "1")


def test_commas_alone_select_nothing_and_are_refused(on_bars):
    assert on_bars(",").code == 4
