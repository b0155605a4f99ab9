"""A generator of one's own: its weights in, clicks on its samples, unlearned without an oracle, its weights back."""

from __future__ import annotations

import json
import os
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import bench
from bench.core import randomness
from bench.core.rendering import to_uint8
from bench.registry import Registry

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = ("-p", "epochs=60", "-p", "batch_size=16", "-p", "lr=0.003")


@pytest.fixture(scope="module")
def code():
    """Return the module of the worked example: what its user wrote."""
    plugin = Registry(EXAMPLES).get("models", "my_generator")
    return sys.modules[plugin.__module__]


@pytest.fixture(scope="module")
def hers(code, bench_cli, tmp_path_factory):
    """Return a folder with her file, imported, and samples of it, the clicked ones copied to a folder."""
    folder = tmp_path_factory.mktemp("hers")
    torch.save(code.planted().state_dict(), folder / "mine.pt")
    imported = bring(bench_cli, folder / "mine.pt", folder / "mine.safetensors")
    assert (imported.code, imported.err) == (0, "")
    assert imported.out == f"{folder / 'mine.safetensors'}: my_generator, 32 px, 101,664 parameters\n"
    weights = ["--weights", folder / "mine.safetensors", "--plugins", EXAMPLES]
    assert bench_cli("sample", *weights, "--count", 100, "--out", folder / "shown").code == 0
    (folder / "scar").mkdir()
    for i in np.flatnonzero(randomness.draw("sample", range(100), 8)[:, 0].numpy() > 1):
        name = f"{i:06d}.png"
        (folder / "scar" / name).write_bytes((folder / "shown" / name).read_bytes())
    return folder


@pytest.fixture(scope="module")
def clicks(hers, bench_cli):
    made = bench_cli("feedback", hers / "shown", "--clicked", hers / "scar", "--feature", "scar", "--out", hers / "clicks.json")  # fmt: skip
    count = len(list((hers / "scar").iterdir()))
    assert (made.code, made.out) == (
        0,
        f"{hers / 'clicks.json'}: {count} of 100 samples of 'my_generator' have 'scar'\n",
    )
    return hers / "clicks.json"


@pytest.fixture(scope="module")
def unlearn(hers, bench_cli):
    def call(method, *more, feature="scar", weights=hers / "mine.safetensors"):
        given = ["--weights", weights] if weights else []
        return bench_cli(
            "run", "--method", method, "--model", "my_generator", "--feature", feature, *given, "--plugins", EXAMPLES,
            "--results", hers / "runs", "--device", "cpu", "--set", "evaluation.count=200", *more,
        )  # fmt: skip

    return call


@pytest.fixture(scope="module")
def unlearned(unlearn, clicks, hers):
    """Return what `bench run` said, the record, and the folder of the cell."""
    done = unlearn("ours", "--feedback", clicks, *STEPS)
    assert done.code == 0, done.err
    (folder,) = hers.glob("runs/lite-ours-my_generator-scar-s0-*")
    return done, json.loads((folder / "result.json").read_text()), folder


def bring(bench_cli, file, out, *options, model="my_generator"):
    return bench_cli(
        "zoo", "import", file, "--format", "state-dict", "--model", model, "--plugins", EXAMPLES, "--out", out, *options
    )  # fmt: skip


def take_home(bench_cli, weights, like, out):
    return bench_cli("zoo", "export", weights, "--like", like, "--out", out)


# --- there and back -----------------------------------------------------------------------------------


def test_the_worked_example_keeps_the_contract(bench_cli):
    checked = bench_cli("check", "my_generator", "--plugins", EXAMPLES)
    assert checked.code == 0, checked.out


