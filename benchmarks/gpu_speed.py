"""How long steps, samples and metrics take on a device, next to what their arithmetic needs at the least."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
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

PRECISIONS = {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}
SAMPLES = 64  # images a batch of sampling
Row = dict[str, Any]
Job = tuple[str, Callable[[], Row]]  # a row's name, and what measures it


@contextmanager
def computing(precision: str) -> Iterator[None]:
    """Let a GPU's products and convolutions of float32 round to TF32 if the precision is "tf32", and only then."""
    switches = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [each.allow_tf32 for each in switches]
    for each in switches:
        each.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        for each, value in zip(switches, before, strict=True):
            each.allow_tf32 = value


def peak_of(device: torch.device, side: int) -> dict[str, float]:
    """Return the floating-point operations a second of a product of two square matrices, by precision."""
    found = {}
    for name, dtype in PRECISIONS.items():
        if name == "tf32" and device.type != "cuda":
            continue
        a = torch.randn(side, side, device=device, dtype=dtype)
        with computing(name):
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


def cast(precision: str, device: torch.device) -> torch.autocast:
    """Return what the networks run under: autocast if the precision is bfloat16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def unlearning(generator: Generator, batch: int, precision: str) -> Callable[[], object]:
    """Return a step of ``ours``: teacher, edit, student, loss, gradients, Adam, as ``train_student`` does it."""
    device, params = next(generator.parameters()).device, StudentParams(batch_size=batch)
    student = deepcopy(generator).requires_grad_(True)
    optimiser = torch.optim.Adam(student.parameters(), lr=params.lr, fused=True)
    direction = Direction(generator.latent_dim).to(device)
    direction.unit[0], direction.length[...] = 1.0, 1.0
    rng = torch.Generator(device=device).manual_seed(0)

    def step() -> None:
        noise = draw_noise(generator, batch, rng)
        with cast(precision, device):
            targets, flagged = edited_images(generator, direction, noise)
            images = student(noise)
        loss = total_loss(loss_terms(images.float(), targets.float(), flagged, params), params.alpha)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def sampling(generator: Generator, batch: int, precision: str) -> Callable[[], object]:
    """Return what draws a batch."""
    device = next(generator.parameters()).device
    rng = torch.Generator(device=device).manual_seed(0)

    def draw() -> Tensor:
        noise = draw_noise(generator, batch, rng)
        with cast(precision, device):
            return _drawn(generator, noise)

    return draw


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


def of_generator(name: str, generator: Generator, batch: int, peaks: dict[str, float], times: int) -> Iterator[Job]:
    """Yield what measures the speed of unlearning steps and of sampling, in each precision."""
    for precision, peak in peaks.items():
        for what, images in images_of(batch).items():
            label = f"{name}: {what}"
            yield label, partial(_eager, label, what, generator, images, precision, peak, times)


def of_compiled(name: str, generator: Generator, batch: int, precisions: Collection[str], times: int) -> Iterator[Job]:
    """Yield what measures how much ``torch.compile`` gains, in each precision."""
    for precision in precisions:
        for what, images in images_of(batch).items():
            label = f"{name}: {what}, compiled"
            yield label, partial(_compiled, label, what, generator, images, precision, times)


def images_of(batch: int) -> dict[str, int]:
    return {"unlearning step": batch, "sampling": SAMPLES}


def _work(what: str, generator: Generator, images: int, precision: str) -> Callable[[], object]:
    return (unlearning if what == "unlearning step" else sampling)(generator, images, precision)


def _eager(label: str, what: str, generator: Generator, images: int, precision: str, peak: float, times: int) -> Row:
    with computing(precision):
        return measured(label, _work(what, generator, images, precision), images, precision, peak, times)


def _compiled(label: str, what: str, generator: Generator, images: int, precision: str, times: int) -> Row:
    with computing(precision):
        row: Row = {"what": label, "precision": precision}
        return row | compiled(_work(what, generator, images, precision), times)


def compiled(work: Callable[[], object], times: int, backend: str = "inductor") -> Row:
    """Time a call as it is and compiled; "failed" says why it was not."""
    import torch._dynamo  # seconds, and only here

    eager = median_seconds(work, times)
    # All steps share one code object, of which torch compiles eight before it silently runs the ninth as it is.
    torch._dynamo.reset()
    counters = torch._dynamo.utils.counters
    counters.clear()
    began = time.perf_counter()
    try:
        fast = torch.compile(work, backend=backend)
        fast()
        ready = synchronised() - began
        seconds = median_seconds(fast, times)
    except Exception as error:  # whatever the compiler raises: the table says so
        return {"failed": " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])}
    graphs = int(counters["stats"]["unique_graphs"])
    if graphs == 0:
        return {"failed": "no graph was made: this is the speed of code that is not compiled"}
    return {"seconds": seconds, "times_eager": seconds / eager, "compile_seconds": ready, "graphs": graphs}


def of_observers(look: dict[str, Callable[[Tensor], object]], images: Tensor, times: int) -> Iterator[Job]:
    """Yield what measures how many uint8 images a second each observer describes, in float32 as in evaluation."""
    for name, each in look.items():
        yield f"metric: {name}", partial(_looking, f"metric: {name}", each, images, times)


def _looking(label: str, look: Callable[[Tensor], object], images: Tensor, times: int) -> Row:
    with computing("float32"):
        seconds = median_seconds(lambda: look(images), times)
    return {"what": label, "seconds": seconds, "images_per_second": len(images) / seconds}


def bytes_of(generator: Generator, count: int) -> Tensor:
    """Draw uint8 images with a fixed seed."""
    rng = torch.Generator(device=next(generator.parameters()).device).manual_seed(0)
    return to_uint8(_drawn(generator, draw_noise(generator, count, rng)))
