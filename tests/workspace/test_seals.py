"""Sealed stages: only what is complete, unchanged and of the same key is used again."""

from __future__ import annotations

import random

import pytest
import torch

from bench.core import machine, sealed
from bench.core.progress import silent
from bench.workspace.store import seals

KEY, CPU = "ab" * 32, torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / f"unlearn-{KEY[:16]}"
    found.mkdir()
    (found / "weights").write_bytes(bytes(range(256)) * 4)
    (found / "timing.json").write_text('{"seconds": 0.25}')
    return found


def test_a_stage_counts_once_it_is_sealed(folder):
    assert not seals.is_sealed(folder, KEY, silent())
    seals.seal(folder, KEY, CPU, "weights", "timing.json")
    assert seals.is_sealed(folder, KEY, silent()) and seals.fault_of(folder) is None
    assert seals.made_by(folder) == machine.provenance(CPU)
    seals.open_seal(folder)
    assert seals.made_by(folder) is None and not seals.is_sealed(folder, KEY, silent())


def test_a_changed_bit_anywhere_is_noticed(folder):
    seals.seal(folder, KEY, CPU, "weights", "timing.json")
    draw = random.Random(0)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for _ in range(200):
            bit = draw.randrange(8 * len(whole))
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            assert not seals.is_sealed(folder, KEY, silent()), (path.name, bit)
        path.write_bytes(whole[:-2])  # of JSON, more than the last line break
        assert not seals.is_sealed(folder, KEY, silent())
        path.write_bytes(whole)
    assert seals.is_sealed(folder, KEY, silent())


def test_a_folder_of_another_key_is_not_used(folder):
    """Two keys that begin alike share a folder's name."""
    seals.seal(folder, KEY, CPU, "weights")
    other = KEY[:16] + "cd" * 24
    assert not seals.is_sealed(folder, other, silent())
    seals.seal(folder, other, CPU, "weights")
    assert seals.is_sealed(folder, other, silent()) and not seals.is_sealed(folder, KEY, silent())
    foreign = "cd" * 32
    seals.seal(folder, foreign, CPU, "weights")
    assert "belongs to another stage (key cdcdcdcdcdcdcdcd)" in str(seals.fault_of(folder))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "cannot be used (Expecting value"),
        ("[]", "cannot be used (is not a JSON object)"),
        ('{"key": "a", "files": {}}', "cannot be used (has no sha256)"),
        ("[" * 100_000, "cannot be used (is nested more than 100 levels deep"),
        ('{"key": ' + "9" * 5000 + "}", "cannot be used (holds a number of more than 4,300 digits"),
    ],
)
def test_a_seal_that_says_nothing_is_named(content, reason, folder):
    (folder / seals.SEAL).write_text(content)
    assert str(seals.fault_of(folder, KEY)).startswith(f"{folder / seals.SEAL}: {reason}")
    sealed.write(folder / seals.SEAL, {"key": KEY, "files": 3})
    assert f"{folder / seals.SEAL}: cannot be used" in str(seals.fault_of(folder, KEY))
    sealed.write(folder / seals.SEAL, {"key": KEY, "files": {"gone": "0"}})
    assert seals.fault_of(folder, KEY) == f"{folder / 'gone'}: is missing"