def test_the_record_says_what_is_known_and_why_the_rest_is_not(unlearned, hers, clicks):
    done, record, folder = unlearned
    assert record["status"] == "ok" and record["dataset"] == "own" and record["provenance"]["oracle"] is None
    assert set(record["metrics"]) == {"flagged_ratio", "flagged_change", "unflagged_change"}
    assert {"target_ratio", "roc_auc", "retain_change", "fidelity"} <= set(record["skipped_metrics"])
    assert record["skipped_metrics"]["roc_auc"] == "there is no oracle"
    assert record["skipped_metrics"]["fidelity"] == "there is no reference"
    changes = record["metrics"]
    assert changes["flagged_change"]["value"] > 2 * changes["unflagged_change"]["value"]
    assert changes["flagged_ratio"]["source"] == "no data set (clicks on the generator's own samples); no oracle; 200 samples of my_generator"  # fmt: skip  # noqa: E501
    assert set(record["artefacts"]) == {"weights", "picture"} and record["provenance"]["feedback"]["count"] == 100
    assert "share with the feature" not in done.out and str(folder / "unlearned.safetensors") in done.out
    assert (
        f"{record['provenance']['feedback']['positives']} of 100 samples were clicked, the method flags 0." in done.out
    )
    assert "no oracle says what is left: look at the picture" in done.out


def test_the_flagged_are_those_above_the_method_s_own_threshold(unlearned, hers):
    from bench.workspace.loading import load_unlearned

    _, record, folder = unlearned
    identifier = load_unlearned(Registry(EXAMPLES), folder / "unlearned.safetensors").identifier
    noise = randomness.draw(randomness.EVALUATION, range(200), 8)
    assert record["metrics"]["flagged_ratio"]["value"] == identifier.flag(noise).double().mean().item()


def test_the_scars_are_gone(unlearned, code):
    before, after = code.planted(), bench.load(unlearned[2] / "unlearned.safetensors", EXAMPLES)
    noise = torch.zeros(1, 8)
    clean = before(noise)
    noise[0, 0] = 1.5
    scar = (clean - before(noise)).abs() > 0.1

    def depth(image):
        return (image[~scar].mean() - image[scar].mean()).item()

    depths = depth((before(noise) + 1) / 2), depth(after(noise))
    assert depths[0] > 0.3 and abs(depths[1]) < 0.1


def test_the_picture_shows_what_was_clicked(unlearned, clicks):
    from PIL import Image

    record, folder = unlearned[1:]
    first = json.loads(clicks.read_text())["positive"][0]
    drawn = bench.load(folder.parents[1] / "mine.safetensors", EXAMPLES)(randomness.draw("sample", [first], 8))
    with Image.open(folder / record["artefacts"]["picture"]["file"]) as image:
        assert np.array_equal(np.asarray(image)[4:36, 4:36], to_uint8(drawn)[0].permute(1, 2, 0).numpy())


def test_her_own_code_loads_the_unlearned_weights_and_draws_the_same_pixels(unlearned, hers, code, bench_cli, tmp_path):
    weights, out = unlearned[2] / "unlearned.safetensors", tmp_path / "unlearned.pt"
    done = take_home(bench_cli, weights, hers / "mine.pt", out)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{out}: 4 tensors of the generator, laid out as in {hers / 'mine.pt'}\n"
    net = code.Net(8, 32)
    net.load_state_dict(torch.load(out, weights_only=True), strict=True)
    noise = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal((net(noise) + 1) / 2, bench.load(weights, EXAMPLES)(noise))
    assert not torch.equal(net(noise), code.planted()(noise))


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
    original = bench.workspace.loading.load_original(Registry(plugins.path), weights)
    unlearned = original.generator.requires_grad_(False)
    for parameter in unlearned.parameters():
        parameter.mul_(2)
    unlearned.norm.num_batches_tracked.fill_(7)
    method = Registry().get("methods", "original")
    made = bench.api.Unlearned(unlearned)
    bench.workspace.saving.save_unlearned(tmp_path / "u.safetensors", original, made, "original", method.Config(), None)
    done = take_home(bench_cli, tmp_path / "u.safetensors", like, out)
    assert done.code == 0, done.err
    assert "others (of model) are as they were" in done.out, "raw and ema are one object in the file"
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
        f". --like is to be the file that the weights were imported from ({name}), or one laid out like it\n"
    )
    done = take_home(bench_cli, weights, like, out)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        f"{out}: 4 tensors of the generator, laid out as in {like}; 2 others (of other, step) are as they were\n"
    )
    with safetensors.safe_open(out, "pt") as file:
        back, metadata = {n: file.get_tensor(n) for n in file.keys()}, file.metadata()  # noqa: SIM118 (no iterator)
    assert metadata == {"format": "pt", "author": "she"} and structure(back) == structure(dict(sorted(content.items())))
    assert all(torch.equal(back[n], t) for n, t in content.items()), "the same generator, so the same file"


