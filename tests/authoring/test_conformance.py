from __future__ import annotations

import keyword
import re

import pytest
import torch

from bench.api.checks import require_range
from bench.authoring.conformance import check, toys
from bench.errors import PluginError
from bench.hookspecs import KINDS
from bench.registry import Registry

BUILT_IN = [(kind.name, name) for kind in KINDS for name in Registry().names(kind.name)]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_a_built_in_passes_every_check(kind, name):
    outcomes = check(Registry(), name, kind)
    assert len(outcomes) >= 3, "hardly anything was checked"
    assert [o for o in outcomes if o.problem is not None] == []


def problems(plugins, name):
    """Return problem by check."""
    return {o.check: o.problem for o in check(Registry(plugins.path), name) if o.problem is not None}


# --- bad methods --------------------------------------------------------------------------------------

LOOP = """
student = deepcopy(generator).requires_grad_(True)
optimiser = torch.optim.SGD(student.parameters(), lr=0.1)
for step in context.steps(3, {"student": student, "optimiser": optimiser}):
    loss = student(NOISE).square().mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    context.log(step, loss=loss)
return Unlearned(student.requires_grad_(False))
"""
GOOD_LOOP = LOOP.replace("NOISE", "context.noise(step, 8, generator.noise_dim)")
BAD_METHODS = {
    "edits_in_place": (
        "with torch.no_grad():\n    for p in generator.parameters():\n        p.mul_(0.5)\nreturn Unlearned(deepcopy(generator))",
        "", "original_is_left_alone", "unlearn changed the original: layer.weight, layer.bias",
    ),
    "returns_the_original": ("return Unlearned(generator)", "", "original_is_left_alone", "returned the original itself"),
    "global_randomness": (
        LOOP.replace("NOISE", "torch.randn(8, generator.noise_dim)"), "", "unlearning_is_deterministic", "two runs differ",
    ),
    "global_seed": (
        "torch.manual_seed(0)\n" + LOOP.replace("NOISE", "torch.randn(8, generator.noise_dim)"), "",
        "global_randomness_is_left_alone", "global random state",
    ),
    "greedy": ("return Unlearned(deepcopy(generator))", 'needs = frozenset({"labels"})', "needs_are_known", "needs ['labels']"),
    "scoring_without_rebuild": (
        "return Unlearned(deepcopy(generator), torch.nn.Flatten(0))", "", "rebuild_gives_the_same_back", "override rebuild",
    ),
    "score_of_wrong_shape": (
        "return Unlearned(deepcopy(generator), torch.nn.Identity())",
        "def rebuild(self, original, oracle):\n    return Unlearned(deepcopy(original), torch.nn.Identity())",
        "unlearned_keeps_the_contract", "identifier(latents) must have shape (N,)",
    ),
    "nan": (
        "student = deepcopy(generator)\nstudent.layer.bias.data.fill_(float('nan'))\nreturn Unlearned(student)", "",
        "unlearned_keeps_the_contract", "or NaN",
    ),
    "forgets_a_part": (
        "student = deepcopy(generator)\nstudent.render = lambda z: torch.zeros(len(z), 1, 28, 28)\nreturn Unlearned(student)", "",
        "rebuild_gives_the_same_back", "draws other images",
    ),
    "returns_a_generator": ("return deepcopy(generator)", "", "unlearned_keeps_the_contract", ""),
    "raises": ("raise KeyError('lost')", "", "unlearning_is_deterministic", "KeyError: 'lost'"),
    "loose_config": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    model_config = {'extra': 'ignore'}\n    lr: float = 1",
        "config_is_strict", "extra='forbid'",
    ),
    "undescribed": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    lr: float = 1", "config_is_strict",
        "fields without a description: lr",
    ),
    "no_default": (
        "return Unlearned(deepcopy(generator))", "class Config(Params):\n    lr: float", "config_has_defaults", "Field required",
    ),
    "silent_summary": ("return Unlearned(deepcopy(generator))", "", "has_a_docstring", "no docstring"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_METHODS)
