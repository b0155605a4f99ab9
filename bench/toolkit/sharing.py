"""Batches that several processes compute together: each takes a share, and the gradients are those of one process.

``shared(generator)(noise)`` is ``generator(noise)``. In a training of several processes (``torchrun``), each computes
its share of the samples and gets those of the others, so all that follows, losses for instance, sees the whole batch in
every process. Gradients take the same way back, and second ones too: a gradient penalty, a mean over some of the
samples and statistics of the batch are right without any weights. What is not wrapped is computed by every process.

A call of ``shared`` counts in no key: how many processes compute a batch changes numbers in their last digits only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from bench.core import together
from bench.errors import PluginError, UsageError

F = TypeVar("F", bound=Callable[..., Any])

_here = threading.local()  # has ``divided`` while a share is computed


def shared(function: F, *modules: nn.Module, group: int = 1) -> F:
    """Return a function that computes what ``function`` does, divided between the processes that train together.

    Parameters
    ----------
    function : callable
        Treats each sample by itself; batch norm is taken care of. Every tensor that it takes or returns has one row for
        each sample. It draws nothing at random.
    *modules : nn.Module
        Whose parameters it uses; the function itself, if it is a module.
    group : int
        Samples that depend on each other: of N samples, i and j do if they are equal modulo N / group. If ``group``
        does not divide N, all do.

    Returns
    -------
    callable
        ``function`` itself in a training of one process.

    Raises
    ------
    UsageError
        On a call with fewer groups than processes.
    """
    team = together.team()
    if team is None or getattr(_here, "divided", False):
        return function
    used = modules or ((function,) if isinstance(function, nn.Module) else ())
    return cast(F, partial(_in_shares, team, function, used, group))


@dataclass(frozen=True)
class Share:
    """The samples that one process computes.

    Attributes
    ----------
    crew : Crew
    line : ProcessGroup
        Through which the others are reached.
    own : (n,) int64
        Their numbers.
    count : int
        Of the batch.
    """

    crew: together.Crew
    line: Any
    own: Tensor
    count: int

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum of all processes' tensors."""
        return self.crew.total(tensor, self.line)


def share_of(crew: together.Crew, count: int, group: int, device: torch.device) -> Share:
    """Return this process's share of a batch: whole groups, as many as the others have, or one more."""
    size = group if count % group == 0 else count
    groups = count // size
    if groups < crew.size:
        parts = f"{groups} group(s) of {size} samples" if size > 1 else f"{count} samples"
        raise UsageError(
            f"a batch of {parts} cannot be divided between {crew.size} processes. Start at most {groups} "
            f"(torchrun --nproc-per-node), or give a multiple of {group * crew.size} (-p batch_size)"
        )
    first, last = (crew.rank * groups // crew.size, (crew.rank + 1) * groups // crew.size)
    own = torch.arange(size, device=device)[:, None] * groups + torch.arange(first, last, device=device)
    return Share(crew, crew.group, own.flatten(), count)


def _in_shares(team: together.Team, function: Any, modules: tuple[nn.Module, ...], group: int, *given: Any) -> Any:
    batches = [each for each in given if isinstance(each, Tensor)]
    device = batches[0].device
    share = share_of(team.meet(device), len(batches[0]), group, device)
    called = _Called(function, modules)
    trained = {name: parameter for name, parameter in called.named_parameters() if parameter.requires_grad}
    copies = dict(zip(trained, _Copied.apply(share, *trained.values()), strict=True)) if trained else {}
    own = tuple(_Divided.apply(share, each) if isinstance(each, Tensor) else each for each in given)
    with _computing(modules, share):
        made = functional_call(called, cast(dict[str, Tensor], copies), own)
    return _whole(share, made)


def _whole(share: Share, made: Any) -> Any:
    """Return what all processes made, for tensors in tuples, lists, mappings and dataclasses."""
    if isinstance(made, Tensor):
        if made.ndim == 0 or len(made) != len(share.own):
            raise PluginError(
                f"shared: the function returns a tensor of shape {tuple(made.shape)} for {len(share.own)} samples. It "
                "must have one row for each sample"
            )
        return _Gathered.apply(share, made)
    if isinstance(made, Mapping):
        return {name: _whole(share, each) for name, each in made.items()}
    if isinstance(made, (tuple, list)):
        return type(made)(_whole(share, each) for each in made)
    if is_dataclass(made) and not isinstance(made, type):
        return replace(made, **{field.name: _whole(share, getattr(made, field.name)) for field in fields(made)})
    return made


class _Called(nn.Module):
    """A function, and the modules whose parameters it uses."""

    def __init__(self, function: Any, modules: tuple[nn.Module, ...]) -> None:
        super().__init__()
        self.function, self.used = (function,), nn.ModuleList(modules)  # in a tuple: it may be one of the modules

    def forward(self, *given: Any) -> Any:
        return self.function[0](*given)


@contextmanager
def _computing(modules: tuple[nn.Module, ...], share: Share) -> Iterator[None]:
    """Compute a share; batch norm takes its statistics of the whole batch."""
    norms = [
        module
        for each in modules
        for module in each.modules()
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None)
    ]
    _here.divided = True
    for norm in norms:
        norm.forward = partial(_batch_norm, norm, share)  # type: ignore[method-assign]
    try:
        yield
    finally:
        _here.divided = False
        for norm in norms:
            del norm.forward


