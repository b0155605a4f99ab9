"""Trainings that fit a time: images held on the device, a step timed, then as many steps as the time allows."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Dataset, Networks, Split, Trainable
from bench.api.context import Context
from bench.registry import Registry
from bench.toolkit.training import build, train
from bench.workspace import checkpoint, manifest, saving
from bench.workspace.networks import fill
from bench.workspace.validation import validated

WARM, TIMED = 4, 12  # steps before and after which the clock is read
LARGEST = 16 * 2**20  # bytes of a weights file that may be shipped


@dataclass(frozen=True)
class Plan:
    """A training: what, on what, from which weights, with which settings, and its share of the time."""

    kind: str
    name: str
    dataset: str
    share: float
    start: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def label(self) -> str:
        return f"{self.name}-{self.dataset}-{self.seed}"


def synchronised() -> float:
    """Wait until the GPU has finished; return the time, s."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def held(dataset: Dataset, split: str, count: int, device: torch.device, processes: int) -> Split:
    """Return the first images of a split, held on the device; several processes read them."""
    source = dataset.split(split)
    count = min(count, len(source))
    parts = np.array_split(np.arange(count), max(1, min(processes, count // 500)))
    if len(parts) == 1:
        images = source.read(parts[0])
    else:
        with ProcessPoolExecutor(len(parts)) as pool:
            images = torch.cat(list(pool.map(partial(_read, dataset, split), parts)))
    there = images.to(device)

    def read(indices: NDArray[np.int64]) -> Tensor:
        return there[torch.from_numpy(indices).to(device)]

    return Split(source.attributes.iloc[:count], read, source.sha256)


def _read(dataset: Dataset, split: str, indices: NDArray[np.int64]) -> Tensor:
    torch.set_num_threads(1)
    return dataset.split(split).read(indices)


def networks_for(plan: Plan, dataset: Dataset, device: torch.device) -> tuple[Trainable[Any], Networks[Any]]:
    """Build the networks of a training, with the weights it starts from."""
    plugin_class = Registry().get(plan.kind, plan.name)
    plugin = plugin_class()
    path = None if plan.start is None else manifest.path_of(plan.start)
    stored = None if path is None else checkpoint.read(path)
    fields = plugin.dataset_fields(dataset) if stored is None else stored.description["config"]
    removed = getattr(plugin_class.Config, "removed_fields", {})
    fields = {name: value for name, value in fields.items() if name not in removed}
    config = validated(plugin_class.Config, {**fields, **plan.settings}, plan.label)
    networks: Networks[Any] = build(plugin, config, f"pretrain/{plan.name}/{plan.seed}")
    if stored is not None and path is not None:
        fill(networks, stored, path)
    for module in networks.modules().values():
        module.to(device)
    return plugin, networks


def seconds_per_step(plugin: Trainable[Any], networks: Networks[Any], split: Split, device: torch.device) -> float:
    """Time training steps on a copy of the networks."""
    ends = []
    for steps in (WARM, WARM + TIMED):
        copy, began = deepcopy(networks), synchronised()
        _train(plugin, copy, split, device, steps, "timed")
        ends.append(synchronised() - began)
    return max(ends[1] - ends[0], 1e-4) / TIMED


def trained(
    plan: Plan, dataset: Dataset, split: Split, seconds: float, device: torch.device, folder: Path
) -> tuple[Networks[Any], dict[str, Any]]:
    """Train for about ``seconds`` and write the weights in half precision; returns networks and what happened."""
    plugin, networks = networks_for(plan, dataset, device)
    per_step = seconds_per_step(plugin, networks, split, device)
    steps = max(1, int(seconds / per_step))
    began = synchronised()
    final = _train(plugin, networks, split, device, steps, plan.label)
    took = synchronised() - began
    path = folder / f"{plan.label}.safetensors"
    made = {"dataset": plan.dataset, "seed": plan.seed, "start": plan.start, "steps": steps, "final": final}
    singular = plan.kind.removesuffix("s")
    sha256 = saving.save_networks(path, singular, plan.name, networks, made, half=True)
    size = path.stat().st_size
    return networks, {
        "what": f"train {plan.label}", "steps": steps, "seconds": took, "seconds_per_step": took / steps,
        "images_per_second": steps * networks.config.batch_size / took, "file": path.name, "sha256": sha256,
        "bytes": size, "small_enough": size <= LARGEST,
    }  # fmt: skip


def _train(
    plugin: Trainable[Any], networks: Networks[Any], split: Split, device: torch.device, steps: int, label: str
) -> dict[str, Any]:
    """Train in place for some steps; returns the last step's values."""
    batch = networks.config.batch_size
    context = Context(stream=f"on-gpu/{label}", device=device, label=label)
    train(plugin, networks, split, context, steps / (len(split) // batch), batch)
    return dict(context.history[-1])
