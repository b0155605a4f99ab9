"""Our code against what a user would write instead: unlearning steps, noise drawn by name, the Frechet distance.

Run: ``pytest benchmarks/``. Each benchmark group has both versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.api import Generator
from bench.api.context import Context
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.registry import Registry
from bench.toolkit.latent import Direction, DirectionParams, edited_images, fit_direction
from bench.toolkit.student import StudentParams, loss_terms, total_loss, train_student
from bench.workspace.weights import loading

MODELS = {  # weights: steps, batch size
    "vae-mnist": (50, 64),
    "dcgan-mnist": (50, 64),
    "proggan-synthfaces": (2, 16),
    "vdvae-synthfaces": (2, 16),
}


@pytest.fixture(scope="module", params=MODELS)
def weights(request: Any) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def original(weights: str) -> Generator:
    return loading.load_original(Registry(), weights).generator


@pytest.fixture(scope="module")
def direction(original: Generator) -> Direction:
    labels = randomness.draw("clicks", range(500), original.noise_dim)[:, 0].numpy() > 1.28
    return fit_direction(original, Feedback(np.asarray(labels), "clicks"), DirectionParams())


def bare_passes(original: Generator, direction: Direction, params: StudentParams, noises: Tensor) -> Callable[[], None]:
    """Teacher forward, student forward and backward, loss, update: what every implementation needs."""
    student = deepcopy(original).requires_grad_(True)
    optimiser = torch.optim.Adam(student.parameters(), lr=params.lr, fused=True)

    def run() -> None:
        for noise in noises:
            targets, flagged = edited_images(original, direction, noise)
            loss = total_loss(loss_terms(student(noise), targets, flagged, params), params.alpha)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    return run


def test_unlearning_steps(benchmark: Any, weights: str, original: Generator, direction: Direction) -> None:
    steps, batch_size = MODELS[weights]
    benchmark.group = f"{steps} unlearning steps, {weights}"
    params = StudentParams(epochs=steps, batch_size=batch_size)

    def run() -> None:
        train_student(original, direction, params, Context(stream="benchmark", device=torch.device("cpu")))

    benchmark(run)


def test_bare_passes(benchmark: Any, weights: str, original: Generator, direction: Direction) -> None:
    steps, batch_size = MODELS[weights]
    benchmark.group = f"{steps} unlearning steps, {weights}"
    params = StudentParams(epochs=steps, batch_size=batch_size)
    benchmark(bare_passes(original, direction, params, torch.randn(steps, batch_size, original.noise_dim)))


@pytest.fixture(scope="module")
def vae() -> Generator:
    return loading.load_original(Registry(), "vae-mnist").generator


@pytest.mark.benchmark(group="noise of 1,000 samples")
def test_noise_by_name(benchmark: Any, vae: Generator) -> None:
    benchmark(randomness.draw, "benchmark", range(1000), vae.noise_dim)


@pytest.mark.benchmark(group="noise of 1,000 samples")
def test_noise_in_one_draw(benchmark: Any, vae: Generator) -> None:
    benchmark(torch.randn, 1000, vae.noise_dim)


@pytest.fixture
def features() -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(0)
    yield rng.standard_normal((10_000, 64)), rng.standard_normal((10_000, 64)) + 0.1


@pytest.mark.benchmark(group="Frechet distance of 10,000 x 64 features")
def test_frechet_distance(benchmark: Any, features: Any) -> None:
    from bench.toolkit.frechet import frechet_distance, statistics_of

    ours, reference = features
    benchmark(lambda: frechet_distance(statistics_of(ours, "a"), statistics_of(reference, "b")))


@pytest.mark.benchmark(group="Frechet distance of 10,000 x 64 features")
def test_frechet_distance_with_a_matrix_square_root(benchmark: Any, features: Any) -> None:
    from scipy.linalg import sqrtm

    def textbook() -> float:
        (a, b) = features
        covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        difference = a.mean(0) - b.mean(0)
        root = sqrtm(covariances[0] @ covariances[1]).real
        return float(difference @ difference + np.trace(covariances[0] + covariances[1] - 2 * root))

    benchmark(textbook)
