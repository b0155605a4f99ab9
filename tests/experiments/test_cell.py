from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import bench
from bench.core import randomness
from bench.core.progress import Lines
from bench.core.rendering import to_uint8
from bench.workspace import checkpoint

REPOSITORY = Path(__file__).parents[2]
QUICK = ("-p", "epochs=4", "-p", "batch_size=8")
FIELDS = {"format", 
    "key", "status", "reason", "suite", "method", "model", "dataset", "feature", "seed", "params", "needs", "metrics",
    "skipped_metrics", "provenance", "timings", "artefacts",
}  # fmt: skip


def records(done):
    return [json.loads(line) for line in done.out.splitlines()]


def folders(tmp_path):
    return sorted(p for p in (tmp_path / "runs").iterdir() if p.name != ".stages")


# --- the shipped generator ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped(bench_cli, tmp_path_factory):
    """Run one small cell on the shipped VAE; returns its results folder and record."""
    results = tmp_path_factory.mktemp("shipped")
    done = bench_cli(
        "run", "--method", "ours", "--model", "vae", "--feature", "thickness", "--results", results, "--json",
        "--device", "cpu", "--set", "feedback.count=200", "--set", "evaluation.count=256", "-p", "epochs=25",
    )  # fmt: skip
    assert done.code == 0, done.err
    (folder,) = [p for p in results.iterdir() if p.name != ".stages"]
    return folder, json.loads(done.out)


def test_a_cell_on_the_shipped_vae_is_stored_whole(shipped):
    folder, record = shipped
    assert record == json.loads((folder / "result.json").read_text())
    assert folder.name == f"lite-ours-vae-thickness-s0-{record['key'][:8]}"
    assert record.keys() == FIELDS and record["status"] == "ok" and record["reason"] is None
    assert record["needs"] == [] and record["params"]["epochs"] == 25 and record["params"]["alpha"] == 3.0
    assert record["provenance"]["feedback"]["count"] == 200 and record["provenance"]["feedback"]["positives"] == 20
    assert (
        record["provenance"]["weights"]["sha256"]
        == checkpoint.read(bench.workspace.manifest.path_of("vae-mnist")).sha256
    )
    assert record["provenance"]["data"] == "MNIST (real)" and record["provenance"]["machine"]["threads"] == 1
    assert set(record["timings"]) == {"feedback", "unlearn", "evaluate"}
    for timing in record["timings"].values():
        assert timing["seconds"] > 0 and timing["peak_memory_mb"] > 50
    weights = checkpoint.read(folder / record["artefacts"]["weights"]["file"])
    assert weights.sha256 == record["artefacts"]["weights"]["sha256"]
    assert weights.description["method"] == "ours" and weights.part("identifier").keys() >= {"unit", "threshold"}
    assert (folder / record["artefacts"]["picture"]["file"]).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_its_metrics_are_those_of_the_design(shipped):
    metrics = shipped[1]["metrics"]
    for name in (
        "target_ratio", "original_target_ratio", "roc_auc", "retain_change", "attribute_shift",
        "inception_score[digits]", "fid[digits]", "fid_retain[digits]",
    ):  # fmt: skip
        assert set(metrics[name]) == {"value", "n", "higher_is_better", "low", "high", "source"}, name
    assert metrics["target_ratio"]["value"] < metrics["original_target_ratio"]["value"]
    assert metrics["roc_auc"]["value"] > 0.8 and 0 < metrics["retain_change"]["value"] < 0.2
    assert metrics["fid[digits]"]["source"] == "MNIST (real); extractor digits; 256 samples of vae"
    assert metrics["target_ratio"]["source"] == "MNIST (real); oracle morpho_mnist; 256 samples of vae"
    for value in metrics.values():
        if value["low"] is not None:
            assert value["low"] <= value["value"] <= value["high"]


