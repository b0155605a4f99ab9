from __future__ import annotations

import pytest
import torch

from bench.api.checks import require_range
from bench.errors import PluginError

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
        "the generator's layer.weight is torch.bfloat16, not torch.float32; call .float() on the generator",
    ),
    "minus_one_to_one": (
        "inside[:, None]", "2 * inside[:, None] - 1", "images_are_in_range",
        "images have values from -1.00 to 1.00, but [0, 1] is expected and all else would be clamped. If the "
        "network's output x is in [-1, 1], return (x + 1) / 2",
    ),
    "bytes": ("inside[:, None]", "255 * inside[:, None]", "images_are_in_range", "images have values from 0.00 to 25"),
    "nan": ("inside[:, None]", "inside[:, None] + float('nan')", "images_are_in_range", "images contain NaN or infinite"),
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
def test_a_bad_model_is_caught(name, plugins, problems):
    old, new, where, message = BAD_MODELS[name]
    text = (plugins.path / "bars.py").read_text()
    assert text.count(old) == 1
    text = text.replace(old, new)
    if name == "hidden_state":
        text = text.replace("return inside[:, None]", "return inside[:, None] + self.extra")
    plugins.write(name, text)
    found = problems(name)
    assert where in found, found
    assert message in found[where]


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`:FutureWarning")
def test_the_old_weight_norm_is_told_of_the_new_one(plugins, problems):
    text = (plugins.path / "bars.py").read_text()
    at = "self.layer.bias.copy_(torch.tensor([2.0, 0.0, 0.0]))\n"
    plugins.write("old", text.replace(at, f"{at}        nn.utils.weight_norm(self.layer)\n"))
    plugins.write("new", text.replace(at, f"{at}        nn.utils.parametrizations.weight_norm(self.layer)\n"))
    found = problems("old")["generator_can_be_copied"]
    assert (
        "with the one in torch.nn.utils.parametrizations; or call torch.nn.utils.remove_weight_norm on the la" in found
    )
    assert problems("new") == {}


def test_images_may_overshoot_on_both_sides_before_training_alone():
    wide = torch.linspace(-1, 2, 300).view(1, 1, 10, 30)
    require_range(wide, trained=False)
    require_range(torch.linspace(-0.09, 1.09, 300).view(1, 1, 10, 30), trained=True)
    with pytest.raises(PluginError, match=r"from -1\.00 to 2\.00"):
        require_range(wide, trained=True)


def test_bars_pass(problems):
    assert problems("bars") == {}


def test_a_generator_that_decodes_to_another_image(plugins, problems):
    plugins.add("wrapped", ("    def render", "    def decode(self, latents: Tensor, noise: Tensor) -> Tensor:\n        return self.render(latents * 1.1)\n\n    def render"))  # fmt: skip
    assert "decode(latents, noise) does not give sample's images back" in problems("wrapped")["same_noise_gives_the_same_image"]  # fmt: skip
