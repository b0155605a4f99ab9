from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import bench
from bench.errors import CheckpointError
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading

TENSORS = {
    "generator.weight": torch.arange(6, dtype=torch.float32).view(2, 3),
    "generator.half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "generator.steps": torch.tensor(7),
    "encoder.empty": torch.zeros(0, 3),
    "encoder.flags": torch.tensor([True, False]),
}
DESCRIPTION = {"config": {"lr": 0.1, "name": "é"}, "made": ["by", None, True]}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.safetensors"
    checkpoint.save(path, "model", "toy", DESCRIPTION, TENSORS)
    return path


def message(path):
    """Return what reading the file complains of; any other error than CheckpointError fails the test."""
    with pytest.raises(CheckpointError) as error:
        checkpoint.read(path)
    assert str(path) in str(error.value)
    return str(error.value)


# --- round trips --------------------------------------------------------------------------------------


def test_what_is_written_is_read(file):
    stored = checkpoint.read(file)
    assert (stored.kind, stored.name, stored.description) == ("model", "toy", DESCRIPTION)
    assert stored.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(stored.tensors[name], tensor) and stored.tensors[name].dtype == tensor.dtype
    assert set(stored.part("encoder")) == {"empty", "flags"}


def test_the_digest_is_of_the_content(file, tmp_path):
    same = checkpoint.save(tmp_path / "again.safetensors", "model", "toy", DESCRIPTION, dict(reversed(TENSORS.items())))
    assert same == checkpoint.read(file).sha256
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes(), (
        "the same bytes, not only the same content"
    )
    changed = [
        ("unlearned", "toy", DESCRIPTION, TENSORS),
        ("model", "toy2", DESCRIPTION, TENSORS),
        ("model", "toy", {**DESCRIPTION, "made": "otherwise"}, TENSORS),
        ("model", "toy", DESCRIPTION, {**TENSORS, "generator.weight": TENSORS["generator.weight"] + 1e-6}),
        ("model", "toy", DESCRIPTION, {**TENSORS, "generator.weight": TENSORS["generator.weight"].view(3, 2)}),
        ("model", "toy", DESCRIPTION, {**TENSORS, "generator.steps": torch.tensor(7, dtype=torch.int32)}),
        ("model", "toy", DESCRIPTION, {"generator.w": TENSORS["generator.weight"]}),
    ]
    digests = {checkpoint.content_sha256(*each) for each in changed}
    assert len(digests) == len(changed) and same not in digests


def test_the_same_content_is_always_written_as_the_same_bytes(tmp_path):
    written = set()
    for i in range(20):  # the library's own order of the five fields differs from one file to the next
        path = tmp_path / f"{i}.safetensors"
        checkpoint.save(path, "model", "toy", DESCRIPTION, TENSORS)
        written.add(path.read_bytes())
    assert len(written) == 1 and int.from_bytes(written.pop()[:8], "little") % 8 == 0


def test_tensors_that_share_memory_or_are_not_contiguous(tmp_path):
    base = torch.arange(12.0).view(3, 4)
    checkpoint.save(tmp_path / "x.safetensors", "model", "toy", {}, {"a": base, "b": base, "c": base.T})
    stored = checkpoint.read(tmp_path / "x.safetensors")
    assert torch.equal(stored.tensors["b"], base) and torch.equal(stored.tensors["c"], base.T)


def test_a_model_goes_through_a_file(bars):
    again = loading.load_either(bars.registry, bars.weights)[1].generator
    noise = torch.randn(5, 6)
    assert torch.equal(again(noise), bars.original.generator(noise))
    assert not again.training and not any(p.requires_grad for p in again.parameters())


# --- damage -------------------------------------------------------------------------------------------


def test_one_flipped_bit_anywhere_is_found(file):
    content = file.read_bytes()
    assert len(content) < 2000
    for position in range(len(content)):
        for bit in (1, 2, 8, 32, 128):
            damaged = bytearray(content)
            damaged[position] ^= bit
            file.write_bytes(damaged)
            try:
                same = checkpoint.read(file)
            except CheckpointError as error:
                assert str(file) in str(error)
            else:  # JSON has two ways of writing an escaped letter
                assert content[position - 5 : position + 2] == rb"\\u00e9" and same.description == DESCRIPTION


def test_a_file_cut_anywhere_is_found(file):
    content = file.read_bytes()
    for length in [*range(0, len(content), 7), len(content) - 1]:
        file.write_bytes(content[:length])
        message(file)
    file.write_bytes(content + b"\0")
    message(file)


def foreign(kind, path):
    """Write a file that is none of ours."""
    if kind == "safetensors of another project":
        save_file({"weight": torch.zeros(2)}, path)
    elif kind == "safetensors of another version":
        save_file({"weight": torch.zeros(2)}, path, metadata={"format": "bench-weights/9", "kind": "model"})
    elif kind == "header without its fields":
        save_file({"weight": torch.zeros(2)}, path, metadata={"format": checkpoint.FORMAT})
    elif kind == "header whose description is no JSON":
        fields = {"format": checkpoint.FORMAT, "kind": "model", "name": "x", "description": "{", "sha256": "0"}
        save_file({"weight": torch.zeros(2)}, path, metadata=fields)
    elif kind == "text":
        path.write_text("these are no weights\n")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"weight": [1.0, 2.0]}))
    elif kind == "torch.save":
        torch.save({"weight": torch.zeros(2)}, path)
    elif kind == "folder":
        path.mkdir()