# --- bad files ----------------------------------------------------------------------------------------


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


WEIGHT = "layers.0.weight"
WRONG = {
    "missing": (lambda s: {n: t for n, t in s.items() if n != WEIGHT}, f"does not fit the generator of model 'my_generator': it lacks {WEIGHT}. Names and"),
    "extra": (lambda s: s | {"more": torch.ones(1)}, "its more has no place here. Names and shapes"),
    "misshaped": (lambda s: s | {WEIGHT: torch.ones(2, 8)}, f"its {WEIGHT} has shape (2, 8), not (32, 8)"),
    "another architecture": (lambda s: torch.nn.Conv2d(3, 3, 3).state_dict(), "it lacks layers.0.weight; it lacks layers.0.bias; "),
    "NaN": (lambda s: s | {WEIGHT: torch.full((32, 8), torch.nan)}, f"{WEIGHT} holds NaN or infinite values"),
    "integers": (lambda s: s | {WEIGHT: torch.ones(32, 8, dtype=torch.int64)}, f"its {WEIGHT} is of torch.int64, not of torch.float32"),
    "nested": (lambda s: {"g": s, "ema": s, "step": 1}, "what it holds is no state dict (names and tensors): 'g' is no plain tensor. Places in it, for --at: g, ema"),
    "a list": (lambda s: [s], "what it holds is no state dict (names and tensors), but of type list"),
    "a whole module": (lambda s: torch.nn.Linear(2, 2), "Save the weights alone, where the file comes from: torch.save(module.state_dict(), FILE)"),
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
    assert f"is refused, and nothing in it was run: it asks for '{os.name}.mkdir'" in error


def test_a_wrong_place_is_told_with_those_there_are(code, refuse):
    state = code.planted().state_dict()
    assert "holds nothing at 'emma' (--at). Places in it, for --at: g, ema" in refuse({"g": state, "ema": state}, "--at", "emma")  # fmt: skip  # noqa: E501
    within = refuse({"all": {f"ema.{name}": tensor for name, tensor in state.items()}}, "--at", "all/ema")
    assert "holds nothing at 'all/ema' (--at). Names there start with 'ema.': --at all/ema." in within
    assert "holds nothing at 'ema/x' (--at). Places in it" not in refuse({"ema": state}, "--at", "ema/x")
    assert "has no name that starts with 'net.' (--at); the first one is 'layers.0.weight'" in refuse(
        state, "--at", "net."
    )


def test_a_wrong_field_and_a_wrong_model(code, refuse, bench_cli, tmp_path):
    state = code.planted().state_dict()
    wrong = bring(bench_cli, tmp_path, tmp_path / "out", "-p", "widht=8").err
    assert "there is no field 'widht'. Did you mean 'width'?" in wrong
    assert "has shape (32, 8), not (64, 8)" in refuse(state, "-p", "width=64")
    torch.save(state, tmp_path / "mine.pt")
    for options, told in (
        (("vdvae", "--model", "my_generator"), "--model, --at: are for --format state-dict; --format vdvae knows"),
        (("pgan", "--at", "ema"), "--model, --at: are for --format state-dict; --format pgan knows"),
        (("state-dict",), "--format state-dict: needs --model NAME"),
    ):
        done = bench_cli("zoo", "import", tmp_path / "mine.pt", "--format", *options, "--out", tmp_path / "o")
        assert done.code == 4 and done.err.startswith(f"Error: {told}")


def test_a_plug_in_that_cannot_be_built_is_told(bench_cli, plugins, tmp_path):
    plugins.add("normed", ("assert torch", "raise KeyError('lost')\n        assert torch"))
    done = bring(bench_cli, tmp_path / "x.pt", tmp_path / "o", "--plugins", plugins.path, model="normed")
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
        "the generator's net.layers.0.weight is torch.float16, not torch.float32, and does not train in it. Build the module with .float(); float16 weights are imported into it as float32",
    ),
    "minus one": (
        "return (self.net(latents) + 1) / 2", "return self.net(latents)",
        "images have values from -0.68 to 0.79, where [0, 1] is expected and the rest would be clamped. Where the network's output x is in [-1, 1], return (x + 1) / 2",
    ),
    "scaled twice": ("return (self.net(latents) + 1) / 2", "return 4 * self.net(latents)", "images have values from -2.74 to 3.18, where"),
    "no generator": ("Networks(config, generator=Generator(config))", "Networks(config, generator=Generator(config).net)", "build() gave no generator that is a bench.api.Generator"),
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
    (edited,) = hers.glob("runs/lite-latent_edit-*/unlearned.safetensors")
    good, like, out = unlearned[2] / "unlearned.safetensors", hers / "mine.pt", tmp_path / "out.pt"
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "other.pt")
    torch.save({"x": RunsCode(tmp_path / "it ran")}, tmp_path / "bad.pt")
    files = sorted(tmp_path.iterdir())
    for weights, layout, message in (
        (edited, like, "or the method 'latent_edit' left a generator of another structure"),
        (
            bench.workspace.manifest.path_of("vae-mnist"),
            like,
            "holds no generator that was imported (bench zoo import)",
        ),
        (good, tmp_path / "other.pt", "other.pt: is not of the layout that "),
        (good, tmp_path / "bad.pt", "bad.pt: is refused, and nothing in it was run"),
        (good, tmp_path / "none.pt", "none.pt: there is no such file"),
    ):
        done = take_home(bench_cli, weights, layout, out)
        assert done.code == 4 and message in done.err and done.err.count("\n") == 1, done.err
    assert take_home(bench_cli, good, like, like).err.startswith(f"Error: --out {like}: is already there")
    confused = take_home(bench_cli, good, good, tmp_path / "confused.pt")
    assert confused.code == 4 and "is one of this project's files, used as it is (--weights FILE); " in confused.err
    assert sorted(tmp_path.iterdir()) == files


