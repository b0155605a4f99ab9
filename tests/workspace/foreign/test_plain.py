"""State dicts of your own network: nested files, wrong files, broken plug-ins, and back."""

from __future__ import annotations

import os
from collections import OrderedDict

import pytest
import safetensors.torch
import torch
from official_files import RunsCode
from own_generator import EXAMPLES, bring, take_home

import bench
from bench.registry import Registry

# --- there and back -----------------------------------------------------------------------------------


def structure(content):
    """Return nesting, names, order and types, tensors by shape and type."""
    if isinstance(content, torch.Tensor):
        return type(content), content.dtype, tuple(content.shape)
    if isinstance(content, dict):
        return type(content), [(name, structure(value)) for name, value in content.items()]
    return content


@pytest.mark.parametrize("at", ["model/ema", "model/ema/generator."])
def test_a_nested_file_keeps_its_layout_and_what_lies_beside(at, plugins, bench_cli, tmp_path):
    plugins.add("normed")
    prefix = at.removeprefix("model/ema").removeprefix("/")
    networks = Registry(plugins.path).get("models", "normed")().build(None)
    state = OrderedDict((prefix + n, t.half() if t.is_floating_point() else t) for n, t in networks.generator.state_dict().items())  # fmt: skip  # noqa: E501
    if prefix:
        state["other.weight"] = torch.nn.Parameter(torch.ones(2))
    content = {"epoch": 3, "model": {"raw": state, "ema": state}, "log": [1.5, "x"]}
    like, weights, out = (tmp_path / name for name in ("mine.pt", "mine.safetensors", "back.pt"))
    torch.save(content, like)
    options = ("--at", at, "--plugins", plugins.path)
    assert bring(bench_cli, like, weights, *options, model="normed").code == 0
    original = bench.workspace.weights.loading.load_original(Registry(plugins.path), weights)
    unlearned = original.generator.requires_grad_(False)
    for parameter in unlearned.parameters():
        parameter.mul_(2)
    unlearned.norm.num_batches_tracked.fill_(7)
    method = Registry().get("methods", "original")
    made = bench.api.Unlearned(unlearned)
    bench.workspace.weights.saving.save_unlearned(
        tmp_path / "u.safetensors", original, made, "original", method.Config(), None
    )
    done = take_home(bench_cli, tmp_path / "u.safetensors", like, out)
    assert done.code == 0, done.err
    assert "other tensors (of model) are unchanged" in done.out, "raw and ema are one object in the file"
    back = torch.load(out, weights_only=True)
    assert structure(back) == structure(torch.load(like, weights_only=True))
    for name, tensor in unlearned.state_dict().items():
        found = back["model"]["ema"][prefix + name]
        assert torch.equal(found, tensor.to(found.dtype)), name
    assert all(torch.equal(back["model"]["raw"][n], t) for n, t in content["model"]["raw"].items())


@pytest.mark.parametrize("name", ["mine_st.safetensors", "misnamed.bin"])
def test_a_safetensors_file_goes_back_to_one(name, code, bench_cli, tmp_path):
    state = {n: t.half() if "weight" in n else t for n, t in code.planted().state_dict().items()}
    beside = {"other.weight": torch.ones(2, 3, dtype=torch.bfloat16), "step": torch.tensor(7)}
    like, weights, out = (tmp_path / file for file in (name, "ours.safetensors", "back.safetensors"))
    content = {f"net.{n}": t for n, t in state.items()} | beside
    like.write_bytes(safetensors.torch.save(content, {"format": "pt", "author": "she"}))
    assert bring(bench_cli, like, weights, "--at", "net.").code == 0
    without = tmp_path / "without"
    without.write_bytes(safetensors.torch.save(state))
    assert take_home(bench_cli, weights, without, out).err.endswith(
        f". --like must be the file that the weights were imported from ({name}), or one with its layout\n"
    )
    done = take_home(bench_cli, weights, like, out)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"{out}: 4 tensors of the generator, laid out as in {like}; 2 other tensors (of other, step) are unchanged\n"
    )
    with safetensors.safe_open(out, "pt") as file:
        back, metadata = {n: file.get_tensor(n) for n in file.keys()}, file.metadata()  # noqa: SIM118 (no iterator)
    assert metadata == {"format": "pt", "author": "she"} and structure(back) == structure(dict(sorted(content.items())))
    assert all(torch.equal(back[n], t) for n, t in content.items()), "the same generator, so the same file"


# --- bad files ----------------------------------------------------------------------------------------


