"""How torch computes: with gradients, in float32, on the CPU unless told otherwise; whatever others have switched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


@contextmanager
def ordinary() -> Iterator[None]:
    """Compute as a fresh process does: no inference mode, no autocast, gradients on, float32, on the CPU by default."""
    import torch

    dtype, elsewhere = torch.get_default_dtype(), torch.get_default_device().type != "cpu"
    torch.set_default_dtype(torch.float32)
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.device("cpu") if elsewhere else nullcontext(),  # it slows every call down
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextmanager
def kept() -> Iterator[None]:
    """Put back what foreign code switches for all of the process: gradients, the default type and device."""
    torch: Any = sys.modules.get("torch")  # not imported here: bench list runs without it
    before: tuple[bool, Any, Any] = (True, None, None) if torch is None else _settings(torch)
    try:
        yield
    finally:
        if (torch := sys.modules.get("torch")) is not None:
            grad, dtype, device = before
            torch.set_grad_enabled(grad)
            torch.set_default_dtype(dtype or torch.float32)
            if _settings(torch)[2] != device:
                torch.set_default_device(device)


def _settings(torch: Any) -> tuple[bool, Any, Any]:
    device = torch.get_default_device()
    return torch.is_grad_enabled(), torch.get_default_dtype(), None if device.type == "cpu" else device