# --- no oracle ----------------------------------------------------------------------------------------


def test_methods_that_need_more_than_clicks_are_skipped_with_the_reason(unlearn, clicks):
    done = unlearn("reject,retrain", "--feedback", clicks, "--json")
    assert done.code == 0, done.err
    assert [(r["status"], r["reason"]) for r in map(json.loads, done.out.splitlines())] == [
        ("skipped", "needs oracle, and there are only clicks"),
        ("skipped", "needs training_data, and there are only clicks"),
    ]


def test_a_method_without_an_identifier_says_how_much_it_changed(unlearn, clicks):
    record = json.loads(unlearn("original", "--feedback", clicks, "--json").out)
    assert {name: value["value"] for name, value in record["metrics"].items()} == {"change": 0.0}


def test_without_clicks_weights_or_a_name_it_is_told_what_to_give(unlearn, clicks, hers):
    assert unlearn("ours").err == (
        "Error: --feedback: data set 'own' has no oracle that could click on samples of 'my_generator'. Click yourself "
        "(bench sample, bench feedback) and give the file: --feedback FILE; or name a data set with an oracle: "
        "--dataset NAME.\n"
    )
    assert unlearn("ours", weights=None).err.startswith(
        "Error: --model my_generator: no weights for this model. For your own generator, pass its weights and your "
        "clicks on its samples: --weights FILE --feedback FILE "
    )
    for name in ("all", "../scar", ""):
        done = unlearn("ours", "--feedback", clicks, feature=name)
        assert done.code in (4, 5), done.out
    assert "is about 'scar', not 'wart' (--feature)" in unlearn("ours", "--feedback", clicks, feature="wart").err


