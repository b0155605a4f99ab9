"""How long steps, samples and metrics take on a device, next to what their arithmetic needs at the least."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from gpu_training import synchronised
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.api import Generator, Networks
from bench.api.noise import draw_noise
from bench.core.rendering import to_uint8
from bench.toolkit.latent import Direction, edited_images
from bench.toolkit.student import StudentParams, loss_terms, total_loss

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Row = dict[str, Any]


def peak_of(device: torch.device, side: int) -> dict[str, float]:
    """Return the floating-point operations a second of a product of two square matrices, by precision."""
    found = {}
    for name, dtype in PRECISIONS.items():
        a = torch.randn(side, side, device=device, dtype=dtype)
        found[name] = 2 * side**3 / median_seconds(lambda a=a: a @ a, 5)
    return found


def median_seconds(work: Callable[[], object], times: int) -> float:
    """Return the median time of a call, after one that is not counted, s."""
    work()
    taken = []
    for _ in range(times):
        began = synchronised()
        work()
        taken.append(synchronised() - began)
    return float(np.median(taken))


def measured(what: str, work: Callable[[], object], images: int, precision: str, peak: float, times: int) -> Row:
    """Time a call that handles ``images`` images; the floor is its products' operations at the speed of ``peak``."""
    operations = counted(work)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    seconds = median_seconds(work, times)
    floor = None if operations is None else operations / peak
    row: Row = {"what": what, "precision": precision, "seconds": seconds, "images_per_second": images / seconds}
    row |= {"floor_seconds": floor, "times_the_floor": seconds / floor if floor else None}
    return row | ({"peak_mb": torch.cuda.max_memory_allocated() / 2**20} if on_gpu else {})


def counted(work: Callable[[], object]) -> int | None:
    """Count the operations of a call's products; None where torch cannot: a penalty on a gradient (wgan-gp)."""
    counter = FlopCounterMode(display=False)
    try:
        with counter:
            work()
    except RuntimeError as error:
        if "autograd.grad()" not in str(error):
            raise
        return None
    return int(counter.get_total_flops())


def unlearning(generator: Generator, batch: int) -> Callable[[], object]:
    """Return a step of ``ours``: teacher, edit, student, loss, gradients, Adam."""
    device, params = next(generator.parameters()).device, StudentParams(batch_size=batch)
    student = deepcopy(generator).requires_grad_(True)
    optimiser = torch.optim.Adam(student.parameters(), lr=params.lr)
    direction = Direction(generator.latent_dim).to(device)
    direction.unit[0], direction.length[...] = 1.0, 1.0
    rng = torch.Generator(device=device).manual_seed(0)

    def step() -> None:
        noise = draw_noise(generator, batch, rng)
        targets, flagged = edited_images(generator, direction, noise)
        loss = total_loss(loss_terms(student(noise).float(), targets.float(), flagged, params), params.alpha)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def sampling(generator: Generator, batch: int) -> Callable[[], object]:
    """Return what draws a batch."""
    rng = torch.Generator(device=next(generator.parameters()).device).manual_seed(0)
    return lambda: _drawn(generator, draw_noise(generator, batch, rng))


@torch.no_grad()
def _drawn(generator: Generator, noise: Tensor) -> Tensor:
    return generator(noise)


def pretraining(plugin: Any, networks: Networks[Any], batch: Any) -> Callable[[], object]:
    """Return a training step of a model."""
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers = plugin.optimisers(networks)
    rng = torch.Generator(device=batch.images.device).manual_seed(0)
    return lambda: plugin.training_step(networks, optimisers, batch, rng, 0.5)


def in_precision(work: Callable[[], object], precision: str, device: torch.device) -> Callable[[], object]:
    """Return the same work under autocast, unless the precision is float32."""

    def cast() -> object:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            return work()

    return cast


def of_generator(
    name: str, generator: Generator, batch: int, peaks: dict[str, float], times: int, compiled: bool
) -> Iterator[Row]:
    """Yield the speed of unlearning steps and of sampling, in both precisions; compiled too if asked for."""
    device = next(generator.parameters()).device
    for precision, peak in peaks.items():
        for what, work in (("unlearning step", unlearning(generator, batch)), ("sampling", sampling(generator, 64))):
            images = batch if what == "unlearning step" else 64
            row = measured(f"{name}: {what}", in_precision(work, precision, device), images, precision, peak, times)
            yield row
            if compiled:
                yield _compiled(row, in_precision(work, precision, device), times)


def _compiled(eager: Row, work: Callable[[], object], times: int) -> Row:
    began = time.perf_counter()
    row: Row = {"what": f"{eager['what']}, compiled", "precision": eager["precision"]}
    try:
        fast = torch.compile(work)
        fast()
        ready = time.perf_counter() - began
        seconds = median_seconds(fast, times)
    except Exception as error:  # whatever the compiler raises: the table says so
        return row | {"failed": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    return row | {"seconds": seconds, "times_eager": seconds / eager["seconds"], "compile_seconds": ready}


def of_observers(look: dict[str, Callable[[Tensor], object]], images: Tensor, times: int) -> Iterator[Row]:
    """Yield how many uint8 images a second each observer describes."""
    for name, each in look.items():
        seconds = median_seconds(lambda each=each: each(images), times)
        yield {"what": f"metric: {name}", "seconds": seconds, "images_per_second": len(images) / seconds}


def bytes_of(generator: Generator, count: int) -> Tensor:
    """Draw uint8 images with a fixed seed."""
    rng = torch.Generator(device=next(generator.parameters()).device).manual_seed(0)
    return to_uint8(_drawn(generator, draw_noise(generator, count, rng)))
