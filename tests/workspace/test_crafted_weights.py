"""Weights files whose description is crafted: one clear error that names the file, soon and in little memory."""

from __future__ import annotations

import json
import os
import struct

import pytest
import torch

import bench
from bench.core import machine
from bench.errors import BenchError, CheckpointError
from bench.registry import Registry
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, made_by

VAE = checkpoint.read(manifest.path_of("vae-mnist"))
DIGITS = checkpoint.read(manifest.path_of("digits"))
ORACLE = {"name": "digits", "feature": "7", "threshold": 0.5, "weights": "digits", "sha256": DIGITS.sha256}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "crafted.safetensors"


def refusal(file, load=bench.load):
    """Return what loading a file complains of; it must name the file, on one line, soon and in little memory."""
    with machine.measured() as before:
        pass
    with machine.measured() as took, pytest.raises(BenchError) as error:
        load(file)
    said = str(error.value)
    assert said.startswith(str(file)) and "\n" not in said and len(said) < 1000
    assert took["seconds"] < 10 and took["peak_memory_mb"] < before["peak_memory_mb"] + 200
    return said


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"latent_dim": 10**9}, "is much larger than the 14 tensors"),
        ({"latent_dim": 10**12}, "is much larger than the 14 tensors"),
        ({"latent_dim": 10**20}, "cannot be built by 'vae'"),
        ({"latent_dim": 10**4200}, "cannot be built by 'vae'"),
        ({"latent_dim": -1}, "latent_dim: should be greater than or equal to 1"),
        ({"latent_dim": "many"}, "latent_dim: should be a valid integer"),
        ({"latent_dim": True}, "does not fit the network"),
        ({"image_shape": [-1, 28, 28]}, "negative dimension"),
        ({"image_shape": [0, 28, 28]}, "does not fit the network"),
        ({"image_shape": [1, 10**6, 10**6]}, "is much larger than the 14 tensors"),
        ({"encoder_widths": [256] * 5000}, "is much larger than the 14 tensors"),
        ({"encoder_widths": ["x"] * 5000}, "; 4990 more"),
        ({"no\nsuch\x1b[31mfield": 1}, r"no\nsuch\x1b[31mfield: unknown field"),
    ],
)
def test_a_configuration_of_other_networks_is_refused_before_they_take_memory(config, reason, file):
    description = {**VAE.description, "config": {**VAE.description["config"], **config}}
    checkpoint.save(file, "model", "vae", description, VAE.tensors)
    assert reason in refusal(file)


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", '"x"', "", "{", '{"a": NaN}', "[" * 10_000, "9" * 5000, '{"a": 1, "a": 2}']
)
def test_a_description_that_is_not_a_table_is_refused(text, file, monkeypatch):
    dumps = json.dumps
    monkeypatch.setattr(
        checkpoint.json, "dumps", lambda given, **how: text if given == {"t": 0} else dumps(given, **how)
    )
    checkpoint.save(file, "model", "vae", {"t": 0}, VAE.tensors)
    monkeypatch.undo()
    assert "the description in its header is not" in refusal(file)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"method": 5}, "method: should be a valid string"),
        ({"method": ["ours"]}, "method: should be a valid string"),
        ({"method": None}, "method: should be a valid string"),
        ({"method": "../ours"}, "unknown method '../ours'"),
        ({"method": "o\0\nurs"}, r"unknown method 'o\x00\nurs'"),
        ({"params": [1]}, "params: should be a table of fields"),
        ({"params": {"alpha": "nan"}}, "alpha: should be a finite number"),
        ({"params": {"epochs": "many"}}, "epochs: should be a valid integer"),
        ({"oracle": "x"}, "oracle: should be a table of fields"),
        ({"oracle": {}}, "oracle.name: is missing"),
        ({"oracle": {**ORACLE, "extra": 1}}, "oracle.extra: unknown field"),
        ({"oracle": {**ORACLE, "threshold": "x"}}, "oracle.threshold: should be a valid number"),
        ({"oracle": {**ORACLE, "weights": 5}}, "oracle.weights: should be a valid string"),
        ({"oracle": {**ORACLE, "weights": "/etc"}}, "its oracle: /etc: is a folder"),
        ({"oracle": {**ORACLE, "weights": "x" * 5000}}, "oracle.weights: should have at most 4096"),
        ({"oracle": {**ORACLE, "weights": "a\0b"}}, "its oracle: "),
        ({"oracle": {**ORACLE, "weights": "FIFO"}}, "is not a regular file"),
        ({"oracle": {**ORACLE, "feature": "thicknes"}}, "does not know the feature 'thicknes'"),
        ({"oracle": {**ORACLE, "sha256": None}}, "have changed since it was made"),
        ({"oracle": {**ORACLE, "name": "nobody"}}, "unknown classifier 'nobody'"),
        ({"config": {**VAE.description["config"], "latent_dim": 10**9}}, "is much larger than"),
    ],
)  # fmt: skip
def test_how_an_unlearned_generator_was_made_is_checked(changed, reason, file):
    made = {"config": VAE.description["config"], "method": "ours", "params": {}, "oracle": None, **changed}
    if isinstance(made["oracle"], dict) and made["oracle"].get("weights") == "FIFO":
        os.mkfifo(file.with_name("fifo"))
        made["oracle"]["weights"] = str(file.with_name("fifo"))
    generator = {name: tensor for name, tensor in VAE.tensors.items() if name.startswith("generator.")}
    checkpoint.save(file, "unlearned", "vae", made, generator)
    said = refusal(file)
    assert reason in said[:400]
    with pytest.raises(BenchError) as error:
        loading.load_original(Registry(), file)
    assert str(error.value).partition(". ")[0] == said.partition(". ")[0]


