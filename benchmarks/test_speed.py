"""The speed of unlearning and drawing: each current implementation next to the previous one, in one group.

Run: ``pytest benchmarks/test_speed.py --benchmark-timer=time.process_time``, with OMP_NUM_THREADS=1: CPU seconds of one
thread. Only the last group is about wall time; it needs two cores that nobody else uses, and two threads:
``OMP_NUM_THREADS=2 pytest benchmarks/test_speed.py -k targets``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
import torch
from pytorch_msssim import ms_ssim as library_ms_ssim
from torch import Tensor
from torch.nn import functional as F

from bench.api import Generator
from bench.api.context import Context
from bench.models.vdvae.blocks import Bottleneck, OutNet, StochasticBlock
from bench.registry import Registry
from bench.toolkit import student
from bench.toolkit.latent import Direction
from bench.toolkit.similarity import ms_ssim
from bench.workspace.weights import loading

MODELS = {"vae-mnist": 64, "dcgan-mnist": 64, "proggan-synthfaces": 16, "vdvae-synthfaces": 16}  # weights to batch size
WAYS = pytest.mark.parametrize("way", ["now", "before"])


@cache
def original(weights: str) -> Generator:
    return loading.load_original(Registry(), weights).generator


# --- MS-SSIM: four maps and matrix products, or five convolutions a scale -----------------------------


@WAYS
@pytest.mark.parametrize(("side", "channels", "count"), [(36, 1, 32), (64, 3, 8)])
def test_ms_ssim(benchmark: Any, way: str, side: int, channels: int, count: int) -> None:
    benchmark.group = f"MS-SSIM and its gradient, {count} images of {channels} x {side} x {side} px"
    images = torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    targets = images.detach().roll(1, -1)

    def now() -> Tensor:
        return ms_ssim(images, targets, 3)

    def before() -> Tensor:
        found: Tensor = library_ms_ssim(images, targets, data_range=1.0, size_average=False, win_size=3)
        return found

    compared = {"now": now, "before": before}[way]
    benchmark(lambda: torch.autograd.grad(compared().sum(), images))


# --- VDVAE: one memory layout ---------------------------------------------------------------------------


def _bottleneck(self: Bottleneck, x: Tensor) -> Tensor:
    hidden = self.c3(F.gelu(self.c2(F.gelu(self.c1(F.gelu(x))))))
    out: Tensor = self.c4(F.gelu(hidden))
    return x + out if self.residual else out


def _block(self: StochasticBlock, x: Tensor, draw: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    z, bound = self.channels, self.prior_bound
    prior = self.prior(x)
    mean, log_sigma = prior[:, :z], prior[:, z : 2 * z]
    if bound > 0:
        mean = bound * torch.tanh(mean / bound)
        log_sigma = log_sigma.clamp(max=float(torch.tensor(bound).log()))
    latents = draw(x, mean, log_sigma)
    features: Tensor = self.resnet(x + prior[:, 2 * z :] + self.z_proj(latents))
    return features


def _out_net(self: OutNet, x: Tensor) -> Tensor:
    parameters: Tensor = self.out_conv(x.contiguous())
    return parameters.contiguous()


@pytest.fixture
def vdvae(way: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Generator]:
    if way == "before":
        for part, forward in ((Bottleneck, _bottleneck), (StochasticBlock, _block), (OutNet, _out_net)):
            monkeypatch.setattr(part, "forward", forward)
    yield original("vdvae-synthfaces")


@WAYS
@pytest.mark.benchmark(group="VDVAE: 64 samples drawn")
def test_drawing(benchmark: Any, vdvae: Generator, way: str) -> None:
    noise = torch.randn(64, vdvae.noise_dim, generator=torch.Generator().manual_seed(0))
    benchmark(torch.no_grad()(vdvae.sample), noise)


@WAYS
@pytest.mark.benchmark(group="VDVAE: 16 samples drawn, and their gradient")
def test_gradient(benchmark: Any, vdvae: Generator, way: str) -> None:
    learner = deepcopy(vdvae).requires_grad_(True)
    noise = torch.randn(16, learner.noise_dim, generator=torch.Generator().manual_seed(0))
    benchmark(lambda: learner(noise).sum().backward())


# --- Adam: one call, or a loop over the parameters --------------------------------------------------------


@WAYS
@pytest.mark.parametrize("weights", MODELS)
def test_adam(benchmark: Any, way: str, weights: str) -> None:
    benchmark.group = f"Adam's step, {weights}"
    learner = deepcopy(original(weights)).requires_grad_(True)
    learner(torch.randn(2, learner.noise_dim)).sum().backward()
    benchmark(torch.optim.Adam(learner.parameters(), lr=1e-6, fused=way == "now").step)


# --- the teacher, one step ahead --------------------------------------------------------------------------


def _in_turn(steps: Iterable[int], total: int, prepare: Callable[[int], Any], device: torch.device) -> Iterator[Any]:
    yield from ((step, prepare(step)) for step in steps)


@WAYS
@pytest.mark.parametrize("weights", MODELS)
def test_targets_ahead(benchmark: Any, way: str, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark.group = f"5 unlearning steps, {weights}, wall time with {torch.get_num_threads()} threads"
    if way == "before":
        monkeypatch.setattr(student, "prepared", _in_turn)
    teacher = original(weights)
    direction = Direction(teacher.latent_dim)
    direction.unit.copy_(F.normalize(torch.randn(teacher.latent_dim), dim=0))
    params = student.StudentParams(epochs=5, batch_size=MODELS[weights])

    def run() -> None:
        student.train_student(teacher, direction, params, Context(stream="benchmark", device=torch.device("cpu")))

    benchmark(run)
