"""Files of the module that ``tests/plugins/wrapped.py`` wraps: imported, changed as unlearning would, exported."""

from __future__ import annotations

import sys

import pytest
import torch
from own_generator import bring, take_home

from bench.api import Unlearned
from bench.registry import Registry
from bench.workspace.weights import loading, saving

LAYERS = "self.first, self.last = nn.Linear(6, 12), nn.Linear(12, 64)"
BUILT = "self.net = Net()"
DRAWN = "images: Tensor = self.net(latents)"


@pytest.fixture
def module(plugins):
    """Return a function that writes the plug-in, with (old, new) pieces of text changed, and gives its module."""

    def write(*changes):
        plugins.add("wrapped", *changes)
        return sys.modules[Registry(plugins.path).get("models", "wrapped").__module__]

    return write


@pytest.fixture
def brought(plugins, bench_cli, tmp_path):
    """Return a function that imports a file with --at and loads it; it must work."""

    def load(file, at=""):
        out = tmp_path / "ours.safetensors"
        out.unlink(missing_ok=True)
        done = bring(bench_cli, file, out, "--at", at, "--plugins", plugins.path, model="wrapped")
        assert (done.code, done.err) == (0, ""), done.err
        return loading.load_original(Registry(plugins.path), out)

    return load


@pytest.fixture
def refused(plugins, bench_cli, tmp_path):
    """Return a function that imports a file which must be refused in one line; gives the message."""

    def attempt(file, at="", code=4):
        out = tmp_path / "not.safetensors"
        done = bring(bench_cli, file, out, "--at", at, "--plugins", plugins.path, model="wrapped")
        assert (done.code, done.out) == (code, "") and done.err.count("\n") == 1 and not out.exists(), done.err
        return done.err

    return attempt


@pytest.fixture
def exported(bench_cli, tmp_path):
    """Return a function that moves some weights of an original and writes it back like a file; gives both."""

    def back(original, like, moved=lambda name: True):
        with torch.no_grad():
            for name, parameter in original.generator.named_parameters():
                parameter.mul_(1.5 if moved(name) else 1)
        config = Registry().get("methods", "original").Config()
        weights, out = tmp_path / "unlearned.safetensors", tmp_path / f"back{like.suffix}"
        saving.save_unlearned(weights, original, Unlearned(original.generator), "original", config, None)
        return take_home(bench_cli, weights, like, out), out

    return back