@pytest.mark.parametrize("field", ["kind", "name", "description", "sha256"])
def test_a_header_without_a_field_says_which(field, file):
    from safetensors.torch import save_file

    header = {"format": checkpoint.FORMAT, "kind": "model", "name": "vae", "description": "{}", "sha256": "0"}
    del header[field]
    save_file({"a": torch.zeros(2)}, file, metadata=header)
    assert f"its header lacks the field '{field}'" in refusal(file)


@pytest.mark.parametrize("kind", ["", "5", "Model", "models"])
def test_an_unknown_kind_is_refused(kind, file):
    checkpoint.save(file, kind, "vae", VAE.description, VAE.tensors)
    assert f"unknown kind '{kind}'" in refusal(file)


def test_a_header_that_would_take_long_to_read_is_refused(file, bench_cli):
    tensors = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(50_000)}
    text = json.dumps(tensors).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    assert "its header has" in refusal(file)
    done = bench_cli("zoo", "import", file, "--format", "vdvae", "--out", file.with_name("new.safetensors"))
    assert done.code == 4 and f"{file}: its header has" in done.err
    with pytest.raises(CheckpointError, match="its header has"):
        checkpoint.save(file, "model", "vae", {"long": "x" * checkpoint.HEADER}, VAE.tensors)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_file_is_refused(make, file, bench_cli):
    make(file)
    assert "is not a regular file" in refusal(file)
    for argv in (("sample", "--weights", file, "--count", 1), ("pretrain", "--model", "vae", "--from", file)):
        done = bench_cli(*argv, "--out", file.with_name("out.safetensors"))
        assert done.code == 4 and f"{file}: is not a regular file" in done.err


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_numbers_of_another_sort_are_refused(dtype, file):
    part = {**VAE.tensors, "generator.layers.0.bias": VAE.tensors["generator.layers.0.bias"].to(dtype)}
    checkpoint.save(file, "model", "vae", VAE.description, part)
    assert f"generator.layers.0.bias has type {dtype}, expected torch.float32" in refusal(file)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_numbers_become_float32(dtype, file):
    checkpoint.save(file, "model", "vae", VAE.description, {n: t.to(dtype) for n, t in VAE.tensors.items()})
    assert {p.dtype for p in bench.load(file).generator.parameters()} == {torch.float32}


def test_a_number_that_is_infinite_as_float32_is_refused(file):
    large = VAE.tensors["generator.layers.0.bias"].double() + 1e300
    checkpoint.save(file, "model", "vae", VAE.description, {**VAE.tensors, "generator.layers.0.bias": large})
    assert "generator.layers.0.bias holds NaN or infinite values" in refusal(file)


@pytest.mark.parametrize("config", [None, [], "x", {"lr": "fast"}, {"latent_dim": 10**9}, {"nope": 1}])
def test_a_training_does_not_start_from_a_crafted_file(config, file, bench_cli):
    checkpoint.save(file, "model", "vae", {**VAE.description, "config": config, "command": 5}, VAE.tensors)
    out = file.with_name("new.safetensors")
    done = bench_cli("pretrain", "--model", "vae", "--from", file, "--out", out, "-p", "epochs=0.001")
    assert done.code == 4 and str(file) in done.err and "Traceback" not in done.err and not out.exists()


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        (made_by.Tested, {"accuracy": "x"}),
        (made_by.Tested, {"accuracy": {"7": 5}}),
        (made_by.Tested, {"accuracy": {"7": {}}}),
        (made_by.Summary, {}),
        (made_by.Summary, {"dataset": "d", "extractor_sha256": "0", "counts": {"all": "many"}}),
    ],
)
def test_what_else_a_description_says_is_checked_when_it_is_used(kind, description, file):
    checkpoint.save(file, "classifier", "digits", description, {})
    with pytest.raises(CheckpointError, match="the description in its header is not right") as error:
        made_by.made_as(kind, checkpoint.read(file), file)
    assert str(file) in str(error.value)


def test_a_generator_with_other_networks_is_not_a_state_dict(file, bench_cli):
    from safetensors.torch import save_file

    save_file(VAE.part("generator"), file)
    argv = ("zoo", "import", file, "--format", "state-dict", "--out", file.with_name("new.safetensors"), "--model")
    for model, others in {"vae": "encoder", "dcgan": "discriminator"}.items():
        done = bench_cli(*argv, model)
        assert done.code == 4 and f"--model {model}: has the {others} besides its generator" in done.err