def _batch_norm(norm: _BatchNorm, share: Share, x: Tensor) -> Tensor:
    """Normalise (n, C, ...) by the statistics of the whole batch (Ioffe and Szegedy 2015, Algorithm 1)."""
    others = [dim for dim in range(x.ndim) if dim != 1]
    count = share.count * x[0, 0].numel()
    mean = _Summed.apply(share, x.float().sum(others, keepdim=True)) / count
    centred = x.float() - mean
    variance = _Summed.apply(share, centred.square().sum(others, keepdim=True)) / count
    if norm.training and norm.running_mean is not None and norm.running_var is not None:
        with torch.no_grad():
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked += 1
            weight = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean.flatten(), weight)
            norm.running_var.lerp_(variance.flatten() * count / max(1, count - 1), weight)
    y = centred * (variance + norm.eps).rsqrt()
    if norm.affine:
        y = y * norm.weight.view_as(mean) + norm.bias.view_as(mean)
    normalised: Tensor = y.to(x.dtype)
    return normalised


class _Copied(Function):
    """Parameters that each process uses for its share: their gradients add up."""

    @staticmethod
    def forward(ctx: Any, share: Share, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.share = share
        ctx.set_materialize_grads(False)  # a parameter that nothing used has no gradient
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        found = [gradient for gradient in gradients if gradient is not None]
        sums = iter(ctx.share.total(torch.cat([each.flatten() for each in found])).split([g.numel() for g in found]))
        return None, *(None if g is None else next(sums).view_as(g) for g in gradients)


class _Divided(Function):
    """The whole batch, which every process has, to a share of it."""

    @staticmethod
    def forward(ctx: Any, share: Share, whole: Tensor) -> Tensor:
        ctx.share = share
        return whole[share.own]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, _Gathered.apply(ctx.share, gradient)


class _Gathered(Function):
    """Shares to the whole batch."""

    @staticmethod
    def forward(ctx: Any, share: Share, part: Tensor) -> Tensor:
        ctx.share = share
        whole = part.new_zeros(share.count, *part.shape[1:])
        whole[share.own] = part
        return share.total(whole)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, _Divided.apply(ctx.share, gradient)


class _Summed(Function):
    """Parts of a sum to the sum, which each process uses for its share."""

    @staticmethod
    def forward(ctx: Any, share: Share, part: Tensor) -> Tensor:
        ctx.share = share
        return share.total(part)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, _Summed.apply(ctx.share, gradient)