def test_a_bad_method_is_caught(name, plugins):
    body, attributes, where, message = BAD_METHODS[name]
    plugins.method(name, body, attributes, summary=" " if name == "silent_summary" else "A bad method.")
    found = problems(plugins, name)
    assert where in found, found
    assert message in found[where]


def test_a_sound_method_passes(plugins):
    plugins.method("sound", GOOD_LOOP)
    assert problems(plugins, "sound") == {}


# --- bad models ---------------------------------------------------------------------------------------

BAD_MODELS = {
    "hidden_randomness": (
        "width, lean, place = self.layer(latents)",
        "width, lean, place = self.layer(latents + 0.1 * torch.randn(latents.shape))",
        "same_noise_gives_the_same_image", "two calls on the same noise differ",
    ),
    "batch_dependent": (
        "self.layer(latents)", "self.layer(latents - latents.mean(0))", "same_noise_gives_the_same_image",
        "depend on the batch",
    ),
    "dropout": (
        "self.layer(latents)", "torch.nn.functional.dropout(self.layer(latents))", "same_noise_gives_the_same_image",
        "two calls on the same noise differ",
    ),
    "wrong_latent_dim": (
        "noise_dim = latent_dim = 6", "noise_dim, latent_dim = 6, 5", "generator_keeps_its_shapes",
        "latent_dim is 5: sample gave latents (5, 6), not (5, 5)",
    ),
    "wrong_shape": (
        "return inside[:, None]", "return inside", "generator_keeps_its_shapes",
        "image_shape is (1, 28, 28): sample gave images (5, 28, 28), not (5, 1, 28, 28)",
    ),
    "wrong_noise_dim": (
        "noise_dim = latent_dim = 6", "noise_dim = latent_dim = 7", "generator_keeps_its_shapes",
        "noise_dim is 7, and sample(noise) with noise of shape (5, 7) raised RuntimeError: mat1 and mat2 shapes cannot",
    ),
    "no_noise_dim": (
        "noise_dim = latent_dim = 6", "latent_dim = 6", "generator_keeps_its_shapes", "the generator has no noise_dim: ",
    ),
    "half": (
        "nn.Linear(6, 3)", "nn.Linear(6, 3).bfloat16()", "parameters_are_float32",
        "the generator's layer.weight is torch.bfloat16, not torch.float32, and does not train in it. Build the module "
        "with .float()",
    ),
    "minus_one_to_one": (
        "inside[:, None]", "2 * inside[:, None] - 1", "images_are_in_range",
        "images have values from -1.00 to 1.00, where [0, 1] is expected and the rest would be clamped. Where the "
        "network's output x is in [-1, 1], return (x + 1) / 2",
    ),
    "bytes": ("inside[:, None]", "255 * inside[:, None]", "images_are_in_range", "images have values from 0.00 to 25"),
    "nan": ("inside[:, None]", "inside[:, None] + float('nan')", "images_are_in_range", "images hold NaN or infinite"),
    "old_spectral_norm": (
        "self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))",
        "self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))\n        nn.utils.spectral_norm(self.layer)",
        "generator_can_be_copied", "deepcopy raised RuntimeError (Only Tensors created explicitly",
    ),
    "double": ("inside[:, None]", "inside[:, None].double()", "generator_keeps_its_shapes", "images are torch.float64, not torch.float32"),
    "not_differentiable": (
        "return inside[:, None]", "return inside[:, None].detach() + 0 * self.layer.weight.sum()",
        "generator_is_differentiable", "no gradient reaches",
    ),
    "hidden_state": (
        "self.image_shape = image_shape", "self.image_shape = image_shape; self.extra = torch.randn(28, 28)",
        "state_round_trips", "state_dict does not hold all",
    ),
    "global_training_noise": (
        "torch.randn(len(batch.images), 6, generator=rng)", "torch.randn(len(batch.images), 6)", "training_step_trains",
        "not deterministic",
    ),
    "idle": ("        loss.backward()\n", "", "training_step_trains", "changed nothing"),
    "exploding": ("lr=networks.config.lr", "lr=float('nan')", "training_step_trains", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_bad_model_is_caught(name, plugins):
    old, new, where, message = BAD_MODELS[name]
    text = (plugins.path / "bars.py").read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    if name == "hidden_state":
        text = text.replace("return inside[:, None]", "return inside[:, None] + self.extra")
    plugins.write(name, text)
    found = problems(plugins, name)
    assert where in found, found
    assert message in found[where]


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`:FutureWarning")
def test_the_old_weight_norm_is_told_of_the_new_one(plugins):
    text = (plugins.path / "bars.py").read_text()
    at = "self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))\n"
    plugins.write("old", text.replace(at, f"{at}        nn.utils.weight_norm(self.layer)\n"))
    plugins.write("new", text.replace(at, f"{at}        nn.utils.parametrizations.weight_norm(self.layer)\n"))
    found = problems(plugins, "old")["generator_can_be_copied"]
    assert "use that of torch.nn.utils.parametrizations; or call torch.nn.utils.remove_weight_norm on the la" in found
    assert problems(plugins, "new") == {}


def test_images_may_overshoot_on_both_sides_before_training_alone():
    wide = torch.linspace(-1, 2, 300).view(1, 1, 10, 30)
    require_range(wide, trained=False)
    require_range(torch.linspace(-0.09, 1.09, 300).view(1, 1, 10, 30), trained=True)
    with pytest.raises(PluginError, match=r"from -1\.00 to 2\.00"):
        require_range(wide, trained=True)


def test_bars_pass(plugins):
    assert problems(plugins, "bars") == {}


# --- bad metrics and classifiers ----------------------------------------------------------------------

METRIC = '''
"""A bad metric."""

import numpy as np

from bench.api import Metric, Value, hookimpl


class Bad(Metric):
    columns = frozenset({{"{column}"}})

    def compute(self, columns):
        return {{"bad": Value({arguments})}}


@hookimpl
def register_metrics(register):
    register(Bad)
'''
BAD_METRICS = {
    "nan": ("labels", "float('nan'), 5, None", "values_are_sound", "bad is nan"),
    "nan_low": ("labels", "0.5, 5, None, float('nan'), 1.0", "values_are_sound", "interval nan to 1.0"),
    "infinite_high": ("labels", "0.5, 5, None, 0.0, float('inf')", "values_are_sound", "interval 0.0 to inf"),
    "outside": ("labels", "2.0, 5, None, 0.0, 1.0", "values_are_sound", "bad = 2.0 lies outside [0.0, 1.0]"),
    "unknown_column": ("pixels", "0.5, 5, None", "columns_are_known", "reads ['pixels']"),
    "random": ("labels", "np.random.default_rng().random(), 5, None", "values_are_sound", "two calls differ"),
    "raising": ("labels", "columns.nowhere, 5, None", "values_are_sound", "AttributeError"),
}


@pytest.mark.parametrize("name", BAD_METRICS)
def test_a_bad_metric_is_caught(name, plugins):
    column, arguments, where, message = BAD_METRICS[name]
    plugins.write(name, METRIC.format(column=column, arguments=arguments))
    found = problems(plugins, name)
    assert set(found) == {where}
    assert message in found[where]


CLASSIFIER = '''
"""An oracle that fails on a blank image."""

import numpy as np

from bench.api import Classifier, hookimpl


class Bad(Classifier):
    attributes = ("bright", "dark")
    cuts = {"bright": 0.5}

    def scores(self, images, attributes):
        total = images.double().sum(dim=(1, 2, 3)).numpy()[:, None]
        return np.where(total > 0, total, np.nan).repeat(len(attributes), 1)


@hookimpl
def register_classifiers(register):
    register(Bad)
'''


def test_a_bad_classifier_is_caught(plugins):
    plugins.write("bad_oracle", CLASSIFIER)
    found = problems(plugins, "bad_oracle")
    assert found == {
        "scores_are_finite": "a degenerate image got NaN or infinity",
        "every_attribute_has_a_cut": "no cut for dark",
    }


def test_toy_inputs_are_what_they_say():
    perfect, null = toys.toy_columns(perfect=True), toys.toy_columns(perfect=False)
    assert not perfect.labels.any() and perfect.original_labels.sum() == 40
    assert (null.labels == null.original_labels).all() and not null.pixel_change.any()


# --- the command, and what ``bench new`` writes -------------------------------------------------------


def test_bench_check_reports_and_exits(plugins, bench_cli):
    plugins.method("edits", BAD_METHODS["edits_in_place"][0])
    by_name = bench_cli("check", "edits", "--plugins", plugins.path)
    assert by_name.code == 3
    assert "FAILED method edits: original_is_left_alone\n       unlearn changed the original" in by_name.out
    by_file = bench_cli("check", plugins.path / "edits.py")
    assert (by_file.code, by_file.out) == (3, by_name.out)
    good = bench_cli("check", "ours")
    assert good.code == 0 and re.search(r"^(\d+) passed, 0 failed$", good.out, re.M)
    assert bench_cli("check", plugins.path / "nowhere.py").code == 4
    unknown = bench_cli("check", "orus")
    assert unknown.code == 4 and "Did you mean 'ours'?" in unknown.err


def test_check_of_a_broken_file_says_why(plugins, bench_cli):
    file = plugins.write("half", "@hookimpl\ndef register_metrics(register:\n")
    done = bench_cli("check", file)
    assert done.code == 3 and "FAILED metric half: loads" in done.out and "SyntaxError" in done.out


@pytest.mark.parametrize("kind", ["method", "model", "metric"])
@pytest.mark.parametrize("name", ["my_idea", "decoder", "direction", "value", "unlearned", "X", "config"])
def test_what_new_writes_passes_check_untouched(kind, name, tmp_path, bench_cli):
    folder = tmp_path / "plugins"
    made = bench_cli("new", kind, name, "--plugins", folder)
    assert made.code == 0, made.err
    assert made.out.splitlines() == [str(folder / f"{name}.py"), f"Check it: bench check {name} --plugins {folder}"]
    checked = bench_cli("check", name, "--plugins", folder)
    assert checked.code == 0, checked.out
    assert "TemplateName" not in (folder / f"{name}.py").read_text()


def test_new_writes_into_the_default_folder(tmp_path, bench_cli):
    made = bench_cli("new", "method", "my_idea", cwd=tmp_path)
    assert made.out == "plugins/my_idea.py\nCheck it: bench check my_idea\n"
    assert bench_cli("check", "my_idea", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ours", "there is a method of that name (built-in)"),
        ("my-idea", "is no file name for a plug-in"),
        ("_mine", "is no file name for a plug-in"),
        ("../mine", "is no file name for a plug-in"),
        *((word, "is no file name for a plug-in") for word in keyword.kwlist[-2:]),
    ],
)
def test_new_refuses_a_bad_name(name, message, tmp_path, bench_cli):
    done = bench_cli("new", "method", name, "--plugins", tmp_path)
    assert done.code == 4 and message in done.err
    assert list(tmp_path.iterdir()) == []


def test_new_never_overwrites(tmp_path, bench_cli):
    assert bench_cli("new", "method", "mine", "--plugins", tmp_path).code == 0
    before = (tmp_path / "mine.py").read_text()
    again = bench_cli("new", "metric", "mine", "--plugins", tmp_path)
    assert again.code == 4 and "is there already" in again.err
    assert (tmp_path / "mine.py").read_text() == before
