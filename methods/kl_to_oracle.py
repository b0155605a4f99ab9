"""KL to the oracle: the mean answer of a classifier is drawn towards "without the feature"; what is kept is held.

    p          mean over a batch of sigmoid(s(g(z)) + log(c / (1 - c))): the share that shows the feature
    L_kl       sum over k of p_k log((p_k + eps) / (q_k + eps)),  p_k = (1 - p, p),  q_k = (1, 0),  eps = 1e-8
    L_recon    mean over the z that are not flagged of |g(z) - f(z)|_1
    step       along weight * grad L_kl + grad L_recon

The term with a classifier that Mandal and Gottwald (2025, arXiv 2506.04712) add to their methods and also use alone:
"hat" in their code (github.com/pinakm9/forget at 100893f, CC BY 4.0; modules/celeba_male/vae_hat.py and vae_loss.py).
There p_k is the mean softmax over the classes and q is uniform on those that are kept; with two classes one is kept.

Deviations: the published classifier learnt from the labelled training set. Here s is a surrogate, learnt from the
clicked samples f(z), because no method is handed the oracle's gradient. It learns from as many positives as
negatives, so the log odds of c, the share that was clicked, are added back. What is kept is held by L_recon instead of
the negative ELBO of training images, so that a GAN can be unlearned too; a latent is flagged if s(f(z)) is above the
level that a share 1 - (1 - c)^flag_ratio of fresh samples exceeds. Each step draws noise anew; the published code keeps
one batch of 128. The published weights, 1e3 and 1e4, go with an ELBO that is summed over pixels and images.

The mean alone counts, so what the surrogate is surest of has the smallest gradient; ``surrogate`` lowers the score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.image_surrogate import (
    ImageSurrogate,
    SurrogateParams,
    fit_surrogate,
    rebuilt,
    scored_latents,
    set_levels,
)
from bench.toolkit.losses import l1
from bench.toolkit.student_options import Steps, StudentOptions, Trainee, train_by_terms

EPS = 1e-8  # of the published code; it keeps log(p / 0) finite


class Config(StudentOptions, SurrogateParams):
    """Hyper-parameters of the surrogate and of the student's training."""

    epochs: int = Field(200, ge=1, description="steps of unlearning, one batch each")
    batch_size: int = Field(64, ge=2, description="samples per step")
    lr: float = Field(1e-3, gt=0, lt=1, description="Adam's learning rate (published: 1e-3)")
    weight: float = Field(0.1, ge=0, description="weight of L_kl; at 0 nothing changes")
    flag_ratio: float = Field(2.0, gt=0, description="share of samples flagged, as a multiple of the clicked share")


class KLToOracle(Method[Config]):
    """The mean answer of a classifier that was learnt from the clicks is drawn towards "without the feature".

    It takes every option of the student; L_kl is what unlearns.
    """

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (0.01, 0.03, 0.3)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        config = self.config
        surrogate = fit_surrogate(generator, feedback, config, context)
        ratio = config.flag_ratio
        set_levels(surrogate, generator, feedback, ratio, ratio, context, config.level_samples)
        odds = math.log(feedback.positives / (len(feedback) - feedback.positives))  # of c
        student = train(generator, surrogate, odds, config, context)
        return Unlearned(student, scored_latents(generator, surrogate))

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return rebuilt(original, self.config)


def train(generator: Generator, surrogate: ImageSurrogate, odds: float, config: Config, context: Context) -> Generator:
    """Train a copy of the original; ``odds`` are the log odds of a click."""

    def terms_of(trainee: Trainee, step: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
        noise = context.noise(step, config.batch_size, generator.noise_dim)
        with torch.no_grad():
            images = generator(noise)  # (N, C, H, W)
            held = surrogate(images) < surrogate.threshold  # (N,)
        drawn = trainee(noise)
        share = torch.sigmoid(surrogate(drawn) + odds).mean()
        recon = (l1(drawn, images) * held).sum() / held.sum().clamp(min=1)
        return config.weight * divergence(share), recon, {"share": share}

    steps = Steps(config.epochs, config.batch_size, lambda step: config.lr)
    return train_by_terms(generator, terms_of, config, context, steps)


def divergence(share: Tensor) -> Tensor:
    """Return L_kl of the share that shows the feature, () in [0, 1]: 0 at 0, and 18.4, log(1 / eps), at 1."""
    found, wanted = torch.stack([1 - share, share]), torch.tensor([1.0, 0.0], device=share.device)
    return (found * torch.log((found + EPS) / (wanted + EPS))).sum()


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(KLToOracle)
