"""Progress on standard error."""

from __future__ import annotations

from bench.core.progress import Lines


def test_the_time_left_of_a_resumed_training_counts_only_its_own_steps(monkeypatch, capsys):
    now = iter([0.0, 0.0, 20.0])  # made, started, advanced
    monkeypatch.setattr("bench.core.progress.time.monotonic", lambda: next(now))
    lines = Lines()
    lines.start(total=110, done=90, label="training")
    lines.advance(10)
    assert capsys.readouterr().err == "  training 100/110, about 20 s left\n"
