"""Gradients of several losses: taken apart, projected off each other, and put where an optimiser reads them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Gradients = list[Tensor]  # one for each parameter, of its shape


def gradients_of(loss: Tensor, parameters: Sequence[Tensor], *, create_graph: bool = False) -> Gradients:
    """Return the gradients of a loss; zeros for a parameter that it does not depend on.

    The graph is kept, so that another loss of the same images can be differentiated after it.
    """
    if not loss.requires_grad:
        return [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(
        loss, parameters, retain_graph=True, create_graph=create_graph, materialize_grads=True, allow_unused=True
    )
    return list(found)


def inner(a: Gradients, b: Gradients) -> Tensor:
    """Return the inner product of two gradients, all parameters together; a scalar."""
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()


def projected(gradients: Gradients, other: Gradients, *, only_conflicts: bool = True) -> Gradients:
    """Take from gradients their part along ``other``: g - (g.o / o.o) o.

    Parameters
    ----------
    gradients, other : list of Tensor
    only_conflicts : bool
        Whether to leave gradients as they are if they do not oppose ``other`` (PCGrad: Yu et al. 2020, arXiv
        2001.06782, Algorithm 1). Otherwise the result is orthogonal to ``other``.
    """
    share = inner(gradients, other) / inner(other, other).clamp(min=torch.finfo(torch.float32).tiny)
    if only_conflicts:
        share = share.clamp(max=0)
    return [g - share * o for g, o in zip(gradients, other, strict=True)]


def assign(parameters: Sequence[Tensor], *parts: Gradients) -> None:
    """Set ``grad`` of each parameter to the sum of several gradients."""
    for i, parameter in enumerate(parameters):
        parameter.grad = torch.stack([part[i].detach() for part in parts]).sum(0)