FOREIGN = {
    "safetensors of another project": "of another project",
    "safetensors of another version": "of another project",
    "header without its fields": "its header lacks the field 'description'",
    "header whose description is no JSON": "the description in its header is not JSON",
    "text": "not a safetensors checkpoint, or truncated",
    "empty": "not a safetensors checkpoint, or truncated",
    "pickle": "not a safetensors checkpoint, or truncated",
    "torch.save": "not a safetensors checkpoint; it looks like a file of torch.save",
    "folder": "is a folder. Name the weights file in it",
    "missing": "no such weights file",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_refused(kind, tmp_path, bench_cli):
    path = tmp_path / "foreign.safetensors"
    foreign(kind, path)
    assert FOREIGN[kind] in message(path)
    with pytest.raises(CheckpointError):
        bench.load(path)
    done = bench_cli("sample", "--weights", path, "--count", 1, "--out", tmp_path / "out")
    assert done.code == 4 and done.err.startswith(f"Error: {path}: ") and "Traceback" not in done.err


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".th", ".ckpt", ".pkl", ".PT"])
@pytest.mark.parametrize("legacy", [False, True])
def test_what_torch_saves_is_to_be_imported(suffix, legacy, tmp_path):
    path = tmp_path / f"mine{suffix}"
    assert "no such weights file" in message(path)
    torch.save({"weight": torch.zeros(2)}, path, _use_new_zipfile_serialization=not legacy)
    assert message(path) == (
        f"{path}: not a safetensors checkpoint; it looks like a file of torch.save. Convert it with: "
        f"bench zoo import {path} --format state-dict --model NAME --out FILE.safetensors (or another format)"
    )


def test_the_suffix_of_a_sound_file_does_not_matter(file):
    assert checkpoint.read(file.rename(file.with_suffix(".pt"))).tensors.keys() == TENSORS.keys()


def test_a_file_that_may_not_be_read_is_there(file, monkeypatch):
    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(type(file), "open", forbidden)  # root may read everything: chmod would not do
    assert message(file) == f"{file}: cannot be read (Permission denied)"
    monkeypatch.undo()
    assert message(file / "x.safetensors") == f"{file}/x.safetensors: cannot be read (Not a directory)"


# --- the right file for the right network -------------------------------------------------------------


def test_weights_of_another_architecture_are_refused(tmp_path):
    network = nn.Linear(3, 2)
    for state in ({"weight": torch.zeros(3, 3), "bias": torch.zeros(2)}, {"weight": torch.zeros(2, 3)}, {}):
        with pytest.raises(CheckpointError, match="its generator does not fit the network") as error:
            checkpoint.load_into(network, state, tmp_path / "x", "generator")
        assert str(tmp_path / "x") in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(value, bars, tmp_path):
    stored = checkpoint.read(bars.weights)
    tensors = {name: tensor.clone() for name, tensor in stored.tensors.items()}
    tensors["generator.layer.weight"][1, 2] = value
    path = tmp_path / "nan.safetensors"
    checkpoint.save(path, "model", "bars", stored.description, tensors)
    with pytest.raises(CheckpointError, match="layer.weight holds NaN or infinite values") as error:
        loading.load_original(bars.registry, path)
    assert str(path) in str(error.value)


def crafted(bars, tmp_path, **changed):
    """Write a sound file whose content does not fit."""
    stored = checkpoint.read(bars.weights)
    path = tmp_path / "crafted.safetensors"
    fields = {"kind": "model", "name": "bars", "description": stored.description, "tensors": stored.tensors, **changed}
    checkpoint.save(path, *fields.values())
    return path


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"kind": "statistics"}, "its kind is 'statistics'"),
        ({"kind": "classifier"}, "its kind is 'classifier'"),
        ({"description": {}}, "its configuration does not fit this version of 'bars'"),
        ({"description": []}, "the description in its header is not a table of fields"),
        ({"description": {"config": {"lr": -1}}}, "its configuration does not fit this version of 'bars'"),
        ({"description": {"config": {"unknown_field": 1}}}, "its configuration does not fit this version of 'bars'"),
        ({"tensors": {}}, "does not fit the network"),
        ({"kind": "unlearned", "description": {}}, "its configuration does not fit"),
        ({"kind": "unlearned", "description": {"config": {}}}, "method: is missing"),
        ({"kind": "unlearned", "description": {"config": {}, "method": "ours", "params": {"gone": 1}, "oracle": None}},
         "parameters do not fit this version of the method 'ours'"),
    ],
)  # fmt: skip
def test_a_sound_file_that_does_not_fit_is_refused(changed, reason, bars, tmp_path):
    path = crafted(bars, tmp_path, **changed)
    with pytest.raises(CheckpointError) as error:
        loading.load_either(bars.registry, path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_weights_of_another_model_are_refused(bars, bench_cli, tmp_path):
    done = bench_cli(
        "run", "--method", "ours", "--model", "vae", "--feature", "thickness", "--weights", bars.weights,
        "--plugins", bars.folder.path, "--results", tmp_path / "runs",
    )  # fmt: skip
    assert done.code == 4 and "holds the model 'bars', not 'vae' (--model)" in done.err


def test_a_damaged_shipped_file_is_found(tmp_path, monkeypatch):
    entry = manifest.entries()["digits"]
    content = bytearray((manifest.WEIGHTS / entry.file).read_bytes())
    content[len(content) // 2] ^= 1
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path)
    with pytest.raises(CheckpointError, match="the shipped weights 'digits' are missing") as error:
        manifest.path_of("digits")
    assert entry.command in str(error.value)
    (tmp_path / entry.file).write_bytes(content)
    with pytest.raises(CheckpointError, match="the shipped weights 'digits' are damaged"):
        manifest.path_of("digits")


@pytest.mark.parametrize("name", manifest.entries())
def test_every_shipped_file_is_sound(name):
    stored = checkpoint.read(manifest.path_of(name))
    assert stored.holds(manifest.entries()[name].kind, stored.name)
