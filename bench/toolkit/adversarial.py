"""Losses of generative adversarial networks: WGAN-GP with drift, and non-saturating with lazy R1.

A gradient penalty is part of the critic's loss and of the same ``backward()``: a separate backward pass gives
silently wrong gradients under DDP.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

Critic = Callable[[Tensor], Tensor]  # images (N, C, H, W) -> scores (N,)


def squared_gradients(scores: Tensor, images: Tensor) -> Tensor:
    """Return |d score / d image|^2 per image; the result is differentiable.

    Parameters
    ----------
    scores : (N,)
    images : (N, C, H, W)
        What the scores were computed from, with ``requires_grad``.

    Returns
    -------
    (N,) float32
    """
    (gradients,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradients.float().square().sum((1, 2, 3))


def gradient_penalty(critic: Critic, reals: Tensor, fakes: Tensor, rng: torch.Generator) -> Tensor:
    """Return the mean of (|gradient| - 1)^2 between reals and fakes (Gulrajani et al. 2017, arXiv 1704.00028, Eq. 3).

    Parameters
    ----------
    critic : callable
        Images (N, C, H, W) to scores (N,).
    reals, fakes : (N, C, H, W) float
        As many of each; ``fakes`` are detached.
    rng : torch.Generator
        Draws a point between the images of each pair, uniformly; on the device of ``reals``.

    Returns
    -------
    () float32
    """
    share = torch.rand(len(reals), 1, 1, 1, generator=rng, device=reals.device)
    between = torch.lerp(fakes.detach(), reals, share).requires_grad_(True)
    norms = (squared_gradients(critic(between), between) + 1e-12).sqrt()  # at 0 the root has no derivative
    return (norms - 1).square().mean()


def wasserstein_loss(
    critic: Critic, reals: Tensor, fakes: Tensor, rng: torch.Generator, weight: float, drift: float
) -> Tensor:
    """Return the critic's loss of WGAN-GP, with Karras et al.'s drift term (2018, arXiv 1710.10196, appendix A.1).

    mean D(fakes) - mean D(reals) + drift mean D(reals)^2 + weight ``gradient_penalty``. It falls as the scores of
    reals rise above those of fakes.

    Parameters
    ----------
    critic : callable
        Images (N, C, H, W) to scores (N,), higher for real.
    reals, fakes : (N, C, H, W) float
        As many of each, in the range of the critic's input ([-1, 1] for ``proggan``), whose unit ``weight`` depends on.
        Detach ``fakes``, unless the loss is to reach the generator.
    rng : torch.Generator
        As for ``gradient_penalty``; on the device of ``reals``.
    weight : float
        Of the gradient penalty (published: 10).
    drift : float
        Of the reals' squared scores, to keep them near zero (published: 0.001).

    Returns
    -------
    () float
    """
    on_reals = critic(reals)
    loss = critic(fakes).mean() - on_reals.mean() + drift * on_reals.square().mean()
    return loss + weight * gradient_penalty(critic, reals, fakes, rng)


def logistic_loss(
    critic: Critic,
    reals: Tensor,
    fakes: Tensor,
    penalty_weight: float,
    watch: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Return the discriminator's logistic loss with R1.

    mean softplus(-D(reals)) + mean softplus(D(fakes)) + penalty_weight mean |dD / d reals|^2. R1 is Mescheder et al.
    2018, arXiv 1801.04406, Eq. 9.

    Parameters
    ----------
    critic : callable
        Images (N, C, H, W) to logits (N,) of being real.
    reals, fakes : (N, C, H, W) and (M, C, H, W) float
        In the range of the critic's input, whose unit ``penalty_weight`` depends on. ``reals`` are detached. Detach
        ``fakes``, unless the loss is to reach the generator.
    penalty_weight : float
        Of R1, at least 0: gamma / 2 in Eq. 9. 0 skips R1 (a lazy step, Karras et al. 2020, arXiv 1912.04958, appendix
        B).
    watch : callable, optional
        Called with the logits (N,) of the reals, detached.

    Returns
    -------
    () float
    """
    reals = reals.detach().requires_grad_(penalty_weight > 0)
    on_reals = critic(reals)
    if watch is not None:
        watch(on_reals.detach())
    loss = softplus(-on_reals).mean() + softplus(critic(fakes)).mean()
    return loss + penalty_weight * squared_gradients(on_reals, reals).mean() if penalty_weight > 0 else loss