def test_its_generator_comes_back_and_draws_the_evaluated_images(shipped, bench_cli, tmp_path):
    from bench.registry import Registry

    folder, record = shipped
    loaded = bench.load(folder / "unlearned.safetensors")
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    oracle = Registry().get("classifiers", "morpho_mnist")()
    positives = 0
    for start in range(0, 256, 64):
        images = to_uint8(loaded(randomness.draw(randomness.EVALUATION, range(start, start + 64), loaded.noise_dim)))
        threshold = record["provenance"]["oracle"]["threshold"]
        positives += int((oracle.scores(images, ["thickness"])[:, 0] >= threshold).sum())
    assert positives / 256 == record["metrics"]["target_ratio"]["value"]
    out = tmp_path / "drawn"
    done = bench_cli("sample", "--weights", folder / "unlearned.safetensors", "--count", 5, "--out", out)
    images = [f"{i:06d}.png" for i in range(5)]
    assert done.code == 0 and sorted(p.name for p in out.iterdir()) == [*images, "grid.png", "samples.json"]
    expected = to_uint8(loaded(randomness.draw("sample", range(5), loaded.noise_dim)))[:, 0].numpy()
    for i in range(5):
        with Image.open(out / f"{i:06d}.png") as image:
            assert np.array_equal(np.asarray(image.convert("L")), expected[i])


# --- the same again, and otherwise --------------------------------------------------------------------


def test_the_same_seed_in_two_stores_is_the_same_to_the_last_bit(bars, bench_cli, tmp_path):
    found = []
    for name in ("a", "b"):
        done = bench_cli(
            "run", "--method", "ours,probe,latent_edit,reject", "--model", "bars", "--dataset", "mnist", "--weights",
            bars.weights, "--feature", "slant", "--plugins", bars.folder.path, "--results", tmp_path / name,
            "--set", "feedback.count=100", "--set", "evaluation.count=130", "--device", "cpu", "--json", *QUICK,
        )  # fmt: skip
        assert done.code == 0, done.err
        found.append(records(done))
        torch.randn(7)  # the global random state is another one the second time
    assert [r["metrics"] for r in found[0]] == [r["metrics"] for r in found[1]]
    assert [r["artefacts"]["weights"] for r in found[0]] == [r["artefacts"]["weights"] for r in found[1]]
    assert [r["artefacts"]["picture"] for r in found[0]] == [r["artefacts"]["picture"] for r in found[1]]
    assert len({r["artefacts"]["weights"]["sha256"] for r in found[0]}) == 4


def test_metrics_do_not_depend_on_the_block_or_on_what_was_cached(on_bars, tmp_path, monkeypatch):
    first = records(on_bars("ours", "--json", *QUICK))[0]
    warm = records(on_bars("ours", "--json", *QUICK, "-p", "lr=0.0011"))[0]  # the original's columns are stored now
    (tmp_path / "runs").rename(tmp_path / "other")
    monkeypatch.setattr("bench.evaluation.passes.BLOCK", 64)
    assert records(on_bars("ours", "--json", *QUICK))[0]["metrics"] == first["metrics"]
    cold = records(on_bars("ours", "--json", *QUICK, "-p", "lr=0.0011", "--overwrite", "always"))[0]
    assert cold["metrics"] == warm["metrics"] != first["metrics"]


def test_a_stored_cell_is_not_run_again_unless_asked(on_bars, tmp_path):
    first = on_bars("ours", "--json", *QUICK)
    (folder,) = folders(tmp_path)
    written = (folder / "result.json").stat().st_mtime_ns
    assert on_bars("ours", "--json", *QUICK).out == first.out
    assert "stored before" in on_bars("ours", *QUICK).out
    assert (folder / "result.json").stat().st_mtime_ns == written
    again = on_bars("ours", "--json", *QUICK, "--overwrite", "always")
    assert (folder / "result.json").stat().st_mtime_ns > written
    assert records(again)[0]["metrics"] == records(first)[0]["metrics"]
    assert records(again)[0]["artefacts"] == records(first)[0]["artefacts"]


def test_seeds_differ_and_the_evaluation_samples_do_not(on_bars):
    a, b = records(on_bars("ours", "--seed", "0,1", "--json", *QUICK))
    assert (a["seed"], b["seed"]) == (0, 1)
    assert a["artefacts"]["weights"]["sha256"] != b["artefacts"]["weights"]["sha256"]
    assert a["provenance"]["stages"]["original"] == b["provenance"]["stages"]["original"]
    assert a["provenance"]["oracle"]["threshold"] != b["provenance"]["oracle"]["threshold"]


# --- grids --------------------------------------------------------------------------------------------


