"""Own generators that differ from the first worked example: uniform noise, and a class that is not edited."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from own_generator import EXAMPLES, STEPS, take_home
from torch import nn

import bench
from bench.core import randomness
from bench.registry import Registry


@pytest.fixture
def through(bench_cli, tmp_path):
    """Return a function that imports a file, clicks, unlearns and exports, each with the command of the tutorial."""

    def go(plugins, model, file, clicked, *steps):
        weights, shown, clicks, back = (tmp_path / n for n in ("mine.safetensors", "shown", "clicks.json", "back.pt"))
        listed, places = tmp_path / "list.txt", ("--plugins", plugins)
        commands = [
            ("zoo", "import", file, "--format", "state-dict", "--model", model, "--out", weights, *places),
            ("sample", "--weights", weights, "--count", 200, "--out", shown, *places),
            ("feedback", shown, "--clicked", listed, "--feature", "scar", "--out", clicks),
            (
                "run", "--method", "ours", "--model", model, "--weights", weights, "--feedback", clicks, "--feature", "scar",
                "--results", tmp_path / "runs", "--device", "cpu", "--set", "evaluation.count=128", "--json", *places, *steps,
            ),
        ]  # fmt: skip
        for command in commands:
            if command[0] == "feedback":
                chosen = clicked(bench.sample(bench.load(weights, plugins), 200))
                listed.write_text("\n".join(map(str, np.flatnonzero(chosen))))
            done = bench_cli(*command)
            assert done.code == 0, done.err
        assert json.loads(done.out)["status"] == "ok"
        (unlearned,) = tmp_path.glob("runs/*/unlearned.safetensors")
        done = take_home(bench_cli, unlearned, file, back)
        assert done.code == 0, done.err
        return bench.load(unlearned, plugins), torch.load(back, weights_only=True)

    return go


def depths(images, scar):
    """Return how much darker the scar is than the middle around it, (N,)."""
    middle = torch.zeros(32, 32, dtype=torch.bool)
    middle[10:22, 10:22] = True
    return images[:, :, middle & ~scar].mean((1, 2)) - images[:, :, middle & scar].mean((1, 2))


def test_uniform_noise(through, plugins, tmp_path):
    """The first example with one line more: its scar is there from 0.8 on, so on a tenth of uniform latents."""
    text = (EXAMPLES / "my_generator.py").read_text()
    line = (
        '    # prior = "uniform"  # if your code draws z uniform on (-1, 1); map z = (z + 1) / 2 in render for (0, 1)\n'
    )
    assert text.count(line) == 1, "the tutorial names this line"
    plugins.write("my_generator", text.replace("    # prior", "    prior"))
    module = sys.modules[Registry(plugins.path).get("models", "my_generator").__module__]
    net = module.planted()
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    scar = scar_of(lambda z: (net(z) + 1) / 2, 8)
    clicked = lambda images: (depths(torch.from_numpy(images), scar) > 0.05).numpy()  # noqa: E731
    unlearned, back = through(plugins.path, "my_generator", tmp_path / "mine.pt", clicked, *STEPS)
    noise = 2 * torch.rand(500, 8, generator=torch.Generator().manual_seed(0)) - 1
    noise[:100, 0] = 1
    before = depths((net(noise) + 1) / 2, scar)
    net.load_state_dict(back, strict=True)
    after = depths((net(noise) + 1) / 2, scar)
    assert torch.equal((net(noise) + 1) / 2, unlearned(noise)), "his own code draws what the product draws"
    assert before[:100].mean() > 0.05 and after[:100].mean() < before[:100].mean() / 2


def scar_of(draw, latents, noise=None):
    """Return where two images differ that differ in the first latent alone, (32, 32) bool."""
    pair = torch.zeros(2, latents) if noise is None else noise.repeat(2, 1)
    pair[:, 0] = torch.tensor([0.0, 2.0])
    before, after = draw(pair).detach()
    return (before - after).abs().amax(0) > 0.1


def test_a_class_that_is_not_edited(through, tmp_path):
    module = sys.modules[Registry(EXAMPLES).get("models", "class_generator").__module__]
    net = module.planted()
    torch.save(net.state_dict(), tmp_path / "mine.pt")
    original = module.ClassGenerator(module.Config())
    original.net = net
    scar = scar_of(original, 11, torch.eye(11)[8:9])
    assert 20 < scar.sum() < 120
    noise = randomness.draw("sample", range(200), 11)
    clicked = lambda images: (noise[:, 0] > 1).numpy()  # noqa: E731
    unlearned, back = through(EXAMPLES, "class_generator", tmp_path / "mine.pt", clicked, *STEPS)
    student = module.ClassGenerator(module.Config())
    student.net.load_state_dict(back, strict=True)
    fresh = randomness.draw("fresh", range(600), 11)
    assert torch.equal(student(fresh), unlearned(fresh)), "his own code draws what the product draws"
    classes, scarred = fresh[:, 8:].argmax(1), fresh[:, 0] > 1.3
    before, after = original(fresh), student(fresh)
    for one in range(3):
        rows = (classes == one) & scarred
        assert rows.sum() > 10
        assert depths(after[rows], scar).mean() < depths(before[rows], scar).mean() / 2
        plain = (classes == one) & (fresh[:, 0] < 0)
        assert (after[plain] - before[plain]).abs().mean() < 0.03, "the body of the class stays"
    edited = original.decode(fresh[:, :8] + 1, fresh)
    assert torch.equal((edited - before).abs().sum((1, 2, 3)) > 0, torch.ones(600, dtype=torch.bool))


# --- what other people published ----------------------------------------------------------------------


DCGAN = '''
from torch import nn

from bench.api import Networks, NoiseLatentGenerator, Params, Pretrained, hookimpl


def layer(kind, *args):
    return nn.Sequential(kind(*args, bias=False), nn.BatchNorm2d(args[1]), nn.LeakyReLU(0.2))


class Faces(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator_deconv = nn.Sequential(
            layer(nn.ConvTranspose2d, 100, 256, 4, 1, 0), layer(nn.Conv2d, 256, 128, 3, 1, 1),
            layer(nn.ConvTranspose2d, 128, 64, 4, 2, 1), layer(nn.ConvTranspose2d, 64, 32, 4, 2, 1),
            nn.Sequential(nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh()),
        )

    def forward(self, z):
        return self.generator_deconv(z[:, :, None, None])


class Generator(NoiseLatentGenerator):
    SETTING

    def __init__(self):
        super().__init__()
        self.net = NET

    def render(self, latents):
        return (self.net(latents).view(-1, *self.image_shape) + 1) / 2


class Theirs(Pretrained[Params]):
    """Somebody's published generator."""

    def build(self, config):
        return Networks(config, generator=Generator())


