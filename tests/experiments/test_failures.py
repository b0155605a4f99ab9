"""What goes wrong in a cell: it is told, stored, and spoils no other."""

from __future__ import annotations

import pytest
from small_cells import QUICK, folders, records


def test_a_diverging_method_is_told_with_its_step_and_nothing_is_reused(plugins, on_bars, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.api.context.CHECKPOINT_SECONDS", -1.0)  # a checkpoint after every step
    monkeypatch.setattr("bench.api.context.SAVING_SHARE", 0)
    plugins.add("wild")
    done = on_bars("wild", "--json", plugins=plugins.path)
    assert done.code == 1
    (record,) = records(done)
    assert record["status"] == "diverged" and record["metrics"] == {} and record["artefacts"].keys() <= {"losses"}
    assert record["reason"].startswith("training diverged: loss = nan at step 7. Nothing from this run is reused.")
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
    assert "needy-bars-" in done.err and "MNIST is needed" in done.err, "something to mend: told, not stored"
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
    monkeypatch.setattr("bench.feedback.oracle.top_fraction_threshold", lambda scores, fraction: 1e9)
    done = on_bars("ours")
    assert done.code == 4 and "feedback has no positives among 100 samples" in done.err


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
    assert (
        resumed.code == 0
        and f"{path}: this checkpoint cannot be used" in resumed.err
        and "starting again" in resumed.err
    )


SHIFTED = """
from pathlib import Path

student = deepcopy(generator)
student.layer.bias.data.add_(float(Path({file!r}).read_text()))
return Unlearned(student)
"""


@pytest.mark.parametrize("again", ["overwrite", "damaged"])
def test_weights_that_were_made_again_are_evaluated_again(again, plugins, on_bars, tmp_path):
    """A method that reads what no key knows: what was seen of its earlier weights must not pass for the new ones."""
    file = tmp_path / "shift.txt"
    plugins.method("shifting", SHIFTED.format(file=str(file)))
    file.write_text("0")
    first = records(on_bars("shifting", "--json", plugins=plugins.path))[0]
    file.write_text("3")
    if again == "damaged":
        (weights,) = (tmp_path / "runs" / ".stages").glob("unlearn-*/unlearned.safetensors")
        weights.unlink()
        weights.write_bytes(b"damaged")
        next((tmp_path / "runs").glob("shifting-*/result.json")).unlink()
    more = ("--overwrite", "always") if again == "overwrite" else ()
    second = records(on_bars("shifting", "--json", *more, plugins=plugins.path))[0]
    assert second["artefacts"]["weights"] != first["artefacts"]["weights"]
    assert first["metrics"]["retain_change"]["value"] == 0
    assert second["metrics"]["retain_change"]["value"] > 0.01


def test_cells_that_share_an_unlearning_make_it_again_once(plugins, on_bars, tmp_path):
    """``--overwrite always`` is about what was stored before the command."""
    counted = tmp_path / "counted"
    plugins.method(
        "counting",
        f"with open({str(counted)!r}, 'a') as file:\n    file.write('x')\nreturn Unlearned(deepcopy(generator))",
        "reads_feedback = False",
    )
    for runs in ("x", "xx"):
        done = on_bars("counting", "--seed", "0-2", "--overwrite", "always", plugins=plugins.path)
        assert done.code == 0 and counted.read_text() == runs


def test_what_a_method_declines_needs_no_process(plugins, on_bars, monkeypatch):
    plugins.method("choosy", "raise AssertionError", "def supports(self, model, feature):\n    return 'no'")
    monkeypatch.setattr(
        "bench.experiments.execution.isolated.run_apart", lambda *_: pytest.fail("a process was started")
    )
    (record,) = records(on_bars("choosy", "--json", plugins=plugins.path))
    assert (record["status"], record["reason"]) == ("skipped", "no")
