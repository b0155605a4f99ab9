"""Training a model or an oracle: accuracy, going on from weights, half weights."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load
from trained_oracles import record_of

from bench.errors import DataError
from bench.experiments.execution import pretrain
from bench.registry import Registry
from bench.workspace.weights import checkpoint, loading


def test_pretraining_a_classifier_ends_with_its_accuracy(world, bench_cli, tmp_path):
    out = tmp_path / "level.safetensors"
    done = bench_cli(
        "pretrain", "--classifier", "level", "--dataset", "strips", "--plugins", world.plugins.path, "--out", out, "-p",
        "batch_size=8", "-p", "epochs=1", "--results", tmp_path / "runs",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "light: balanced accuracy 0.875 on 20 test images" in done.err
    accuracy = checkpoint.read(out).description["accuracy"]
    assert accuracy == {"light": {"balanced_accuracy": 0.875, "rate": 0.25, "n": 20}}
    record = record_of(
        world.run(
            "original", "--json", oracles=("--set", f"oracle.feedback={world.a}", "--set", f"oracle.evaluation={out}")
        )
    )
    assert record["provenance"]["oracle"]["evaluation"]["balanced_accuracy"] == {"light": 0.875}


def test_a_training_goes_on_from_weights(trained):
    """From the very weights and their configuration, with what is given changed; the way there is kept."""
    done, first = trained("first", "-p", "latent_dim=7")
    assert done.code == 0, done.err
    done, still = trained("still", "--from", first, "-p", "lr=1e-12", "--seed", 3)
    assert done.code == 0, done.err
    start, end = checkpoint.read(first), checkpoint.read(still)
    assert end.description["config"] == {**start.description["config"], "lr": 1e-12}
    moved = {name: float((end.tensors[name] - tensor).abs().max()) for name, tensor in start.tensors.items()}
    assert max(moved.values()) < 1e-6, "the weights it began with"
    assert end.description["start"] == {**start.description, "sha256": start.sha256}
    assert end.description["command"] == (
        "bench pretrain --model vae --dataset strips --seed 0 -p batch_size=8 -p epochs=1 -p latent_dim=7 "
        "--out start-1.safetensors && bench pretrain --model vae --dataset strips --seed 3 "
        "-p batch_size=8 -p epochs=1 -p lr=1e-12 --from start-1.safetensors"
    )
    done, further = trained("further", "--from", still, "-p", "lr=1e-2", "-p", "encoder_widths=256, 256")
    assert any(not torch.equal(checkpoint.read(further).tensors[name], t) for name, t in end.tensors.items())
    assert checkpoint.read(further).description["command"] == (
        f"{end.description['command']} --out start-2.safetensors && bench pretrain --model vae --dataset strips --seed 0 "
        "-p batch_size=8 -p epochs=1 -p lr=1e-2 -p 'encoder_widths=256, 256' --from start-2.safetensors"
    ), "as a shell takes it"


def test_what_a_training_cannot_go_on_from_is_refused(trained, world, tmp_path):
    _, first = trained("first")
    cases = (
        ("nowhere.safetensors", (), "nowhere.safetensors: no such weights file"),
        (world.a, (), f"--from {world.a}: holds the classifier 'level', not the model 'vae'"),
        (first, ("-p", "latent_dim=3"), f"{first}: its generator does not fit the network"),
    )
    for start, more, message in cases:
        done, out = trained("never", "--from", start, *more)
        assert done.code != 0 and message in done.err, done.err
        assert not out.exists()


def test_half_weights_are_half_the_file_and_load_as_float32(trained):
    _, whole = trained("whole")
    _, half = trained("half", "--half")
    tensors, rounded = checkpoint.read(whole).tensors, checkpoint.read(half).tensors
    assert half.stat().st_size < 0.6 * whole.stat().st_size
    for name, tensor in tensors.items():
        expected = tensor.half() if tensor.dim() > 1 else tensor
        assert rounded[name].dtype == expected.dtype and torch.equal(rounded[name], expected), name
    generator = loading.load_original(Registry(), half).generator
    assert {p.dtype for p in generator.parameters()} == {torch.float32}


def test_a_training_that_was_stopped_counts_all_of_its_time(trained, monkeypatch):
    def late(context, state, total):
        context.seconds_before = 5000.0
        return 0

    monkeypatch.setattr("bench.api.context.Context._restore", late)
    _, path = trained("late")
    assert 5000 < checkpoint.read(path).description["timing"]["seconds"] < 5100


def fails(*arguments, **options):
    raise DataError("000007.jpg: damaged")


def test_what_was_trained_and_could_not_be_measured_is_not_trained_again(trained, monkeypatch):
    _, whole = trained("whole")
    for damaged in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(Registry().get("models", "vae"), "assess", fails)
            failed, out = trained("mine")
        assert failed.code == 4 and "000007.jpg: damaged" in failed.err and not out.exists()
        (kept,) = out.parent.glob("mine.*.checkpoint.trained.pt")
        with monkeypatch.context() as patch:
            if damaged:
                kept.write_bytes(b"damaged")
            else:
                patch.setattr("bench.experiments.execution.pretrain.train", fails)
            done, _ = trained("mine")
        assert done.code == 0, done.err
        assert f"{kept}: {'cannot be used' if damaged else 'is trained already'}" in done.err.replace("\n", " ")
        before, after = checkpoint.read(whole), checkpoint.read(out)
        assert all(torch.equal(after.tensors[name], tensor) for name, tensor in before.tensors.items())
        assert after.description["final"] == before.description["final"]
        assert after.description.keys() == before.description.keys() and not [*out.parent.glob("mine.*.pt")]
        out.unlink()


@pytest.mark.parametrize("damage", [lambda content: content[:-9] + b"x" + content[-8:], lambda content: content[:-9]])
def test_damaged_weights_of_one_s_own_are_made_again_as_the_error_advises(damage, trained):
    done, out = trained("mine")
    content = out.read_bytes()
    out.write_bytes(damage(content))
    again, _ = trained("mine")
    assert again.code == 4 and again.err.startswith(f"Error: {out}: ")
    assert again.err.endswith("If you made the file with `bench`, remove it and run the same command again.\n")
    out.unlink()
    assert trained("mine")[0].code == 0
    assert {n: t.tolist() for n, t in checkpoint.read(out).tensors.items()} == {
        n: t.tolist() for n, t in load(content).items()
    }


def test_a_file_that_holds_other_weights_is_not_taken_for_the_outcome(trained):
    """Another setting, seed or model must not end with the old weights and exit code 0."""
    done, out = trained("mine")
    before = out.read_bytes()
    assert done.code == 0 and trained("mine")[0].code == 0, "the same command again finds its outcome"
    for more, reason in (
        (("-p", "lr=0.5"), "'vae' on 'strips', seed 0, with another lr"),
        (("--seed", "3"), "'vae' on 'strips', seed 0"),
    ):
        again, _ = trained("mine", *more)
        assert again.code == 4 and f"--out {out}: already holds other weights: {reason}. " in again.err
    assert out.read_bytes() == before


def test_weights_from_before_a_field_was_new_have_its_default(trained):
    _, out = trained("older")
    stored = checkpoint.read(out)
    fewer = {name: value for name, value in stored.description["config"].items() if name != "lr"}
    checkpoint.save(out, stored.kind, stored.name, {**stored.description, "config": fewer}, stored.tensors)
    before = out.read_bytes()
    again, _ = trained("older")
    assert again.code == 0 and "already trained with these settings" in again.err
    other, _ = trained("older", "-p", "lr=0.5")
    assert other.code == 4 and "with another lr" in other.err and out.read_bytes() == before


def test_what_no_accuracy_was_measured_of_is_told():
    told = []
    source, progress = SimpleNamespace(features=("light", "dark")), SimpleNamespace(note=told.append)
    entries = {"light": {"balanced_accuracy": None, "rate": 0.0, "n": 20}, "Left": {"balanced_accuracy": 0.9, "n": 20}}
    pretrain._tell_accuracy({"accuracy": entries}, source, progress)
    assert told == ["light: no balanced accuracy, since all or none of the 20 test images have it"]
