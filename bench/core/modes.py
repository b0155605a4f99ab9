"""torch's modes (gradients, float32, CPU by default), whatever other code in the process has switched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from bench.errors import BenchError


@contextmanager
def ordinary(tf32: bool = False) -> Iterator[None]:
    """Compute as a fresh process does: no inference mode, no autocast, gradients on, float32, on the CPU by default.

    Matrix products keep all bits of float32, too: ``torch.set_float32_matmul_precision`` lowers them for a process.
    A GPU's convolutions round to TF32 only if ``tf32`` says so: see ``convolutions``.
    """
    import torch

    dtype, elsewhere = torch.get_default_dtype(), torch.get_default_device().type != "cpu"
    products = torch.get_float32_matmul_precision()
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("highest")
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.device("cpu") if elsewhere else nullcontext(),  # it slows every call down
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
            convolutions(tf32),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(products)


@contextmanager
def convolutions(tf32: bool) -> Iterator[None]:
    """Let a GPU's convolutions round to TF32, as torch does by default, or compute them in float32.

    TF32 keeps 10 bits of 23, which is enough for training. What is measured must not depend on the batch. cuDNN chooses
    the kernel, and so the rounding, by the batch: a sample alone then differs by more than 1e-3.
    """
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def kept() -> Iterator[None]:
    """Put back what foreign code switches for all of the process, whether or not it raises: see ``_Switches``."""
    torch: Any = sys.modules.get("torch")  # not imported here: bench list runs without it
    before = _Switches() if torch is None else _switches(torch)
    try:
        yield
    finally:
        if (torch := sys.modules.get("torch")) is not None:
            _put_back(torch, before)


@contextmanager
def untouched() -> Iterator[None]:
    """As ``kept``; raises BenchError if something was switched and nothing else was raised."""
    import torch

    before = _switches(torch)
    with kept():
        yield
        if _switches(torch) != before:
            raise BenchError(
                "changes a setting of torch (threads, gradients, default type or device, deterministic algorithms, "
                "matrix precision, cuDNN), in which other numbers are computed. Leave it as it is"
            )


@contextmanager
def half_the_threads() -> Iterator[None]:
    """Compute with half of the threads, at least one: something else computes with the others meanwhile."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Switches(NamedTuple):
    """What torch computes with; by default, what it has when it is imported."""

    gradients: bool = True
    dtype: Any = None  # float32
    device: Any = None  # the CPU
    deterministic: tuple[bool, bool] = (False, False)  # whether, and only with a warning
    threads: int = 0  # unknown
    products: str = "highest"  # precision of matrix products
    cudnn: tuple[bool, bool, bool] = (True, False, False)  # allow_tf32, benchmark, deterministic


def _switches(torch: Any) -> _Switches:
    device, dtype = torch.get_default_device(), torch.get_default_dtype()
    strict = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn
    return _Switches(
        torch.is_grad_enabled(),
        None if dtype == torch.float32 else dtype,
        None if device.type == "cpu" else device,
        strict,
        torch.get_num_threads(),
        torch.get_float32_matmul_precision(),
        (cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic),
    )


def _put_back(torch: Any, before: _Switches) -> None:
    now = _switches(torch)
    torch.set_grad_enabled(before.gradients)
    torch.set_default_dtype(before.dtype or torch.float32)
    if now.device != before.device:
        torch.set_default_device(before.device)
    if now.deterministic != before.deterministic:
        torch.use_deterministic_algorithms(before.deterministic[0], warn_only=before.deterministic[1])
    if before.threads not in (0, now.threads):
        torch.set_num_threads(before.threads)
    if now.products != before.products:
        torch.set_float32_matmul_precision(before.products)
    if now.cudnn != before.cudnn:
        cudnn = torch.backends.cudnn
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic = before.cudnn