def test_comma_lists_and_all_make_a_grid(on_bars, tmp_path):
    planned = on_bars("ours,original", "--seed", "0,2-3", "-p", "alpha=1//2", "--dry-run", feature="all")
    names = [line.split()[1].rsplit("-", 1)[0] for line in planned.out.splitlines()[:-1]]
    assert len(names) == 2 * 3 * 2 + 2 * 3
    assert planned.out.endswith("\n18 cells, 0 stored, 18 to run; time unknown until the first is done\n")
    assert len(set(names)) == 2 * 3 * 2 and names.count("lite-ours-bars-slant-s2") == 2
    everything = on_bars("all", "--dry-run")
    cells, missing = everything.out.split("missing, before all of these can run:\n")
    assert {"ours", "original", "latent_edit", "reject", "retrain"} <= {
        line.split()[1].split("-")[1] for line in cells.splitlines()
    }
    assert "waits   lite-retrain-bars-thickness-s0" in cells and "MNIST is needed" in missing
    assert not (tmp_path / "runs").exists()


def test_dry_run_and_show_config_write_nothing(on_bars, bench_cli, bars, tmp_path):
    dry = on_bars("ours", "--dry-run")
    assert dry.code == 0 and dry.out.startswith("run     lite-ours-bars-thickness-s0-")
    assert "(no stored result; time unknown: no stored cell of this method and model)" in dry.out
    shown = json.loads(on_bars("ours", "--show-config", "-p", "alpha=2").out)
    assert shown["params"]["alpha"] == 2.0 and shown["settings"]["feedback"]["count"] == 100
    untrained = bench_cli(
        "run", "--method", "ours", "--model", "bars", "--dataset", "mnist", "--feature", "slant", "--dry-run",
        "--plugins", bars.folder.path, "--results", tmp_path / "runs",
    )  # fmt: skip
    assert untrained.code == 0 and untrained.out.startswith("train   bars on mnist  (time unknown: never measured)\n")
    assert "\nwaits   lite-ours-bars-slant-s0  (something is missing" in untrained.out
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
    assert planned[0].startswith("cached ") and "(stored with status ok; about 0 s: stored)" in planned[0]
    assert planned[1].startswith("run ") and "s: median of the stored cells" in planned[1]


def test_a_training_that_seeds_share_counts_once_in_a_plan(bench_cli, mnist_dir, tmp_path):
    shared = bench_cli(
        *("run", "--method", "retrain", "--model", "vae", "--feature", "slant", "--seed", "0-2", "--dry-run"),
        *("--data-dir", mnist_dir, "--results", tmp_path / "runs"),
    ).out
    assert shared.count("about 12 min: ") == 1 and shared.count("about 2 s: evaluation alone") == 2
    assert shared.endswith("\n3 cells, 0 stored, 3 to run; about 12 min\n")


def test_nothing_selected_is_exit_code_5(on_bars):
    assert on_bars(",").code == 5


def test_a_method_without_feedback_is_trained_once_for_all_seeds(plugins, on_bars, tmp_path, monkeypatch):
    counter = tmp_path / "calls"
    counter.write_text("")
    monkeypatch.setenv("TEST_CALLS", str(counter))
    plugins.add("blind")
    found = records(on_bars("blind", "--seed", "0-2", "--json", plugins=plugins.path))
    assert counter.read_text() == "x"
    assert len({r["provenance"]["stages"]["unlearn"] for r in found}) == 1
    assert len({r["artefacts"]["weights"]["sha256"] for r in found}) == 1
    assert len({r["key"] for r in found}) == 3


@pytest.mark.parametrize("needs", [[], ["oracle"], ["encoder"], ["oracle", "encoder"]])
def test_methods_get_what_they_need_and_nothing_else(needs, plugins, on_bars):
    plugins.add("curious", ("needs = frozenset()", f"needs = frozenset({needs!r})"))
    done = on_bars("curious", "--json", plugins=plugins.path)
    assert done.code == 0, done.out
    assert records(done)[0]["needs"] == sorted(needs)


@pytest.mark.mnist
def test_training_data_is_handed_over_on_demand(plugins, on_bars, mnist_dir, monkeypatch):
    plugins.add("hungry")
    scores = np.where(np.arange(60_000) % 10 == 0, 9.0, 0.0)  # measuring 60,000 images takes a minute
    monkeypatch.setattr("bench.evaluation.targets._scores", lambda *_: scores)
    done = on_bars("hungry", "--data-dir", mnist_dir, "--json", plugins=plugins.path)
    assert done.code == 0, done.out + done.err


