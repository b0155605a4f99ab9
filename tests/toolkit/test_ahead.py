"""What a step needs, prepared while the step before runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from bench.toolkit.ahead import prepared

CPU = torch.device("cpu")
PATIENCE = 30.0  # seconds, only waited for by a test that fails


@pytest.fixture(params=[1, 2])
def threads(request) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_every_step_gets_its_own_preparation(threads):
    found = list(prepared(range(3, 7), 7, lambda step: (step, torch.get_num_threads()), CPU))
    assert found == [(step, (step, 1)) for step in range(3, 7)]
    assert torch.get_num_threads() == threads
    assert list(prepared([], 7, lambda step: 1 / 0, CPU)) == []


def test_the_next_step_is_prepared_meanwhile_if_there_is_a_thread_for_it(threads):
    begun = threading.Event()

    def prepare(step: int) -> int:
        if step == 1:
            begun.set()
        return threading.get_ident()

    steps = prepared(range(2), 2, prepare, CPU)
    _, where = next(steps)
    assert begun.wait(PATIENCE) if threads == 2 else not begun.is_set()
    assert (where == threading.get_ident()) == (threads == 1)
    assert len(list(steps)) == 1


def test_an_error_reaches_the_step_that_needs_it_and_the_threads_come_back(threads):
    def prepare(step: int) -> int:
        if step == 2:
            raise ValueError("step 2")
        return step

    seen = []
    with pytest.raises(ValueError, match="step 2"):
        seen.extend(step for step, _ in prepared(range(4), 4, prepare, CPU))
    assert torch.get_num_threads() == threads


def test_a_loop_that_stops_early_puts_the_threads_back(threads):
    for step, _ in prepared(range(5), 5, lambda step: step, CPU):
        if step == 1:
            break
    assert torch.get_num_threads() == threads