def test_a_wrapped_generator_cannot_be_trained(bench_cli, tmp_path):
    done = bench_cli("pretrain", "--model", "my_generator", "--dataset", "synthfaces", "--plugins", EXAMPLES, "--results", tmp_path / "runs")  # fmt: skip  # noqa: E501
    assert (done.code, done.err) == (4, "Error: --model my_generator: has no training recipe\n")
    done = bench_cli("pretrain", "--model", "vae", "--dataset", "own", "--results", tmp_path / "runs")
    assert (done.code, done.err) == (4, "Error: --dataset own: has no images to learn from; name another one\n")


# --- clicks -------------------------------------------------------------------------------------------


@pytest.fixture
def click(hers, bench_cli, tmp_path):
    """Make feedback of a text; returns the outcome and the file."""

    def call(text, folder=hers / "shown", feature="scar"):
        (tmp_path / "clicked.txt").write_bytes(text.encode() if isinstance(text, str) else text)
        out = tmp_path / "made.json"
        return bench_cli(
            "feedback", folder, "--clicked", tmp_path / "clicked.txt", "--feature", feature, "--out", out
        ), out

    return call


def test_numbers_and_names_and_paths_are_read(click, hers):
    done, out = click('\ufeff3\n000017.png\n\n"99"\r\nshown/000020.png\nC:\\shown\\000021.png\n')
    assert (done.code, done.err) == (0, "")
    made = json.loads(out.read_text())
    assert made["positive"] == [3, 17, 20, 21, 99] and (made["stream"], made["count"]) == ("sample", 100)
    assert made["weights_sha256"] == bench.workspace.checkpoint.read(hers / "mine.safetensors").sha256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3\nscar\n", "clicked.txt, line 2: 'scar' is no sample; expected one clicked sample a line"),
        ("3\n4,1\n", "clicked.txt, line 2: '4,1' is no sample"),
        ("-3\n", "clicked.txt, line 1: '-3' is no sample"),
        ("3\n100\n", "clicked.txt, line 2: there is no sample 100; they are 0 to 99"),
        ("3\n\n000003.png\n", "clicked.txt, line 3: sample 3 is named twice (before in line 1)"),
        ("", "clicked.txt: none of the 100 samples are clicked"),
        ("\n".join(map(str, range(100))), "clicked.txt: all of the 100 samples are clicked"),
        (b"\xff\xfe3\x00", "clicked.txt: is no readable text"),
    ],
)
def test_a_wrong_list_is_refused_by_its_line(text, message, click):
    done, out = click(text)
    assert done.code == 4 and message in done.err and done.err.count("\n") == 1 and not out.exists()


def test_clicks_on_another_attribute_keep_it(hers, unlearn, bench_cli, tmp_path):
    """``-p keep=`` from a person's own clicks: the flagged move only where the kept attribute's projection stays."""
    (tmp_path / "scar.txt").write_text("\n".join(map(str, range(0, 100, 7))))
    (tmp_path / "tall.txt").write_text("\n".join(map(str, range(0, 100, 3))))
    base = ("feedback", hers / "shown", "--clicked", tmp_path / "scar.txt", "--feature", "scar")
    out = tmp_path / "made.json"
    done = bench_cli(*base, "--also", f"tall={tmp_path / 'tall.txt'}", "--out", out)
    assert done.code == 0 and json.loads(out.read_text())["also"] == {"tall": list(range(0, 100, 3))}
    kept = unlearn("ours", "--feedback", out, "-p", "keep=tall", "-p", "epochs=2")
    assert kept.code == 0, kept.err
    lost = unlearn("ours", "--feedback", out, "-p", "keep=small", "-p", "epochs=2")
    assert lost.code == 4 and "holds no clicks for small (its 'also' has: tall)" in lost.err


