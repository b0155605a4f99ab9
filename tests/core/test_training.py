from __future__ import annotations

import pytest
import torch

from bench.core import machine
from bench.core.progress import Lines
from bench.toolkit.training import mixed_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("processor", "wanted", "kind"),
    [
        ("AVX512", True, torch.bfloat16),
        ("AVX512", False, torch.float32),
        ("AVX2", True, torch.float32),  # emulated there, ten times slower than float32
        ("DEFAULT", True, torch.float32),
    ],
)
def test_bfloat16_where_the_processor_has_it(processor, wanted, kind, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    with mixed_precision(CPU, wanted):
        assert torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).dtype == kind
    assert machine.provenance(CPU)["bfloat16"] == (processor == "AVX512")


def test_the_time_left_of_a_resumed_training_counts_only_its_own_steps(monkeypatch, capsys):
    now = iter([0.0, 0.0, 20.0])  # made, started, advanced
    monkeypatch.setattr("bench.core.progress.time.monotonic", lambda: next(now))
    lines = Lines()
    lines.start(total=110, done=90, label="training")
    lines.advance(10)
    assert capsys.readouterr().err == "  training 100/110, about 20 s left\n"
