"""``bench doctor --verify`` names every stored file that is not what was stored, and data that are not what they claim."""

from __future__ import annotations

import random
import shutil

import pytest
from small_cells import QUICK

from bench.workspace.store import seals


@pytest.fixture
def runs(on_bars, tmp_path):
    assert on_bars("ours,latent_edit", *QUICK).code == 0
    return tmp_path / "runs"


@pytest.fixture
def doctor(bench_cli, runs, bars):
    """Return the problems that the doctor finds."""

    def call(*more):
        done = bench_cli("doctor", "--results", runs, "--plugins", bars.folder.path, "--device", "cpu", *more)
        found = [line.removeprefix("PROBLEM: ") for line in done.out.splitlines() if line.startswith("PROBLEM: ")]
        assert done.code == (1 if found else 0), done.out + done.err
        return found

    return call


def test_what_is_sound_is_no_problem(doctor):
    assert doctor() == doctor("--verify") == []


def test_exchanged_weights_are_noticed(doctor, runs):
    """Each file is sound by itself."""
    first, second = sorted(runs.glob("*/unlearned.safetensors"))
    kept = second.read_bytes()
    second.unlink()
    shutil.copyfile(first, second)
    assert doctor() == []
    assert doctor("--verify") == [f"{second}: is not the file that the record names: another one, or changed since"]
    second.write_bytes(kept)
    assert doctor("--verify") == []
    first.unlink()
    assert doctor("--verify") == [f"{first}: is missing"]


def test_a_changed_bit_of_any_stored_file_is_noticed(doctor, runs):
    draw = random.Random(0)
    files = [path for path in sorted(runs.rglob("*")) if path.is_file() and path.name != ".lock"]
    assert {path.name for path in files} >= {
        "result.json", "unlearned.safetensors", "before-after.png", "feedback.json", "timing.json", "columns.npz", seals.SEAL,
    }  # fmt: skip
    for path in files:
        whole = path.read_bytes()
        bit = draw.randrange(8 * (len(whole) - 1))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert any(str(path) in problem or str(path.parent) in problem for problem in doctor("--verify")), (path, bit)
        path.write_bytes(whole)
    assert doctor("--verify") == []


def test_what_is_made_for_all_cells_is_verified(doctor, runs):
    for name in ("statistics/mnist-x-statistics-0123456789abcdef", "pretrained/vae-mnist-0123456789abcdef"):
        path = runs.parent / f"{name}.safetensors"
        path.parent.mkdir()
        path.write_bytes(b"half")
        shutil.copyfile(path, path.with_name("of-a-stranger.safetensors"))
        (problem,) = doctor("--verify")
        assert problem.startswith(f"{path}: not a safetensors checkpoint")
        path.unlink()


def test_files_of_another_data_set_in_mnist_s_place_are_a_problem(doctor, tmp_path):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    assert doctor("--data-dir", tmp_path / "data") == [], "a data set that is not here is no problem"
    head = bytes.fromhex("00000803 0000ea60 0000001c 0000001c".replace(" ", ""))
    (raw / "train-images-idx3-ubyte").write_bytes(head + bytes(60_000 * 784))
    for name, problem in zip(("mnist", "mnist_digits"), doctor("--data-dir", tmp_path / "data"), strict=True):
        file = raw / "train-images-idx3-ubyte"
        assert problem.startswith(f"data set {name}: {file}: is damaged or of another data set")


@pytest.mark.mnist
def test_the_test_split_is_verified_too(doctor, mnist_dir, tmp_path):
    raw = tmp_path / "data" / "MNIST" / "raw"
    shutil.copytree(mnist_dir / "MNIST" / "raw", raw)
    assert doctor("--data-dir", tmp_path / "data", "--verify") == []
    labels = raw / "t10k-labels-idx1-ubyte"
    labels.chmod(0o644)
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x01")
    assert doctor("--data-dir", tmp_path / "data") == []
    assert doctor("--data-dir", tmp_path / "data", "--verify")[0].startswith(f"data set mnist: {labels}: is damaged")
