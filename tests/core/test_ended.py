"""How a process ended, in words."""

from __future__ import annotations

import pytest

from bench.core.processes.line import Ended, how_ended
from bench.experiments.execution import worker_process


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "ended with exit code 3"),
        (-9, "was killed by signal 9 (SIGKILL)"),
        (-99, "was killed by signal 99"),
    ],
)
def test_an_exit_code_and_a_signal_are_told_in_the_same_words_everywhere(code, said):
    assert how_ended(code) == said and str(Ended(code)) == f"the process {said} before it was done"
    assert worker_process.how_ended is how_ended
