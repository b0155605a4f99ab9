"""A generator whose noise is not from N(0, I): whatever draws noise for it asks its prior."""

from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from latent_toys import Layered
from own_generator import bring

import bench
from bench.api import Generator, LatentLayer, Method, Networks, Params, Unlearned, Wrapped
from bench.api.noise import draw_noise, stream_noise
from bench.core import randomness
from bench.errors import PluginError, UsageError
from bench.experiments.cells.method_run import run_method
from bench.workspace.workspace import Workspace

SHAPES = "image_shape, noise_dim, latent_dim = (1, 8, 8), 6, 6"
UNIFORM = (SHAPES, f"{SHAPES}\n    prior = 'uniform'")
WATCHED = (  # what lies beyond [-1, 1] was not drawn from the prior, and 2,000 numbers from N(0, I) lie beyond it
    "    def render",
    "    def sample(self, noise: Tensor) -> tuple[Tensor, Tensor]:\n"
    "        assert noise.abs().max() <= 1, 'noise from another prior'\n"
    "        return super().sample(noise)\n\n"
    "    def render",
)


def test_uniform_noise_is_uniform_and_named_like_any_other():
    noise = randomness.draw("s", range(400), 50, "uniform")
    assert noise.dtype == torch.float32 and noise.abs().max() <= 1
    counts = np.histogram(noise, bins=10, range=(-1, 1))[0]
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)
    assert torch.equal(randomness.draw("s", [7, 3], 50, "uniform"), noise[[7, 3]])


def test_each_draw_asks_the_generator(module):
    generator = module(UNIFORM).Generator()
    context = bench.api.Context(stream="s", device=torch.device("cpu"), prior=generator.prior)
    shown = bench.make_feedback([True, False] * 50, stream="s")
    for noise in (
        stream_noise(generator, "s", 0, 100),
        draw_noise(generator, 100, torch.Generator().manual_seed(0)),
        context.noise(0, 100, 6),
        shown.of(generator).noise(0, 100, 6),
        torch.cat(list(shown.latents(generator))),
    ):
        assert noise.shape == (100, 6) and 0.9 < noise.abs().max() <= 1


@pytest.fixture
def uniform(module, plugins, bench_cli, tmp_path):
    """Return the weights of a wrapped generator whose noise is uniform, and which refuses other noise."""
    torch.save(module(UNIFORM, WATCHED).Net().state_dict(), tmp_path / "mine.pt")
    out = tmp_path / "mine.safetensors"
    done = bring(bench_cli, tmp_path / "mine.pt", out, "--plugins", plugins.path, model="wrapped")
    assert done.code == 0, done.err
    return out


def test_from_samples_to_an_unlearned_generator(uniform, plugins, bench_cli, tmp_path):
    places = ("--plugins", plugins.path, "--weights", uniform)
    assert bench_cli("sample", *places, "--count", 70, "--out", tmp_path / "shown").code == 0
    (tmp_path / "list.txt").write_text("\n".join(map(str, range(0, 70, 7))))
    clicked = bench_cli("feedback", tmp_path / "shown", "--clicked", tmp_path / "list.txt", "--feature", "scar", "--out", tmp_path / "clicks.json")  # fmt: skip
    assert clicked.code == 0, clicked.err
    done = bench_cli(
        "run", "--method", "ours,probe,latent_edit", "--model", "wrapped", "--feature", "scar", *places, "--json",
        "--feedback", tmp_path / "clicks.json", "--results", tmp_path / "runs", "--set", "evaluation.count=100",
    )  # fmt: skip
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["status"] for record in records] == ["ok"] * 3, done.err
    for weights in tmp_path.glob("runs/*/unlearned.safetensors"):
        unlearned = bench.load(weights, plugins.path)
        assert unlearned.generator.prior == "uniform"
        assert bench.sample(unlearned, 70).shape == (70, 1, 8, 8)
    other = uniform.with_name("normal.safetensors")
    plugins.add("wrapped")
    assert bring(bench_cli, tmp_path / "mine.pt", other, "--plugins", plugins.path, model="wrapped").code == 0
    refused = bench_cli(
        "run", "--method", "ours", "--model", "wrapped", "--feature", "scar", "--plugins", plugins.path, "--weights",
        other, "--feedback", tmp_path / "clicks.json", "--results", tmp_path / "runs",
    )  # fmt: skip
    assert refused.code == 4 and "the first noise vector differs from the one that was shown" in refused.err


