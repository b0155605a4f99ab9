"""Gradients of several losses: taken apart, projected, put where an optimiser reads them; the order of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        2001.06782, Algorithm 1). Otherwise the result is orthogonal to ``other``; a step of Adam along
        it is not, since Adam scales each weight's step by itself.
    """
    share = inner(gradients, other) / inner(other, other).clamp(min=torch.finfo(torch.float32).tiny)
    if only_conflicts:
        share = share.clamp(max=0)
    return [g - share * o for g, o in zip(gradients, other, strict=True)]


def assign(parameters: Sequence[Tensor], *parts: Gradients) -> None:
    """Set ``grad`` of each parameter to the sum of several gradients."""
    for i, parameter in enumerate(parameters):
        parameter.grad = torch.stack([part[i].detach() for part in parts]).sum(0)


def freeze(trained: Sequence[Tensor], mask: Gradients) -> None:
    """Set the gradients to 0 where the mask is; an empty one freezes nothing."""
    for parameter, kept in zip(trained, mask, strict=False):
        if parameter.grad is not None:
            parameter.grad *= kept


def saliency_mask(gradients: Gradients, share: float) -> Gradients:
    """Return which weights are trained, as 0 and 1: all except ``share`` of them, those with the smallest gradient.

    Parameters
    ----------
    gradients : list of Tensor
        One for each parameter, of its shape.
    share : float
        Share of all weights together that is frozen, in [0, 1). Of equal gradients the first ones are frozen, so that
        the share is right even where most of them are 0.

    Returns
    -------
    list of Tensor
        0 or 1, with the shapes and dtypes of ``gradients``.
    """
    sizes = torch.cat([g.abs().flatten() for g in gradients])
    kept = torch.ones_like(sizes)
    kept[sizes.argsort(stable=True)[: min(int(share * len(sizes)), len(sizes) - 1)]] = 0
    parts = torch.split(kept, [g.numel() for g in gradients])
    return [part.view_as(g) for part, g in zip(parts, gradients, strict=True)]


def order_of_use(result: Tensor, parameters: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the parameters that a result depends on, in the order in which they were used.

    A parameter used more than once stands where it was used last. The order is read off the autograd graph, whose nodes
    are numbered as a pass makes them. Hooks on modules would miss a weight that is used without a call of its module
    (ProgGAN's ``upsampled``, VDVAE's ``OutNet``), and would count a module that runs without an effect on the result.
    """
    names = {id(parameter): name for name, parameter in parameters.items()}
    last: dict[str, int] = {}  # number of the last node that reads a parameter
    seen, pending = set(), [result.grad_fn] if result.grad_fn else []
    while pending:
        node = pending.pop()
        for source, _ in node.next_functions:
            name = names.get(id(getattr(source, "variable", None)))  # the end of the graph at a parameter has it
            if name is not None:
                last[name] = max(last.get(name, -1), node._sequence_nr())
            elif source is not None and source not in seen:
                seen.add(source)
                pending.append(source)
    return sorted(last, key=last.__getitem__)
