"""A record says how consistent the clicks were, if the page that took them knows; and nothing else depends on it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bench.api.feedback import Feedback
from bench.feedback import repeats
from bench.feedback.file import to_file
from bench.workspace.store.record import Repeats


@pytest.fixture
def clicks(bars, tmp_path):
    """Return a feedback file on the model ``bars``, with what the page says of it."""
    path = tmp_path / "clicks.json"
    generator = bars.original.generator
    wide = Feedback(np.zeros(0, bool), "feedback/0").noise(0, 100, 6)[:, 0].numpy() > 0.8
    made = to_file(path, Feedback(wide, "feedback/0"), "bars", bars.original.sha256, generator, None, "thickness")
    path.write_text(made.model_dump_json())
    repeats.write(path, Repeats(pairs=20, agreeing=18))
    return path


def ran(on_bars, clicks):
    done = on_bars("ours", "--feedback", clicks, "-p", "epochs=2", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_record_holds_it(on_bars, clicks):
    with_it = ran(on_bars, clicks)
    assert with_it["provenance"]["feedback"]["repeats"] == {"pairs": 20, "agreeing": 18}
    repeats.file_for(clicks).unlink()
    assert ran(on_bars, clicks)["key"] == with_it["key"], "the same cell"


def test_a_damaged_file_is_told_before_anything_runs(on_bars, clicks):
    path = repeats.file_for(clicks)
    path.write_text(path.read_text().replace("18", "20"))
    done = on_bars("ours", "--feedback", clicks, "-p", "epochs=2")
    assert done.code != 0 and "clicks.repeats.json: cannot be used (was changed since it was written" in done.err
