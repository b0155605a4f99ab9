"""A record tells all software and machines behind its numbers, those of the stages that it shares included."""

from __future__ import annotations

import torch
from small_cells import records

from bench.workspace.store.record import Record


def test_stages_that_other_threads_made_are_told(on_bars):
    (first,) = records(on_bars("original", "--json"))
    assert first["provenance"]["stage_machines"] == {}
    torch.set_num_threads(2)
    try:
        (second,) = records(on_bars("latent_edit", "--json"))
    finally:
        torch.set_num_threads(1)
    found = second["provenance"]
    assert found["machine"]["threads"] == 2
    assert {name: facts["threads"] for name, facts in found["stage_machines"].items()} == {
        "cut": 1,
        "feedback": 1,
        "original": 1,
    }
    assert {facts.threads for facts in Record.model_validate(second).machines} == {1, 2}
    assert {"torch", "numpy", "scikit-image"} <= found["machine"]["packages"].keys()
