"""One long training gives every shorter budget of ``benchmarks/paper_trends.py``, to the last bit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch

import bench


def test_a_student_kept_on_the_way_is_that_of_a_shorter_training(workspace, monkeypatch):
    path = Path(__file__).parents[2] / "benchmarks" / "paper_trends.py"
    spec = importlib.util.spec_from_file_location("paper_trends", path)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "paper_trends", script)  # its dataclass looks its module up
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "BUDGETS", (2, 4))
    known = bench.load("vae-mnist", workspace=workspace)
    feedback = bench.make_feedback(torch.arange(60) % 10 == 0, stream="feedback/0")
    kept = script.students(known.generator, feedback, 0, {"alpha": 5.0})
    for epochs, student in kept.items():
        short = bench.unlearn(known, feedback, "ours", seed=0, epochs=epochs, alpha=5.0, workspace=workspace)
        expected = short.generator.state_dict()
        assert all(torch.equal(tensor, expected[name]) for name, tensor in student.state_dict().items())
    assert set(kept) == {2, 4}
