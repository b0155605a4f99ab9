"""Trainings that fit a time: images held on the device, a few steps to warm up, then steps until the time is over."""

from __future__ import annotations

import math
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Batch, Dataset, Networks, Split, Trainable
from bench.api.context import Context
from bench.core import modes
from bench.registry import Registry
from bench.toolkit.training import build, train
from bench.workspace import manifest
from bench.workspace.settings.validation import validated
from bench.workspace.weights import checkpoint, saving
from bench.workspace.weights.networks import fill

WARM = 3  # steps that are not counted: a GPU loads its libraries and chooses its kernels in the first ones
ENDLESS = 10**9  # steps: the time is over before
LAST = 1 - 1e-6  # progress is below 1
WORTH = 500  # images for which another process is worth its start
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


def held(dataset: Dataset, name: str, split: str, count: int, device: torch.device, processes: int) -> Split:
    """Return the first images of a split, held on the device; several processes read them.

    ``name`` is the data set's registered name: processes open it for themselves, as an open archive cannot be sent.
    """
    source = dataset.split(split)
    count = min(count, len(source))
    parts = np.array_split(np.arange(count), max(1, min(processes, count // WORTH)))
    if len(parts) == 1:
        images = source.read(parts[0])
    else:  # spawned: a process that has used a GPU, or threads, cannot be forked
        with ProcessPoolExecutor(len(parts), get_context("spawn")) as pool:
            read_part = partial(_read, name, dataset.data_dir, split)
            images = torch.from_numpy(np.concatenate(list(pool.map(read_part, parts))))
    there = images.to(device)

    def read(indices: NDArray[np.int64]) -> Tensor:
        return there[torch.from_numpy(indices).to(device)]

    return Split(source.attributes.iloc[:count], read, source.sha256)


def _read(name: str, data_dir: Path | None, split: str, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return images as an array: tensors would be sent in shared memory, of which a container has little."""
    torch.set_num_threads(1)
    dataset: Dataset = Registry().get("datasets", name)(data_dir)
    images: NDArray[np.uint8] = dataset.split(split).read(indices).numpy()
    return images


def part_of(split: Split, indices: NDArray[np.int64]) -> Split:
    """Return some images of a split, without reading or copying them."""
    rows = split.attributes.iloc[indices].reset_index(drop=True)
    return Split(rows, lambda chosen: split.read(indices[chosen]), split.sha256)


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


def trained(
    plan: Plan, dataset: Dataset, split: Split, seconds: float, device: torch.device, folder: Path
) -> tuple[Networks[Any], dict[str, Any]]:
    """Train for ``seconds`` and write the weights in half precision; returns networks and what happened."""
    plugin, networks = networks_for(plan, dataset, device)
    _train(UntilDeadline(plugin, most=WARM), deepcopy(networks), split, device, "warm")
    counted = UntilDeadline(plugin, seconds)
    final = _train(counted, networks, split, device, plan.label)
    took, steps = synchronised() - counted.began, counted.steps
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


class TimeIsOver(Exception):
    """Ends a training between two steps."""


class UntilDeadline:
    """A plug-in whose training ends by the clock; its schedules follow the share of the time that has passed.

    How long a step takes need not be known: it changes while a progressive GAN grows, and the first steps on a GPU take
    seconds.
    """

    def __init__(self, plugin: Trainable[Any], seconds: float = math.inf, most: int = ENDLESS) -> None:
        self.plugin, self.seconds, self.most, self.steps = plugin, seconds, most, 0
        self.optimisers, self.began = plugin.optimisers, synchronised()

    def training_step(
        self, networks: Networks[Any], optimisers: Any, batch: Batch, rng: torch.Generator, progress: float
    ) -> dict[str, Tensor]:
        passed = (time.perf_counter() - self.began) / self.seconds  # 0 of no end
        if self.steps >= self.most or (self.steps > 0 and passed >= 1):
            raise TimeIsOver
        self.steps += 1
        return self.plugin.training_step(networks, optimisers, batch, rng, min(passed, LAST))


def _train(
    plugin: UntilDeadline, networks: Networks[Any], split: Split, device: torch.device, label: str
) -> dict[str, Any]:
    """Train in place until the time is over; returns the last step's values."""
    batch = networks.config.batch_size
    context = Context(stream=f"on-gpu/{label}", device=device, label=label)
    with suppress(TimeIsOver), modes.convolutions(tf32=True):
        train(plugin, networks, split, context, ENDLESS / (len(split) // batch), batch)  # type: ignore[arg-type]
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    return dict(context.history[-1])
