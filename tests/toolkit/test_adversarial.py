"""Adversarial losses of a critic that is known."""

from __future__ import annotations

import pytest
import torch
from proggan_toys import images

from bench.toolkit.adversarial import gradient_penalty, logistic_loss, wasserstein_loss


def linear_critic(norm):
    direction = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))
    direction *= norm / direction.norm()
    return lambda x: (x * direction).sum((1, 2, 3))


@pytest.mark.parametrize("norm", [0.0, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(norm):
    rng = torch.Generator().manual_seed(0)
    assert float(gradient_penalty(linear_critic(norm), images(), -images(), rng)) == pytest.approx(
        (norm - 1) ** 2, abs=1e-5
    )


def test_losses_of_a_linear_critic():
    critic, rng = linear_critic(3.0), torch.Generator().manual_seed(0)
    score = critic(images())
    wasserstein = wasserstein_loss(critic, images(), -images(), rng, weight=10, drift=0.5)
    assert torch.allclose(wasserstein, -2 * score.mean() + 0.5 * score.square().mean() + 10 * 4, atol=1e-3)
    plain = logistic_loss(critic, images(), -images(), 0.0)
    assert torch.allclose(plain, 2 * torch.log1p(torch.exp(-score)).mean(), atol=1e-4)
    assert torch.allclose(logistic_loss(critic, images(), -images(), 0.25), plain + 0.25 * 9, atol=1e-4)
