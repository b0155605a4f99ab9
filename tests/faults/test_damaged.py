"""Every kind of file with 1,000 flipped bits and 100 truncations: what became of each is printed with ``-s``."""

from __future__ import annotations

import click
import pytest
from damage import cost, outcomes
from file_kinds import KINDS
from hostile import HOSTILE

from bench.datasets import mnist

pytestmark = pytest.mark.faults

FLIPS, TRUNCATIONS = 1000, 100
TOLD = ("record", "weights", "checkpoint", "columns", "idx", "png", "feedback", "samples", "repeats")


@pytest.mark.parametrize("name", [*TOLD, "suite"])
def test_no_damage_changes_what_is_read_without_a_word(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "PUBLISHED", dict(mnist.PUBLISHED))
    found = outcomes(KINDS[name], tmp_path / "damaged", FLIPS, TRUNCATIONS)
    with capsys.disabled():
        click.echo(f"{name}: {found['error']} errors that name it, {found['same']} as before, {found['other']} other")
    assert found.total() == FLIPS + TRUNCATIONS
    assert found["other"] == 0 or name == "suite", "a suite is text that people write: it is another suite then"


def test_what_hostile_files_cost(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "PUBLISHED", dict(mnist.PUBLISHED))
    most = {"seconds": 0.0, "MB": 0.0}
    for name, cases in HOSTILE.items():
        for make in cases.values():
            found, seconds, megabytes = cost(KINDS[name], tmp_path / "hostile", make())
            assert found == "error"
            most = {"seconds": max(most["seconds"], seconds), "MB": max(most["MB"], megabytes)}
    with capsys.disabled():
        click.echo(
            f"{sum(map(len, HOSTILE.values()))} hostile files: at most {most['seconds']:.2f} s, {most['MB']:.0f} MB"
        )
    assert most["MB"] < 200
