"""Oracles, extractors and data sets that cannot see a generator's images are refused before anything runs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from own_generator import bring
from wrapped_files import LAYERS

import bench
from bench.errors import UsageError

FACES, DIGITS = "3, 64, 64", "1, 28, 28"


@pytest.fixture
def of_shape(module, plugins, bench_cli, tmp_path):
    """Return a function that imports a wrapped generator of a shape; gives its weights."""

    def make(channels, height, width):
        code = module(
            (LAYERS, f"self.first, self.last = nn.Linear(6, 12), nn.Linear(12, {channels * height * width})"),
            (".view(-1, 1, 8, 8)", f".view(-1, {channels}, {height}, {width})"),
            ("(1, 8, 8), 6, 6", f"({channels}, {height}, {width}), 6, 6"),
        )
        out = tmp_path / f"{channels}-{height}-{width}.safetensors"
        torch.save(code.Net().state_dict(), tmp_path / "mine.pt")
        done = bring(bench_cli, tmp_path / "mine.pt", out, "--plugins", plugins.path, model="wrapped")
        assert done.code == 0, done.err
        return out

    return make


@pytest.fixture
def ran(bench_cli, plugins, tmp_path):
    """Return a function that runs one cell of a wrapped generator."""

    def run(weights, method, *more):
        return bench_cli(
            "run", "--method", method, "--model", "wrapped", "--weights", weights, "--plugins", plugins.path,
            "--results", tmp_path / "runs", "--set", "evaluation.count=64", "--set", "feedback.count=40", *more,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 64, 64), (3, 64, 32), (3, 28, 28), (4, 64, 64)])
def test_a_data_set_of_another_shape(shape, of_shape, ran, plugins, tmp_path):
    weights, drawn = of_shape(*shape), ", ".join(map(str, shape))
    told = f"its images are ({FACES}) (C, H, W), and the generator draws ({drawn}). Name a data set of that shape"
    done = ran(weights, "latent_edit", "--dataset", "synthfaces", "--feature", "beard")
    assert done.code == 4 and done.err.startswith(f"Error: --dataset synthfaces: {told}")
    assert not list(tmp_path.glob("runs/*/result.json"))
    generator = bench.load(weights, plugins.path)
    with pytest.raises(UsageError) as refused:
        bench.evaluate(generator, generator, feature="beard", dataset="synthfaces", count=64)
    assert str(refused.value).startswith(f"evaluate(dataset='synthfaces'): {told}")
    assert str(refused.value).endswith("(bench.sample, bench.make_feedback)")
    clicks = bench.make_feedback(np.arange(40) % 3 == 0, stream="s")
    with pytest.raises(UsageError) as refused:
        bench.unlearn(generator, clicks, "reject", task=bench.Task("beard", "synthfaces"))
    assert told in str(refused.value)


def test_an_extractor_that_was_trained_on_another_shape(bench_cli, tmp_path):
    told = f"'faces' cannot see such images: it was trained on ({FACES}) (C, H, W), and the generator draws ({DIGITS})"
    done = bench_cli(
        "run", "--method", "latent_edit", "--model", "vae", "--feature", "slant", "--results", tmp_path / "runs",
        "--set", "evaluation.extractors=digits,faces",
    )  # fmt: skip
    assert (done.code, done.err) == (4, f"Error: --set evaluation.extractors: {told}. Leave it out, or name another\n")
    generator = bench.load("vae-mnist")
    with pytest.raises(UsageError) as refused:
        bench.evaluate(generator, generator, feature="slant", dataset="mnist", extractors=["faces"], count=64)
    assert str(refused.value) == f"evaluate(extractors=...): {told}. Leave it out, or name another"


def test_an_oracle_by_name_that_was_trained_on_another_shape(of_shape, ran, plugins):
    weights = of_shape(3, 32, 32)
    done = ran(weights, "latent_edit", "--feature", "bang", "--set", "oracle.feedback=mobilenet-synthfaces-a", "--set", "oracle.evaluation=mobilenet-synthfaces-b")  # fmt: skip
    assert done.code == 4 and "cannot see such images: it was trained on (3, 64, 64)" in done.err, done.err


NARROW = '''
import torch

from bench.api import Extractor, hookimpl


class Narrow(Extractor):
    """Sees images whose side is a multiple of 16."""

    classes = ("a", "b")

    @classmethod
    def identity(cls):
        return "0" * 64

    def outputs(self, images):
        sums = images.view(len(images), images.shape[1], -1, 16, 16, 16).mean((1, 3, 4, 5))
        return sums, sums[:, :1].repeat(1, 2)


@hookimpl
def register_extractors(register):
    register(Narrow)
'''


def test_an_extractor_that_finds_its_weights_itself_is_shown_a_blank_image(of_shape, ran, plugins):
    plugins.write("narrow", NARROW)
    weights = of_shape(1, 28, 28)
    done = ran(
        weights, "latent_edit", "--dataset", "mnist", "--feature", "slant", "--set", "evaluation.extractors=narrow"
    )
    assert (
        done.code == 4
        and ("'narrow' cannot see such images: shown blank ones of (1, 28, 28) (C, H, W), it raised RuntimeError: ")
        in done.err
    )


def test_a_method_that_resumes_the_training_is_declined_for_a_wrapped_generator(of_shape, ran, plugins, mnist_dir):
    weights = of_shape(1, 28, 28)
    reason = "needs the recipe of the generator's training, which a wrapped generator does not have"
    for more in ((), ("-p", "batch_size=16")):
        done = ran(
            weights, "retrain", "--dataset", "mnist", "--feature", "slant", "--data-dir", mnist_dir, "--json", *more
        )
        assert done.code == 0, done.err
        assert [(r["status"], r["reason"]) for r in map(json.loads, done.out.splitlines())] == [("skipped", reason)]
    clicks = bench.make_feedback(np.arange(40) % 3 == 0, stream="s")
    with pytest.raises(UsageError, match=reason):
        bench.unlearn(bench.load(weights, plugins.path), clicks, "retrain", task=bench.Task("slant", "mnist"))
