"""Ctrl-C at a chosen step."""

from __future__ import annotations

import os
import signal

import pytest

from bench.core.progress import Lines


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