WEIGHT = "layers.0.weight"
WRONG = {
    "missing": (lambda s: {n: t for n, t in s.items() if n != WEIGHT}, f"does not fit the generator of model 'my_generator': it lacks {WEIGHT}. Names and"),
    "extra": (lambda s: s | {"more": torch.ones(1)}, "its more is unexpected. Names and shapes"),
    "misshaped": (lambda s: s | {WEIGHT: torch.ones(2, 8)}, f"its {WEIGHT} has shape (2, 8), not (32, 8)"),
    "another architecture": (lambda s: torch.nn.Conv2d(3, 3, 3).state_dict(), "it lacks layers.0.weight; it lacks layers.0.bias; "),
    "NaN": (lambda s: s | {WEIGHT: torch.full((32, 8), torch.nan)}, f"{WEIGHT} holds NaN or infinite values"),
    "integers": (lambda s: s | {WEIGHT: torch.ones(32, 8, dtype=torch.int64)}, f"its {WEIGHT} has type torch.int64, expected torch.float32"),
    "nested": (lambda s: {"g": s, "ema": s, "step": 1}, "its content is not a state dict (names and tensors): 'g' is not a plain tensor. Places to try with --at: g, ema"),
    "a list": (lambda s: [s], "its content is not a state dict (names and tensors) but of type list"),
    "a whole module": (lambda s: torch.nn.Linear(2, 2), "Save the weights alone in the code that wrote it: torch.save(module.state_dict(), FILE)"),
}  # fmt: skip


@pytest.fixture
def refuse(bench_cli, tmp_path):
    """Import a file that must be refused with one error and nothing written; returns the message."""

    def attempt(content, *options):
        torch.save(content, tmp_path / "mine.pt")
        done = bring(bench_cli, tmp_path / "mine.pt", tmp_path / "out.safetensors", *options)
        assert (done.code, done.out) == (4, "") and done.err.count("\n") == 1
        assert [p.name for p in tmp_path.iterdir()] == ["mine.pt"], "something was written"
        return done.err

    return attempt


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(case, code, refuse, tmp_path):
    make, message = WRONG[case]
    error = refuse(make(dict(code.planted().state_dict())))
    assert error.startswith(f"Error: {tmp_path / 'mine.pt'}: ") and message in error


def test_a_file_that_runs_code_runs_none(code, refuse, tmp_path):
    error = refuse(code.planted().state_dict() | {"x": RunsCode(tmp_path / "it ran")})
    assert f"refused, and nothing in it was run: it asks for '{os.name}.mkdir'" in error


def test_a_wrong_place_is_told_with_those_there_are(code, refuse):
    state = code.planted().state_dict()
    assert "holds nothing at 'emma' (--at). Places to try with --at: g, ema" in refuse({"g": state, "ema": state}, "--at", "emma")  # fmt: skip  # noqa: E501
    within = refuse({"all": {f"ema.{name}": tensor for name, tensor in state.items()}}, "--at", "all/ema")
    assert "holds nothing at 'all/ema' (--at). But names there start with 'ema.': try --at all/ema." in within
    assert "holds nothing at 'ema/x' (--at). Places in it" not in refuse({"ema": state}, "--at", "ema/x")
    assert "has no names that start with 'net.' (--at); the first name is 'layers.0.weight'" in refuse(
        state, "--at", "net."
    )


def test_a_wrong_field_and_a_wrong_model(code, refuse, bench_cli, tmp_path):
    state = code.planted().state_dict()
    wrong = bring(bench_cli, tmp_path, tmp_path / "out.safetensors", "-p", "widht=8").err
    assert "unknown field 'widht'. Did you mean 'width'?" in wrong
    assert "has shape (32, 8), not (64, 8)" in refuse(state, "-p", "width=64")
    torch.save(state, tmp_path / "mine.pt")
    for options, told in (
        (("vdvae", "--model", "my_generator"), "--model and --at are for --format state-dict only"),
        (("pgan", "--at", "ema"), "--model and --at are for --format state-dict only"),
        (("state-dict",), "--format state-dict: needs --model NAME"),
    ):
        done = bench_cli(
            "zoo", "import", tmp_path / "mine.pt", "--format", *options, "--out", tmp_path / "o.safetensors"
        )
        assert done.code == 4 and done.err.startswith(f"Error: {told}")


def test_a_plug_in_that_cannot_be_built_is_told(bench_cli, plugins, tmp_path):
    plugins.add("normed", ("assert torch", "raise KeyError('lost')\n        assert torch"))
    done = bring(bench_cli, tmp_path / "x.pt", tmp_path / "o.safetensors", "--plugins", plugins.path, model="normed")
    assert done.code == 3 and done.err.startswith(
        "Error: model 'normed' cannot be built: KeyError: 'lost' (`bench check"
    )


