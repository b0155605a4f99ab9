"""Run one method on one generator: pass the inputs it needs, and check what it returns."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch

from bench.api import NEEDS, Method, Networks, Oracle, Unlearned
from bench.api.context import Context, Recipe, TrainingData
from bench.api.feedback import Feedback
from bench.core import modes
from bench.errors import Diverged, PluginError


def stream_of(reads_feedback: bool, trainings: int, seed: int) -> str:
    """Return the random stream of unlearning; a method that reads no feedback has a few runs for all seeds."""
    return f"unlearn/{seed if reads_feedback else seed % trainings}"


def run_method(
    name: str,
    method: Method[Any],
    networks: Networks[Any],
    feedback: Feedback,
    context: Context,
    oracle: Oracle | None,
    training_data: Callable[[], TrainingData],
    recipe: Callable[[], Recipe],
) -> Unlearned:
    """Unlearn with a method, which receives only the inputs that its ``needs`` declares.

    Parameters
    ----------
    name : str
        The method's registered name, for errors.
    method : Method
    networks : Networks
        The original's. They are left in eval mode, gradients off, with the weights they came with.
    feedback : Feedback
        Withheld from a method that does not read it.
    context : Context
        Randomness, device, progress and checkpoint; what ``needs`` names is put in here.
    oracle : Oracle or None
    training_data, recipe : callable
        Handed over, or called, if ``needs`` names them.

    Raises
    ------
    PluginError
        If ``needs`` names what there is not, or the result's noise has another prior than the original's.
    Diverged
        If training diverged or ended in weights that are not finite.
    RuntimeError
        If the method changed the original.
    """
    if method.needs - NEEDS:
        raise PluginError(f"method '{name}' needs {sorted(method.needs)}; allowed: {sorted(NEEDS)}")
    offered: dict[str, Callable[[], Any]] = {"oracle": lambda: oracle, "training_data": training_data, "recipe": recipe}
    for need in method.needs:
        setattr(context, need, offered[need]() if need in offered else getattr(networks, need))
    assert (original := networks.generator) is not None
    context.prior = original.prior
    given = (feedback if method.reads_feedback else Feedback(feedback.labels[:0], feedback.stream)).of(original)
    kept = {part: deepcopy(module.state_dict()) for part, module in networks.modules().items()}
    try:
        with modes.ordinary(tf32=True):  # a training
            unlearned = method.unlearn(original, given, context)
    finally:
        changed = _reset(networks, kept)
    if changed:
        raise RuntimeError(f"method '{name}' changed the original; it must work on a copy")
    _require_finite(unlearned, context)
    if unlearned.generator.prior != original.prior:
        raise PluginError(
            f"method '{name}' returned a generator whose prior is {unlearned.generator.prior!r}, and the original's is "
            f"{original.prior!r}. Derive what wraps the original from bench.api.Wrapped, which copies it"
        )
    return unlearned


def _reset(networks: Networks[Any], kept: dict[str, dict[str, Any]]) -> bool:
    """Put the original, which others share, back as it was; returns whether its weights had changed."""
    changed = False
    for part, module in networks.modules().items():
        state = module.state_dict()
        if any(not torch.equal(state[key], tensor) for key, tensor in kept[part].items()):
            module.load_state_dict(kept[part])
            changed = True
        module.eval().requires_grad_(False)
    return changed


def _require_finite(unlearned: Unlearned, context: Context) -> None:
    for module in filter(None, (unlearned.generator, unlearned.identifier)):
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise Diverged(len(context.history), f"weights {name}", float("nan"))
