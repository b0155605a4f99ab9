"""The list of shipped weights: damaged, it is named in one sentence, whichever bit it was."""

from __future__ import annotations

import json
import random

import pytest

from bench.core.files import file_sha256
from bench.errors import CheckpointError
from bench.workspace import manifest


@pytest.fixture
def copied(tmp_path, monkeypatch):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifest.MANIFEST.read_bytes())
    monkeypatch.setattr(manifest, "MANIFEST", path)
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path)
    return path


def refused():
    with pytest.raises(CheckpointError) as error:
        manifest.entries()
    told = str(error.value)
    assert told.startswith(f"{manifest.MANIFEST}: the list of shipped weights is damaged (")
    assert told.endswith("). Reinstall the package.")
    return told


def test_a_flipped_bit_is_noticed_or_changes_nothing(copied):
    whole, before, draw = copied.read_bytes(), manifest.entries(), random.Random(0)
    noticed = 0
    for _ in range(300):
        bit = draw.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        copied.write_bytes(damaged)
        try:
            assert manifest.entries() == before, "only the space between values changed"
        except CheckpointError:
            noticed += 1
            refused()
    assert noticed > 250


@pytest.mark.parametrize("length", [0, 1, 100, 1000])
def test_a_cut_list_is_noticed(copied, length):
    copied.write_bytes(copied.read_bytes()[:length])
    refused()


@pytest.mark.parametrize("content", ["[]", "3", "{}", '{"a": 3, "sha256": ""}', "[" * 100_000])
def test_something_else_is_not_the_list(copied, content):
    copied.write_text(content)
    refused()


def test_every_command_that_reads_it_says_so(copied, bench_cli):
    copied.write_text(copied.read_text().replace("vae trained", "vae learnt"))
    for command in (["zoo", "list"], ["run", "--method", "ours", "--model", "vae", "--feature", "slant"]):
        done = bench_cli(*command)
        assert done.code == 4 and done.err.count("\n") == 1 and "list of shipped weights is damaged" in done.err
    done = bench_cli("doctor")
    assert done.code == 1 and f"PROBLEM: {copied}: the list of shipped weights is damaged" in done.out


def test_an_added_file_is_listed_with_the_others(copied, tmp_path):
    (tmp_path / "mine.safetensors").write_bytes(b"weights")
    manifest.add("aaa", tmp_path / "mine.safetensors", "model", "mine", "bench pretrain")
    added, *others = manifest.entries().items()
    assert added[0] == "aaa" and added[1].sha256 == file_sha256(tmp_path / "mine.safetensors")
    assert list(json.loads(copied.read_text())) == sorted(["sha256", "aaa", *(name for name, _ in others)])
