"""Files of each kind with a flipped bit, truncated, or made to take long: ``tests/faults/test_damaged.py`` tries more."""

from __future__ import annotations

import pytest
from damage import cost, outcomes
from file_kinds import KINDS
from hostile import HOSTILE

from bench.workspace.settings.suites import load_suite

BY_HAND = {"suite", "attributes", "splits", "clicked"}  # text that people write holds nothing to check it by
FOREIGN = {"foreign", "archive", "noise"}  # of other programs, or checked as a whole elsewhere


@pytest.fixture(autouse=True)
def as_published(monkeypatch):
    """Put back what the IDX file of the tests adds to the published ones."""
    from bench.datasets import mnist

    monkeypatch.setattr(mnist, "PUBLISHED", dict(mnist.PUBLISHED))


@pytest.mark.parametrize("name", sorted(KINDS.keys() - BY_HAND - FOREIGN))
def test_a_damaged_file_is_an_error_or_says_the_same(name, tmp_path):
    found = outcomes(KINDS[name], tmp_path / "damaged", 40, 10)
    assert found["other"] == 0 and found["error"] > 40, found


@pytest.mark.parametrize("name", sorted(BY_HAND | FOREIGN))
def test_other_files_end_in_no_traceback(name, tmp_path):
    found = outcomes(KINDS[name], tmp_path / "damaged", 40, 10)
    assert found["error"] > 5, found


def test_a_damaged_suite_that_can_be_read_is_another_suite(tmp_path):
    """What it says is in the keys and in the records of its cells, so no result of the sound one is taken for it."""
    path = KINDS["suite"].make(tmp_path)
    sound = load_suite(str(path))
    path.write_text(path.read_text("utf-8").replace("count = 300", "count = 301"), "utf-8")
    other = load_suite(str(path))
    assert (sound.models["vae"].feedback.count, other.models["vae"].feedback.count) == (300, 301)


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, cases in HOSTILE.items() for what in cases])
def test_a_hostile_file_is_an_error_soon_and_in_little_memory(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, seconds, megabytes = cost(KINDS[name], tmp_path / "hostile", HOSTILE[name][what]())
    assert found == "error" and megabytes < 200, (seconds, megabytes)
    assert seconds < 10, "CPU time; 2 s on a quiet machine"
    assert not (tmp_path / "was-run").exists()
