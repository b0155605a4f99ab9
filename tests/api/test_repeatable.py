"""A generator that is not a function of its noise, or cannot be trained: refused at every door, with the reason."""

from __future__ import annotations

import pytest
import torch
from own_generator import bring
from wrapped_files import DRAWN, LAYERS

import bench
from bench.api.checks import require_contract
from bench.errors import PluginError, UsageError

HIDDEN = "self.first(z)"
OUT = "return torch.sigmoid(self.last(torch.relu(self.first(z)))).view(-1, 1, 8, 8)"
DRAWS = "draws its own random numbers (noise inside, dropout). Take that noise from `noise`, with a larger noise_dim"
BATCH = "images depend on the batch they are drawn in: batch statistics"
CUT = "no gradient reaches the"


def gated(start, use):
    return ((LAYERS, f"{LAYERS}; self.gate = nn.Parameter(torch.full((1,), {start}))"), (HIDDEN, f"self.first({use})"))


def hidden(use):
    return ((HIDDEN, use),)


def drawn(*lines):
    return ((DRAWN, "\n        ".join([*lines[:-1], f"images: Tensor = {lines[-1]}"])),)


STATE = "import numpy as np; import random; STEPS = []\n\n\nclass Net(nn.Module):"
WRONG = {  # the module, and what is said of it
    "learnt noise, 0 as built": (gated("0.0", "z + self.gate * torch.randn_like(z)"), DRAWS),
    "noise with a log-deviation of -1e4": (gated("-1e4", "z + self.gate.exp() * torch.randn_like(z)"), DRAWS),
    "noise behind a closed sigmoid": (gated("-1e4", "z + self.gate.sigmoid() * torch.rand_like(z)"), DRAWS),
    "gated dropout": (gated("0.0", "z + self.gate * nn.functional.dropout(z)"), DRAWS),
    "noise of numpy": (((("class Net(nn.Module):", STATE),) + hidden("self.first(z) + np.random.rand()")), DRAWS),
    "noise of Python": (((("class Net(nn.Module):", STATE),) + hidden("self.first(z) + random.random()")), DRAWS),
    "rand_like": (hidden("self.first(z + torch.rand_like(z))"), DRAWS),
    "dropout in eval mode": (hidden("nn.functional.dropout(self.first(z))"), DRAWS),
    "batch means behind a gate": (gated("0.0", "z - self.gate * z.mean(0)"), BATCH),
    "a batch deviation behind a gate": (gated("0.0", "z + self.gate * z.std(0, unbiased=False)"), BATCH),
    "batch norm that trains": (hidden("nn.functional.batch_norm(self.first(z), None, None, training=True)"), "one sample alone raised ValueError: Expected more than 1 value"),
    "a softmax over the batch": (hidden("self.first(z).softmax(0)"), BATCH),
    "noise by position": (hidden("self.first(z) + torch.arange(len(z))[:, None]"), BATCH),
    "a squeeze": (((".view(-1, 1, 8, 8)", ".squeeze().unsqueeze(-1).view(*z.squeeze().shape[:-1], 1, 8, 8)"),), "one sample alone has images (1, 8, 8) and latents (1, 6), not (1, 1, 8, 8): the shape depends on the batch"),
    "a fixed batch": (((".view(-1, 1, 8, 8)", ".view(2 * (len(z) // 2), 1, 8, 8)"),), "one sample alone raised RuntimeError: "),
    "a detached image": (drawn("self.net(latents).detach()"), f"{CUT} parameters"),
    "no_grad": (drawn("torch.no_grad()(self.net)(latents)"), f"{CUT} parameters"),
    "through numpy": (drawn("torch.from_numpy(self.net(latents).detach().numpy())"), f"{CUT} parameters"),
    "a detached input": (drawn("self.net(latents.detach())"), f"{CUT} latents"),
    "inference mode": (drawn("torch.inference_mode()(self.net)(latents)"), f"{CUT} parameters"),
    "an input scaled in place": (drawn("latents *= 0.5", "self.net(latents)"), "sample changes the noise it is given"),
    "an input clamped in place": (drawn("self.net(latents.clamp_(-0.1, 0.1))"), "sample changes the noise it is given"),
    "an input rectified in place": (drawn("self.net(torch.relu_(latents))"), "sample changes the noise it is given"),
}  # fmt: skip
WRONG["a counter"] = (
    (
        ("class Net(nn.Module):", STATE),
        (OUT, "STEPS.append(1); return torch.sigmoid(self.last(torch.relu(self.first(z) + len(STEPS) % 5))).view(-1, 1, 8, 8)"),
    ),
    "the network keeps something from call to call",
)  # fmt: skip
RIGHT = {
    "fixed noise in a buffer": ((LAYERS, f"{LAYERS}; self.register_buffer('fixed', torch.randn(12))"), (HIDDEN, "self.first(z) + self.fixed")),
    "noise of a generator seeded anew": hidden("self.first(z) + torch.randn(12, generator=torch.Generator().manual_seed(0))"),
    "dropout, which eval mode switches off": ((LAYERS, f"{LAYERS}; self.drop = nn.Dropout()"), (HIDDEN, "self.drop(self.first(z))")),
    "batch norm": ((LAYERS, f"{LAYERS}; self.norm = nn.BatchNorm1d(12)"), (HIDDEN, "self.norm(self.first(z))")),
    "layer norm": ((LAYERS, f"{LAYERS}; self.norm = nn.LayerNorm(12)"), (HIDDEN, "self.norm(self.first(z))")),
    "spectral norm": ((LAYERS, "self.first, self.last = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 12)), nn.Linear(12, 64)"),),
    "a last layer of zeros": ((LAYERS, f"{LAYERS}; nn.init.zeros_(self.last.weight)"),),
    "an activation in place inside": (("torch.relu(", "torch.relu_("),),
    "a copy changed in place": drawn("scaled = latents.clone()", "scaled *= 0.5", "self.net(scaled)"),
    "latents on a sphere": drawn("self.net(latents / latents.norm(dim=1, keepdim=True))"),
    "a class from the noise": (*drawn("self.net(latents)"), ("torch.relu(self.first(z))", "torch.relu(self.first(z)) * nn.functional.one_hot(z.argmax(1), 12)")),
}  # fmt: skip


