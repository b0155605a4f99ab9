"""The training loop of ``bench pretrain`` and of the method ``retrain``; the scores of a network with classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Batch, Networks, Split, Stateful, Trainable
from bench.api.context import Context
from bench.core import machine, randomness
from bench.core.rendering import to_float
from bench.errors import DataError


def train(
    trainable: Trainable[Any],
    networks: Networks[Any],
    split: Split,
    context: Context,
    epochs: float,
    batch_size: int,
    *,
    keep: NDArray[np.bool_] | None = None,
) -> None:
    """Train networks in place, or resume their training; they end in eval mode, gradients off.

    Parameters
    ----------
    trainable : Trainable
        Provides ``optimisers`` and ``training_step``.
    networks : Networks
        On ``context.device``.
    split : Split
        The training images.
    context : Context
        Randomness, progress, checkpoints; its ``log`` stops a diverging run.
    epochs : float
        Passes over the kept images.
    batch_size : int
        Images per step; a last incomplete batch of an epoch is dropped.
    keep : (N,) bool, optional
        Which images to train on; all by default.

    Raises
    ------
    DataError
        If fewer images are kept than one batch holds.
    """
    chosen = np.arange(len(split)) if keep is None else np.flatnonzero(keep)
    per_epoch = len(chosen) // batch_size
    if per_epoch == 0:
        raise DataError(f"{len(chosen)} training images do not fill one batch of {batch_size}; lower -p batch_size")
    total = max(1, round(epochs * per_epoch))
    targets, target_names = _targets(split)
    modules = networks.modules()
    for module in modules.values():
        module.train().requires_grad_(True)
    optimisers = trainable.optimisers(networks)
    state: dict[str, Stateful] = {**modules, **{f"optimiser {name}": o for name, o in optimisers.items()}}
    order, epoch = chosen, -1
    for step in context.steps(total, state):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = chosen[
                torch.randperm(len(chosen), generator=randomness.generator(f"{context.stream}/epoch", epoch))
            ]
        first = (step % per_epoch) * batch_size
        indices = order[first : first + batch_size]
        images = to_float(split.read(indices).to(context.device))
        batch = Batch(images, targets[indices].to(context.device), target_names)
        losses = trainable.training_step(networks, optimisers, batch, context.rng(step), step / total)
        context.log(step, **losses)
    for module in modules.values():
        module.eval().requires_grad_(False)


def mixed_precision(device: torch.device, wanted: bool) -> torch.autocast:
    """Return a context for mixed precision: bfloat16 if it is wanted and the device supports it, else float32.

    Weights are cast anew each time. autocast's cache of them is cleared only where the outermost autocast ends, and a
    method runs within another one: a training would go on seeing the weights that it began with.
    """
    enabled = wanted and machine.has_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)


def build(trainable: Trainable[Any], config: Any, stream: str) -> Networks[Any]:
    """Build networks whose initial weights depend only on ``stream``; the global random state does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(randomness.seed_of(f"{stream}/init", 0))
        return trainable.build(config)


def _targets(split: Split) -> tuple[torch.Tensor, tuple[str, ...]]:
    numbers = split.attributes.select_dtypes(include=["number", "bool"])
    return torch.tensor(numbers.to_numpy(dtype=np.float32)), tuple(str(name) for name in numbers.columns)


def class_log_odds(logits: Tensor, columns: Sequence[int]) -> Tensor:
    """Return the log odds of some classes, each against all others.

    Parameters
    ----------
    logits : (N, K) float64
        K at least 2.
    columns : sequence of int
        Of A classes.

    Returns
    -------
    (N, A) float64
    """
    others = [torch.cat([logits[:, :k], logits[:, k + 1 :]], dim=1).logsumexp(dim=1) for k in columns]
    return logits[:, list(columns)] - torch.stack(others, dim=1)