def test_noise_of_one_s_own_must_lie_within_the_prior(uniform, plugins):
    noise = torch.rand(40, 6) * 2 - 1
    generator = bench.load(uniform, plugins.path)
    clicks = bench.make_feedback(noise[:, 0] > 0.5, noise=noise)
    assert np.abs(bench.sample(bench.unlearn(generator, clicks, epochs=2, batch_size=4), 8)).max() <= 1
    table = bench.evaluate(bench.unlearn(generator, clicks, "latent_edit"), generator, count=65)
    assert table.loc["flagged_ratio", "value"] > 0
    with pytest.raises(UsageError, match=r"noise leaves \[-1, 1\], but the generator's prior is uniform on it"):
        bench.unlearn(generator, bench.make_feedback(noise[:, 0] > 0.5, noise=3 * noise))


def test_rejected_samples_are_redrawn_from_the_prior(plugins, monkeypatch):
    plugins.add("bars", ("noise_dim = latent_dim = 6", "noise_dim = latent_dim = 6\n    prior = 'uniform'"))
    workspace = bench.open_workspace(plugins.path, device="cpu")
    assert isinstance(workspace, Workspace)
    model = workspace.registry.get("models", "bars")()
    generator = model.build(model.Config()).generator.eval()
    drawn = []
    monkeypatch.setattr(type(generator), "sample", lambda self, noise: (drawn.append(noise), type(self).__bases__[0].sample(self, noise))[1])  # fmt: skip
    task = bench.Task("thickness", "mnist")
    unlearned = bench.unlearn(generator, bench.make_feedback([True, False], stream="s"), "reject", task=task, redraws=3, workspace=workspace)  # fmt: skip
    drawn.clear()
    bench.sample(unlearned, 64)
    everything = torch.cat(drawn)
    assert len(everything) > 64 and everything.abs().max() <= 1


class Halved(Wrapped):
    def sample(self, noise):
        latents, images = self.original.sample(noise)
        return latents, images / 2

    def decode(self, latents, noise):
        return self.original.decode(latents, noise) / 2


def test_a_wrapper_has_all_that_the_original_declares():
    original = Layered()
    original.prior, original.latent_layers = "uniform", (LatentLayer(2, 1, 0),)
    wrapper = Halved(original)
    assert isinstance(wrapper, Generator) and wrapper.original is original
    declared = ("image_shape", "noise_dim", "prior", "latent_dim", "latent_layers")
    assert {name: getattr(wrapper, name) for name in declared} == {name: getattr(original, name) for name in declared}
    assert set(declared) == set(Generator.__annotations__)


@pytest.mark.parametrize("keeps", [True, False])
def test_a_method_returns_a_generator_of_the_same_prior(keeps):
    class Wrapping(Method[Params]):
        Config = Params

        def unlearn(self, generator, feedback, context):
            wrapper = Halved(deepcopy(generator))
            wrapper.prior = wrapper.prior if keeps else "normal"
            return Unlearned(wrapper)

    original = Layered().eval().requires_grad_(False)
    original.prior = "uniform"
    context = bench.api.Context(stream="s", device=torch.device("cpu"))
    given = (Wrapping(Params()), Networks(Params(), original), bench.make_feedback([True, False], stream="s"), context)

    def run():
        return run_method("mine", *given, None, dict, dict)

    if keeps:
        assert run().generator.prior == "uniform"
    else:
        with pytest.raises(
            PluginError, match="method 'mine' returned a generator whose prior is 'normal', and the orig"
        ):
            run()


@pytest.mark.parametrize("prior", ["gauss", "Uniform", None])
def test_another_prior_is_told_where_to_map_it(prior, module, plugins, problems_of):
    module((SHAPES, f"{SHAPES}\n    prior = {prior!r}"))
    assert problems_of("wrapped")["generator_keeps_its_shapes"].startswith(
        f"the generator's prior is {prior!r}; allowed: normal, uniform. For another one, leave it out and map noise from "
        "N(0, I) to yours where sample(noise) begins"
    )


@pytest.fixture
def problems_of(plugins):
    from bench.authoring.conformance import check
    from bench.registry import Registry

    return lambda name: {o.check: o.problem for o in check(Registry(plugins.path), name) if o.problem is not None}