@pytest.fixture
def weights(module, tmp_path):
    """Return a function that writes the plug-in, and a file of its module with every gate open."""

    def make(changes):
        code = module(*changes)
        net = code.Net()
        if hasattr(net, "gate"):
            net.gate.data.fill_(0.5)
        torch.save(net.state_dict(), tmp_path / "mine.pt")
        generator = code.Generator()
        generator.net.load_state_dict(net.state_dict())
        return tmp_path / "mine.pt", generator

    return make


NOISY = """class Noisy(Generator):
    def __init__(self, original):
        super().__init__()
        self.original = original
        self.image_shape, self.noise_dim, self.latent_dim = original.image_shape, 6, 6

    def sample(self, noise):
        return self.original.sample(noise + torch.randn_like(noise))

    def decode(self, latents, noise):
        return self.original.decode(latents, noise)


class Config"""
CLICKS = bench.make_feedback([True, False] * 10, stream="clicks")


@pytest.mark.parametrize("case", WRONG)
def test_it_is_refused_at_every_door(case, weights, plugins, bench_cli, tmp_path):
    changes, message = WRONG[case]
    file, generator = weights(changes)
    checked = bench_cli("check", "wrapped", "--plugins", plugins.path)
    assert checked.code != 0 and " ".join(message.split()) in " ".join((checked.out + checked.err).split())
    out = tmp_path / "out.safetensors"
    done = bring(bench_cli, file, out, "--plugins", plugins.path, model="wrapped")
    assert (done.code, done.out) == (3, "") and message in done.err and done.err.count("\n") == 1 and not out.exists()
    with pytest.raises(UsageError) as refused:
        bench.unlearn(generator, CLICKS, epochs=1)
    assert str(refused.value).startswith("unlearn(original): ") and message in str(refused.value)


@pytest.mark.parametrize("case", RIGHT)
def test_a_function_of_the_noise_is_taken(case, weights, plugins, bench_cli, tmp_path):
    file, generator = weights(RIGHT[case])
    checked = bench_cli("check", "wrapped", "--plugins", plugins.path)
    assert checked.code == 0, checked.out
    done = bring(bench_cli, file, tmp_path / "out.safetensors", "--plugins", plugins.path, model="wrapped")
    assert done.code == 0, done.err
    bench.unlearn(generator, CLICKS, epochs=1, batch_size=4)


def test_weights_whose_plug_in_was_changed_since_their_import(weights, plugins, bench_cli, tmp_path):
    file, _ = weights(())
    out = tmp_path / "out.safetensors"
    assert bring(bench_cli, file, out, "--plugins", plugins.path, model="wrapped").code == 0
    weights(hidden("self.first(z + torch.rand_like(z))"))
    with pytest.raises(
        PluginError, match=r"with the weights of .*out\.safetensors: two calls on the same noise differ"
    ):
        bench.load(out, plugins.path)
    done = bench_cli("sample", "--weights", out, "--out", tmp_path / "shown", "--plugins", plugins.path)
    assert done.code == 3 and "two calls on the same noise differ" in done.err and not (tmp_path / "shown").exists()


def test_a_method_that_returns_such_a_generator_fails(on_bars, bars, plugins):
    plugins.method("noisy", "return Unlearned(Noisy(deepcopy(generator)))", "def rebuild(self, original, oracle):\n    return Unlearned(Noisy(original))")  # fmt: skip
    text = (plugins.path / "noisy.py").read_text()
    (plugins.path / "noisy.py").write_text(text.replace("class Config", NOISY))
    done = on_bars("noisy", plugins=plugins.path)
    assert done.code == 1
    assert "the unlearned generator cannot be measured: two calls on the same noise differ" in done.out + done.err


def test_shipped_generators_keep_it():
    for name in ("vae-mnist", "dcgan-mnist"):
        require_contract(bench.load(name).generator)