# --- what goes wrong ----------------------------------------------------------------------------------


def test_a_diverging_method_is_told_with_its_step_and_nothing_is_reused(plugins, on_bars, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.api.context.CHECKPOINT_SECONDS", -1.0)  # a checkpoint after every step
    plugins.add("wild")
    done = on_bars("wild", "--json", plugins=plugins.path)
    assert done.code == 1
    (record,) = records(done)
    assert record["status"] == "diverged" and record["metrics"] == {} and record["artefacts"] == {}
    assert record["reason"].startswith("training diverged: loss = nan at step 7. Nothing of this run is reused.")
    assert not list((tmp_path / "runs" / ".stages").glob("unlearn-*/*.pt"))
    assert not list((tmp_path / "runs").rglob("*.safetensors"))
    planned = on_bars("wild", "--dry-run", plugins=plugins.path).out
    assert planned.startswith("run ") and "stored with status diverged" in planned
    assert "wild bars thickness seed 0: diverged: training diverged" in on_bars("wild", plugins=plugins.path).out
    assert on_bars("wild", "--dry-run", "--overwrite", "never", plugins=plugins.path).out.startswith("cached ")
    assert on_bars("wild", "--overwrite", "never", plugins=plugins.path).code == 1


def test_weights_that_are_not_finite_are_diverged_even_if_no_loss_was_logged(plugins, on_bars):
    plugins.method("silent", "student = deepcopy(generator)\nstudent.layer.bias.data[0] = float('inf')\nreturn Unlearned(student)")  # fmt: skip  # noqa: E501
    plugins.method(
        "score",
        "score = torch.nn.Linear(6, 1)\nscore.weight.data[0, 0] = float('nan')\n"
        "return Unlearned(deepcopy(generator), score)",
        "def rebuild(self, original, oracle):\n    return Unlearned(deepcopy(original), torch.nn.Linear(6, 1))",
    )
    for record in records(on_bars("silent,score", "--json", plugins=plugins.path)):
        assert record["status"] == "diverged" and "weights " in record["reason"], record["reason"]


def test_a_failing_method_stops_no_other_cell(plugins, on_bars):
    plugins.method("broken", "raise KeyError('lost')")
    plugins.method("leaving", "raise SystemExit(0)")
    plugins.method("needy", "return Unlearned(deepcopy(generator))", 'needs = frozenset({"training_data"})')
    done = on_bars("broken,leaving,needy,original", "--json", plugins=plugins.path)
    assert done.code == 1
    found = [(r["method"], r["status"]) for r in records(done)]
    assert found == [("broken", "failed"), ("leaving", "failed"), ("original", "ok")]
    failed = records(done)[0]
    assert failed["reason"].startswith("KeyError: 'lost'\nTraceback") and "broken.py" in failed["reason"]
    assert "-needy-bars-" in done.err and "MNIST is needed" in done.err, "something to mend: told, not stored"
    again = on_bars("broken,original", "--dry-run", plugins=plugins.path).out
    assert "stored with status failed" in again and again.count("cached ") == 1


@pytest.mark.parametrize(
    "harm", ["generator.layer.bias.data.add_(1.0)", "generator.layer.weight.data.zero_(); raise KeyError('x')"]
)
def test_a_method_that_spoils_the_original_fails_and_spoils_no_other_cell(harm, plugins, on_bars):
    plugins.method("spoiler", f"generator.train()\n{harm}\nreturn Unlearned(deepcopy(generator))")
    done = on_bars("spoiler,ours", "--seed", "6", "--json", *QUICK, plugins=plugins.path)
    first, second = records(done)
    assert first["status"] == "failed"
    assert "changed the original" in first["reason"] or "KeyError: 'x'" in first["reason"]
    after = second["metrics"]
    assert second["status"] == "ok" and after["original_target_ratio"]["n"] == 130
    alone = records(on_bars("ours", "--seed", "6", "--json", *QUICK, "--overwrite", "always"))[0]
    assert alone["metrics"] == second["metrics"]


def test_a_method_may_decline_with_its_reason(plugins, on_bars):
    plugins.method(
        "choosy",
        "raise AssertionError('it ran')",
        "def supports(self, model, feature):\n    return None if feature == 'slant' else f'{model} has no {feature}'",
    )
    done = on_bars("choosy", "--json", plugins=plugins.path)
    assert done.code == 0
    assert (records(done)[0]["status"], records(done)[0]["reason"]) == ("skipped", "bars has no thickness")
    assert on_bars("choosy", plugins=plugins.path).out.startswith(
        "choosy bars thickness seed 0: skipped: bars has no thickness"
    )
    assert on_bars("choosy", "--dry-run", plugins=plugins.path).out.startswith("cached ")
    assert on_bars("choosy", plugins=plugins.path, feature="slant").code == 1


def test_feedback_without_positives_is_one_clear_message(on_bars, monkeypatch):
    monkeypatch.setattr("bench.feedback.oracle.top_fraction_threshold", lambda scores, fraction: np.inf)
    done = on_bars("ours")
    assert done.code == 4 and "feedback has no positives among 100 samples" in done.err


def test_the_smallest_counts_work(bars, bench_cli, tmp_path):
    done = bench_cli(
        "run", "--method", "ours", "--model", "bars", "--dataset", "mnist", "--weights", bars.weights, "--feature",
        "slant", "--plugins", bars.folder.path, "--results", tmp_path, "--json", "--set", "feedback.count=2",
        "--set", "evaluation.count=2", "-p", "epochs=1", "-p", "batch_size=2",
    )  # fmt: skip
    assert done.code == 0, done.out + done.err
    record = records(done)[0]
    assert record["metrics"]["target_ratio"]["n"] == 2
    assert set(record["metrics"]) | set(record["skipped_metrics"]) >= {"roc_auc", "retain_change"}


def test_a_damaged_stage_is_made_again(on_bars, tmp_path, interrupt_at):
    whole = records(on_bars("ours", "--json", *QUICK))[0]
    stages = tmp_path / "runs" / ".stages"
    for pattern in ("feedback-*/feedback.json", "original-*/columns.npz", "unlearn-*/unlearned.safetensors"):
        (path,) = stages.glob(pattern)
        content = bytearray(path.read_bytes())
        for damaged in (content[: len(content) // 2], b"", bytes(len(content))):
            path.unlink()
            path.write_bytes(damaged)
            (folder,) = folders(tmp_path)
            (folder / "result.json").unlink()
            again = on_bars("ours", "--json", *QUICK)
            assert again.code == 0, (pattern, again.out, again.err)
            assert records(again)[0]["metrics"] == whole["metrics"]
            assert records(again)[0]["artefacts"] == whole["artefacts"]
    heal = interrupt_at(2)
    assert on_bars("ours", "--seed", "1", *QUICK).code == 2
    heal()
    (path,) = stages.glob("unlearn-*/checkpoint.pt")
    path.write_bytes(path.read_bytes()[:1000])
    resumed = on_bars("ours", "--seed", "1", *QUICK)
    assert resumed.code == 0 and f"{path}: is damaged" in resumed.err and "starting again" in resumed.err


# --- interruptions ------------------------------------------------------------------------------------


@pytest.fixture
def interrupt_at(monkeypatch):
    """Send Ctrl-C to this process when the given step of the unlearning is done."""

    def plan(step, stage="unlearn"):
        plain = Lines.advance
        counted = {"done": 0}

        def advance(self, count=1):
            plain(self, count)
            if self.label.startswith(stage):
                counted["done"] += count
                if counted["done"] == step:
                    os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(Lines, "advance", advance)
        return lambda: monkeypatch.setattr(Lines, "advance", plain)

    return plan


def test_ctrl_c_leaves_a_cell_that_goes_on_to_the_same_weights(on_bars, tmp_path, interrupt_at, monkeypatch):
    whole = records(on_bars("ours", "--json", "-p", "epochs=12"))[0]
    (tmp_path / "runs").rename(tmp_path / "whole")
    heal = interrupt_at(5)
    stopped = on_bars("ours", "-p", "epochs=12")
    assert stopped.code == 2
    assert stopped.err == "Interrupted (stopped after step 5 of 12). The same command goes on where it stopped.\n"
    (folder,) = folders(tmp_path)
    assert not (folder / "result.json").exists()
    heal()
    assert on_bars("ours", "-p", "epochs=12", "--dry-run").out.startswith("resume ")
    seen = []
    monkeypatch.setattr(Lines, "start", lambda self, total, done=0, label="": seen.append((label, done)))
    resumed = records(on_bars("ours", "--json", "-p", "epochs=12"))[0]
    assert ("unlearn (ours)", 5) in seen
    assert resumed["artefacts"]["weights"] == whole["artefacts"]["weights"]
    assert resumed["metrics"] == whole["metrics"]
    assert not list((tmp_path / "runs").rglob("checkpoint.pt"))


@pytest.mark.parametrize("step", [1, 12])
def test_ctrl_c_at_the_first_and_at_the_last_step(step, on_bars, tmp_path, interrupt_at):
    whole = records(on_bars("probe", "--json", "-p", "epochs=12", "-p", "probe_steps=20"))[0]
    (tmp_path / "runs").rename(tmp_path / "whole")
    heal = interrupt_at(step)
    assert on_bars("probe", "-p", "epochs=12", "-p", "probe_steps=20").code == 2
    heal()
    resumed = records(on_bars("probe", "--json", "-p", "epochs=12", "-p", "probe_steps=20"))[0]
    assert resumed["artefacts"]["weights"] == whole["artefacts"]["weights"]


def test_ctrl_c_during_the_evaluation_keeps_the_unlearned_weights(on_bars, tmp_path, interrupt_at):
    heal = interrupt_at(130, "evaluate")
    stopped = on_bars("ours", *QUICK)
    assert stopped.code == 2 and "Traceback" not in stopped.err
    (weights,) = (tmp_path / "runs").rglob("unlearned.safetensors")
    before = weights.stat().st_mtime_ns
    heal()
    done = on_bars("ours", "--json", *QUICK)
    assert done.code == 0 and weights.stat().st_mtime_ns == before


def test_the_second_ctrl_c_stops_at_once(plugins, on_bars, tmp_path):
    plugins.add("stubborn")
    done = on_bars("stubborn", plugins=plugins.path)
    assert done.code == 2 and done.err.strip() == "Interrupted. The same command goes on where it stopped."
    assert not list((tmp_path / "runs").rglob("result.json"))


KILLER = """
import os, pathlib, signal, sys
import bench.cli, bench.api.context

argv = sys.argv[1:]
bench.api.context.CHECKPOINT_SECONDS = -1  # a checkpoint after every step
plain, moves = pathlib.Path.replace, 0


def run(*more):
    sys.argv = ["bench", *argv, *more]
    try:
        bench.cli.main()
    except SystemExit as end:
        return end.code


def killed(results, kill_at):
    # a process of its own by fork, which imports nothing again
    child = os.fork()
    if child == 0:
        def replace(self, target):
            global moves
            moves += 1
            if moves == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(self, target)

        pathlib.Path.replace = replace
        os._exit(run("--method", "ours", "-p", "epochs=2", "-p", "batch_size=8", "--results", results))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


assert run("--method", "latent_edit", "--results", "warm") == 0  # imports all that is used
assert killed("whole", 0) == 0
for kills in range(1, 30):  # just before each file is put in place
    if (code := killed(f"stopped{kills}", kills)) == 0:
        break
    assert code == -signal.SIGKILL, code
    assert killed(f"stopped{kills}", 0) == 0
print("kills", kills)
"""


def test_sigkill_at_every_write_leaves_nothing_torn_and_the_same_command_ends_alike(bars, tmp_path):
    """A cell writes feedback, checkpoints, timing, weights, columns, picture and result: it is killed at each."""
    done = subprocess.run(
        [
            sys.executable, "-c", KILLER, "run", "--model", "bars", "--dataset", "mnist", "--weights",
            str(bars.weights), "--feature", "thickness", "--plugins", str(bars.folder.path), "--device", "cpu",
            "--json", "--set", "feedback.count=30", "--set", "evaluation.count=40",
            "--set", "evaluation.metrics=target_ratio",
        ],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "kills 9"  # eight files, and a ninth run that was not killed
    results = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("[ws][ht]o*/*ours*/result.json"))]
    assert len(results) == 10 and {r["status"] for r in results} == {"ok"}
    assert len({json.dumps([r["metrics"], r["artefacts"]], sort_keys=True) for r in results}) == 1
    for path in tmp_path.glob("*/*ours*/unlearned.safetensors"):
        checkpoint.read(path)
