"""A flipped bit in any stored file is noticed: the file is named and made again, and the outcome is that of sound files."""

from __future__ import annotations

import random
import shutil

import pytest
from small_cells import QUICK, records

PATTERNS = (
    ".stages/feedback-*/feedback.json", ".stages/feedback-*/sealed.json", ".stages/unlearn-*/unlearned.safetensors",
    ".stages/unlearn-*/timing.json", ".stages/unlearn-*/sealed.json", ".stages/original-*/columns.npz",
    ".stages/columns-*/columns.npz",
)  # fmt: skip


def flip(path, draw):
    """Flip one bit of a file in a copy of its own: a weights file may be one with the cell's."""
    content = bytearray(path.read_bytes())
    bit = draw.randrange(8 * (len(content) - 1))  # the last byte of JSON is a line break
    content[bit // 8] ^= 1 << bit % 8
    path.unlink()
    path.write_bytes(content)


def outcome(done):
    assert done.code == 0, done.out + done.err
    (record,) = records(done)
    return record["metrics"], record["artefacts"]


@pytest.fixture
def whole(on_bars, tmp_path):
    """Run a cell, keep its folder, and return what came of it."""
    found = outcome(on_bars("ours", "--json", *QUICK))
    shutil.copytree(tmp_path / "runs", tmp_path / "kept")
    return found


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_stage(pattern, whole, on_bars, tmp_path):
    draw = random.Random(pattern)
    for _ in range(3):
        shutil.rmtree(tmp_path / "runs")
        shutil.copytree(tmp_path / "kept", tmp_path / "runs")
        (path,) = (tmp_path / "runs").glob(pattern)
        flip(path, draw)
        (result,) = (tmp_path / "runs").glob("*/result.json")
        result.unlink()
        again = on_bars("ours", "--json", *QUICK)
        assert outcome(again) == whole
        assert f"{path.parent}" in again.err and "is made again" in again.err, "it is named"


def test_a_record(whole, on_bars, bench_cli, tmp_path):
    (path,) = (tmp_path / "runs").glob("*/result.json")
    draw = random.Random(0)
    for i in range(1, 6):
        flip(path, draw)
        status = bench_cli("status", "--results", tmp_path / "runs")
        assert f"unreadable {path}" in status.out
        assert on_bars("ours", "--dry-run", *QUICK).out.startswith("run ")
        assert outcome(on_bars("ours", "--json", *QUICK)) == whole
        assert path.with_name(f"result.json.{i}.unreadable").exists(), "what was there is kept"


def test_a_training_checkpoint(on_bars, interrupt_at, tmp_path):
    whole = outcome(on_bars("ours", "--json", *QUICK))
    shutil.rmtree(tmp_path / "runs")
    heal = interrupt_at(2)
    assert on_bars("ours", *QUICK).code == 2
    heal()
    shutil.copytree(tmp_path / "runs", tmp_path / "half")
    draw = random.Random(1)
    for _ in range(5):
        shutil.rmtree(tmp_path / "runs")
        shutil.copytree(tmp_path / "half", tmp_path / "runs")
        (path,) = (tmp_path / "runs").glob(".stages/unlearn-*/checkpoint.pt")
        flip(path, draw)
        again = on_bars("ours", "--json", *QUICK)
        assert outcome(again) == whole
        assert f"{path}: this checkpoint cannot be used" in again.err and "starting again" in again.err