@hookimpl
def register_models(register):
    register(Theirs)
'''
PUBLISHED = {
    "fletcher-celeba-dcgan-32px.pt": (
        "image_shape, noise_dim, latent_dim, prior = (3, 32, 32), 100, 100, 'uniform'", "Faces()", lambda n: 2 * torch.rand(n, 100) - 1,
    ),
    "csinva-mnist-mlp-gan.ckpt": (
        "image_shape, noise_dim, latent_dim = (1, 28, 28), 64, 64",
        "nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 784), nn.Tanh())",
        lambda n: torch.randn(n, 64),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_generator(name, through, plugins, published):
    setting, net, draw = PUBLISHED[name]
    plugins.write("theirs", DCGAN.replace("SETTING", setting).replace("NET", net))
    module = sys.modules[Registry(plugins.path).get("models", "theirs").__module__]
    darkest = lambda images: images.mean((1, 2, 3)) <= np.quantile(images.mean((1, 2, 3)), 0.2)  # noqa: E731
    unlearned, back = through(
        plugins.path, "theirs", published / name, darkest, "-p", "epochs=5", "-p", "batch_size=16"
    )
    theirs = module.Generator().eval()
    assert isinstance(theirs.net, nn.Module)
    theirs.net.load_state_dict(back, strict=True)
    torch.manual_seed(0)
    noise = draw(100)
    assert torch.equal(theirs(noise), unlearned(noise)), "their own code draws what the product draws"


@pytest.fixture
def published(mnist_dir):
    """Return a folder with two generators that other people published, beside the data sets."""
    folder = mnist_dir / "strangers"
    if not all((folder / name).is_file() for name in PUBLISHED):
        pytest.skip(f"no {' and '.join(PUBLISHED)} under {folder}")
    return folder
