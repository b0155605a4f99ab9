"""Facts about a run: device, versions, wall time and peak memory."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from bench.core import together
from bench.core.version import __version__
from bench.errors import UsageError

PACKAGES = ("torch", "timm", "torch-fidelity", "scikit-image", "scikit-learn", "numpy", "scipy")


def choose_device(name: str) -> torch.device:
    """Return the device for ``--device`` ("auto": CUDA, then the CPU; under torchrun, the GPU of this process)."""
    if name == "auto":
        rank = os.environ.get("LOCAL_RANK", "")  # torchrun's
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        own = f"cuda:{int(rank) % gpus}" if gpus and rank.isdigit() else "cuda"
        return torch.device(own if gpus else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # "meta" and the like hold no numbers
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).splitlines()[0]
        if first.startswith("Could not run"):
            first = "torch is built without it"
        if "at start of device string" in first:  # torch lists every device type that it was ever built for
            first = "unknown device type"
        raise UsageError(f"--device {name}: not available on this machine ({first}). Use auto or cpu.") from error
    if device.type == "cpu" and device.index:  # torch takes any number
        raise UsageError(f"--device {name}: not available on this machine (cpu has no numbers). Use auto or cpu.")
    return torch.device("cpu") if device.type == "cpu" else device


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device computes in bfloat16 natively; emulation is ten times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return "AVX512" in torch.backends.cpu.get_cpu_capability()  # oneDNN's bfloat16 kernels use it


def provenance(device: torch.device) -> dict[str, Any]:
    """Describe software and machine."""
    return {
        "bench": __version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({_processor()})",
        "threads": torch.get_num_threads(),
        "bfloat16": has_bfloat16(device),
        "command": " ".join(["bench", *sys.argv[1:]]) if Path(sys.argv[0]).name == "bench" else None,
    }


def computing(device: torch.device) -> dict[str, Any]:
    """Describe the facts that may change the last digits of a result."""
    return {name: fact for name, fact in provenance(device).items() if name not in ("bench", "git_commit", "command")}


@cache  # a process runs the code that it has imported
def git_commit() -> str | None:
    """Return the commit of the checkout this runs from, with "+" if files have changed; None outside a checkout."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=root, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed.strip() else "")


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Measure a stage: fills ``seconds`` and ``peak_memory_mb`` (of the process) on leaving.

    And ``processes``, if several train together.
    """
    _reset_peak()
    outcome: dict[str, float] = {}
    began = time.perf_counter()
    try:
        yield outcome
    finally:
        outcome["seconds"] = round(time.perf_counter() - began, 3)
        outcome["peak_memory_mb"] = round(_peak_mb(), 1)
        if (processes := together.processes()) > 1:
            outcome["processes"] = processes


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: reset the peak resident size
    except OSError:
        pass  # other systems report the peak of the whole process


def _peak_mb() -> float:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
