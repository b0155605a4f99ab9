"""Find what a plug-in has changed in its process: functions, settings, random states, threads.

All other code in the process would run with the change.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

WATCHED: tuple[ModuleType, ...] = (builtins, torch, torch.nn.functional, torch.optim, np, np.random)
WATCHED_CLASSES = (torch.Tensor, torch.nn.Module)
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")


def _child_processes() -> Iterator[str]:
    """Yield the numbers of the processes that this one has started; nothing where the system does not tell."""
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            yield from task.read_text().split()


SETTINGS: Mapping[str, Callable[[], Any]] = {
    "the number of threads (torch.set_num_threads)": torch.get_num_threads,
    "the default type (torch.set_default_dtype)": torch.get_default_dtype,
    "the default device (torch.set_default_device)": torch.get_default_device,
    "whether gradients are computed (torch.set_grad_enabled)": torch.is_grad_enabled,
    "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled,
    "torch.set_float32_matmul_precision": torch.get_float32_matmul_precision,
    "torch.backends.cudnn.benchmark": lambda: torch.backends.cudnn.benchmark,
    "torch.backends.cudnn.allow_tf32": lambda: torch.backends.cudnn.allow_tf32,
    "numpy.seterr": np.geterr,
    "sys.setrecursionlimit": sys.getrecursionlimit,
    "the working folder (os.chdir)": os.getcwd,
    "sys.stdout": lambda: (id(sys.stdout), sys.stdout.closed),
    "sys.stderr": lambda: (id(sys.stderr), sys.stderr.closed),
    "an alarm (signal.alarm)": lambda: hasattr(signal, "getitimer") and signal.getitimer(signal.ITIMER_REAL)[0] > 0,
    "which threads run": lambda: sorted(str(thread.ident) for thread in threading.enumerate()),
    "which processes it has started": lambda: sorted(_child_processes()),
    **{
        f"the handler of {name}": lambda name=name: id(signal.getsignal(getattr(signal, name)))  # type: ignore[misc]
        for name in SIGNALS
        if hasattr(signal, name)
    },
}


class Traces:
    """A snapshot of this process: names of libraries, settings, environment."""

    def __init__(self) -> None:
        classes = _classes()
        self.names = dict(_names(classes))
        self.values = {what: look() for what, look in SETTINGS.items()}
        self.values |= {f"what {owner.__module__}.{owner.__qualname__} defines": _defined(owner) for owner in classes}
        self.values |= {f"os.environ['{name}']": value for name, value in os.environ.items()}

    def since(self, before: Traces) -> list[str]:
        """Return what has changed since ``before``, in words; new names do not count."""
        patched = [name for name, found in before.names.items() if not _is_still(self.names.get(name, found), found)]
        changed = [what for what, value in before.values.items() if self.values.get(what) != value]
        return [*(f"{name} is another one" for name in patched), *(f"{what} has changed" for what in changed)]


def _is_still(now: Any, before: Any) -> bool:
    """Say whether a name means the same as before; a library may wrap its functions when more of it is imported."""
    if now is before:
        return True
    top = sys.modules.get((getattr(before, "__module__", None) or "").partition(".")[0])
    code = getattr(now, "__code__", None) if getattr(now, "__name__", "") == getattr(before, "__name__", None) else None
    home = Path(getattr(top, "__file__", None) or "/nowhere").parent
    return code is not None and not _is_ours(top.__name__ if top else "") and home in Path(code.co_filename).parents


def _our_modules() -> list[ModuleType]:
    return [module for name, module in list(sys.modules.items()) if _is_ours(name) and isinstance(module, ModuleType)]


def _classes() -> list[type[Any]]:
    """Return the classes that are watched: some of torch's, and those of this project."""
    ours = {value: None for module in _our_modules() for value in vars(module).values() if _is_class_of(value, module)}
    return [*WATCHED_CLASSES, *ours]


def _defined(owner: type[Any]) -> list[str]:
    """Return the names that a class itself defines: a new one would hide an inherited method."""
    return sorted(name for name, value in vars(owner).items() if inspect.isroutine(value))


def _names(classes: Iterable[type[Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the names of torch, NumPy and this project with their objects, members of classes included."""
    for module in (*WATCHED, *_our_modules()):
        for name, value in list(vars(module).items()):
            if callable(value):
                yield f"{module.__name__}.{name}", value
    for owner in classes:
        for name, value in list(vars(owner).items()):
            if inspect.isroutine(value) or isinstance(value, (property, classmethod, staticmethod)):
                yield f"{owner.__module__}.{owner.__qualname__}.{name}", value


def _is_ours(name: str) -> bool:
    return name == "bench" or name.startswith("bench.")


def _is_class_of(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__