BROKEN = {  # what is changed in the worked example, and what the import of its weights says
    "noise_dim": (
        "self.noise_dim = self.latent_dim = config.latents", "self.noise_dim = self.latent_dim = 9",
        "noise_dim is 9, and sample(noise) with noise of shape (2, 9) raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x9 and 8x32)",
    ),
    "image_shape": (
        "self.image_shape = (3, 32, 32)", "self.image_shape = (3, 16, 16)",
        "image_shape is (3, 16, 16): sample gave images (2, 3, 32, 32), not (2, 3, 16, 16)",
    ),
    "half": (
        "self.net = Net(config.latents, config.width)", "self.net = Net(config.latents, config.width).half()",
        "the generator's net.layers.0.weight is torch.float16, not torch.float32; call .float() on the generator, or on its module where that is built (float16 weights are then imported as float32)",
    ),
    "minus one": (
        "return (self.net(latents) + 1) / 2", "return self.net(latents)",
        "images have values from -0.68 to 0.79, but [0, 1] is expected and all else would be clamped. If the network's output x is in [-1, 1], return (x + 1) / 2",
    ),
    "scaled twice": ("return (self.net(latents) + 1) / 2", "return 4 * self.net(latents)", "images have values from -2.74 to 3.18, but"),
    "no generator": ("Networks(config, generator=Generator(config))", "Networks(config, generator=Generator(config).net)", "build() must return Networks whose generator is a bench.api.Generator"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_weights_of_a_generator_that_breaks_the_contract_are_refused(case, code, bench_cli, plugins, tmp_path):
    old, new, message = BROKEN[case]
    text = (EXAMPLES / "my_generator.py").read_text()
    assert text.count(old) == 1
    plugins.write("hers", text.replace(old, new))
    torch.save(code.planted().state_dict(), tmp_path / "mine.pt")
    done = bring(bench_cli, tmp_path / "mine.pt", tmp_path / "out.safetensors", "--plugins", plugins.path, model="hers")
    assert (done.code, done.out) == (3, "") and done.err.count("\n") == 1
    assert done.err.startswith(f"Error: model 'hers' with the weights of {tmp_path / 'mine.pt'}: {message}")
    assert not (tmp_path / "out.safetensors").exists()


def test_what_cannot_be_exported_is_told_and_nothing_is_written(unlearn, unlearned, clicks, hers, bench_cli, tmp_path):
    assert unlearn("latent_edit", "--feedback", clicks).code == 0
    (edited,) = hers.glob("runs/latent_edit-*/unlearned.safetensors")
    good, like, out = unlearned[2] / "unlearned.safetensors", hers / "mine.pt", tmp_path / "out.pt"
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    torch.save({"x": RunsCode(tmp_path / "it ran")}, tmp_path / "bad.pt")
    files = sorted(tmp_path.iterdir())
    for weights, layout, message in (
        (edited, like, "or the method 'latent_edit' changed the structure of the generator"),
        (
            bench.workspace.manifest.path_of("vae-mnist"),
            like,
            "was not imported (bench zoo import)",
        ),
        (good, tmp_path / "other.pt", "other.pt: has another layout than "),
        (good, tmp_path / "bad.pt", "bad.pt: refused, and nothing in it was run"),
        (good, tmp_path / "none.pt", "none.pt: no such file"),
    ):
        done = take_home(bench_cli, weights, layout, out)
        assert done.code == 4 and message in done.err and done.err.count("\n") == 1, done.err
    assert take_home(bench_cli, good, like, like).err.startswith(f"Error: --out {like}: already exists")
    confused = take_home(bench_cli, good, good, tmp_path / "confused.pt")
    assert (
        confused.code == 4
        and "is already a weights file of this project. Use it directly (--weights FILE); " in confused.err
    )
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("name", ["mine2.pt", "mine2"])
def test_what_is_imported_is_named_as_weights_files_are(name, code, bench_cli, tmp_path):
    torch.save(code.planted().state_dict(), tmp_path / "mine.pt")
    done = bring(bench_cli, tmp_path / "mine.pt", tmp_path / name)
    assert done.code == 4
    assert done.err == f"Error: --out {tmp_path / name}: a weights file is named FILE.safetensors\n"
    assert not (tmp_path / name).exists()


def test_an_export_is_named_as_the_container_that_it_is_written_in(code, bench_cli, tmp_path):
    """Another name is read as what it is not: nothing could load the file."""
    state, weights = code.planted().state_dict(), tmp_path / "ours.safetensors"
    torch.save(state, tmp_path / "mine.pt")
    (tmp_path / "its.safetensors").write_bytes(safetensors.torch.save(state))
    assert bring(bench_cli, tmp_path / "mine.pt", weights).code == 0
    for like, out, how, right in (
        ("mine.pt", "back.safetensors", "torch.save", "back.pt"),
        ("its.safetensors", "back.pt", "safetensors", "back.safetensors"),
    ):
        done = take_home(bench_cli, weights, tmp_path / like, tmp_path / out)
        assert done.code == 4 and done.err == (
            f"Error: --out {tmp_path / out}: is written as --like {tmp_path / like} is, by {how}. "
            f"Name it {tmp_path / right}\n"
        )
        assert not (tmp_path / out).exists()


def test_an_empty_file_holds_no_tensors(refuse):
    assert "mine.pt: its content holds no tensors." in refuse({})
    assert "mine.pt: the content at 'ema' holds no tensors." in refuse({"ema": {}}, "--at", "ema/net.")


def test_a_name_of_the_zoo_is_no_file_to_export(bench_cli, tmp_path):
    done = take_home(bench_cli, "vae-mnist", "vae-mnist", tmp_path / "o.pt")
    assert done.code == 4 and done.err == (
        "Error: FILE vae-mnist: no such file. Name a file: unlearned.safetensors in the folder of a cell, or what "
        "`bench zoo import` wrote\n"
    )