@pytest.mark.parametrize(
    ("also", "message"),
    [
        (["tall"], "--also tall: expected NAME=FILE"),
        (["scar=clicked.txt"], "--also scar: is the feature itself"),
        (["tall=nowhere.txt"], "--also tall=nowhere.txt: there is no such file or folder"),
        (["tall=a.txt", "tall=b.txt"], "--also tall: is given twice"),
        (["a/b=a.txt"], "--also a/b: is written in letters"),
    ],
)
def test_wrong_clicks_on_another_attribute_are_refused(also, message, hers, bench_cli, tmp_path):
    (tmp_path / "clicked.txt").write_text("3\n")
    more = [part for text in also for part in ("--also", text)]
    out = tmp_path / "made.json"
    done = bench_cli(
        "feedback", hers / "shown", "--clicked", tmp_path / "clicked.txt", "--feature", "scar", "--out", out, *more
    )
    assert done.code == 4 and message in done.err and done.err.count("\n") == 1 and not out.exists()


def test_samples_are_not_mixed_with_others_in_one_folder(bench_cli, tmp_path):
    shown = tmp_path / "shown"

    def draw(count, *more, weights="vae-mnist"):
        return bench_cli("sample", "--weights", weights, "--count", count, "--out", shown, *more)

    assert draw(2).code == 0 and draw(3).code == 0, "more of the same"
    drawn = {path.name: path.read_bytes() for path in shown.iterdir()}
    assert sum(name.startswith("0") for name in drawn) == 3
    for refused in (draw(2), draw(3, "--stream", "other"), draw(3, weights="dcgan-mnist")):
        assert refused.code == 4 and refused.err.startswith(
            f"Error: --out {shown}: shows 3 samples of the stream 'sample' of weights "
        )
    (shown / "samples.json").rename(tmp_path / "samples.json")
    assert draw(3).err.startswith(f"Error: --out {shown}: holds pictures of which no samples.json says what they are")
    (tmp_path / "samples.json").rename(shown / "samples.json")
    assert {path.name: path.read_bytes() for path in shown.iterdir()} == drawn
    assert bench_cli("sample", "--weights", "vae-mnist", "--out", shown / "grid.png").err.endswith(
        "grid.png: is a file; name a folder\n"
    )


def test_an_attribute_that_nothing_has_is_refused(hers, bench_cli, tmp_path):
    (tmp_path / "clicked.txt").write_text("3\n")
    (tmp_path / "none.txt").write_text("\n")
    out = tmp_path / "made.json"
    done = bench_cli(
        *("feedback", hers / "shown", "--clicked", tmp_path / "clicked.txt", "--feature", "scar", "--out", out),
        *("--also", f"tall={tmp_path / 'none.txt'}"),
    )
    assert done.code == 4 and f"--also tall={tmp_path / 'none.txt'}: none of the 100 samples are clicked" in done.err
    assert not out.exists()


def test_a_wrong_folder_or_name_is_refused(click, hers, tmp_path):
    assert (
        "samples.json: there is no such file; the folder must be one that `bench sample"
        in click("3", hers / "scar")[0].err
    )
    (tmp_path / "samples.json").write_text("{}")
    assert "samples.json: does not say what the samples are" in click("3", tmp_path)[0].err
    assert click("3", feature="a/b")[0].err.startswith("Error: --feature a/b: is written in letters")


def test_clicks_on_other_weights_are_refused(unlearn, clicks, tmp_path):
    content = json.loads(clicks.read_text()) | {"weights_sha256": "0" * 64}
    (tmp_path / "other.json").write_text(json.dumps(content))
    done = unlearn("ours", "--feedback", tmp_path / "other.json")
    assert done.code == 4 and "was given on a generator with weights 000000000000" in done.err
