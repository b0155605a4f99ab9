"""Beyond the paper: a classifier learnt from the clicked images tells the student which images to change.

    s(x)       mean logit of an ensemble of small image classifiers, trained on the shown samples f(z) and their clicks
    flagged    s(f(z)) >= t:  t is the level above which a share 1 - (1 - p)^flag_ratio of fresh samples lies, p the
               share that was clicked
    L_unlearn  mean over flagged z of max(0, s(g(z) + noise) - safe), safe a level not above t, set as t is
    L_recon    mean over the others of |g(z) - f(z)|_1
    step       along PCGrad(grad(weight * L_unlearn + edited_weight * L_edited), grad L_recon) + grad L_recon
    L_edited   mean over flagged z of |g(z) - f(erased(z))|_1 where u.z >= t_u, the edited images of ``ours``; off by
               default. Only this term and ``flag_by=both`` need the direction u and its threshold t_u

PCGrad takes from the first gradient its part that opposes the second (Yu et al. 2020, arXiv 2001.06782). Unlike
``ours`` (Moon, Cho, Kim, arXiv 2303.05699) it needs no straight direction in the latent: it reads images, and only
samples that look as if they had the feature are changed, as little as the score asks for. Each step draws more noise
than it trains on, so that a quarter of the batch is flagged.

A student could learn to fool the surrogate instead of drawing without the feature. Against that: several networks,
trained on shifted, blurred and noisy images, noise on the student's images, a hinge that lets go of a sample as soon as
its score is safe, and on request (``stop_share``) a second surrogate that only decides when the training ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.image_surrogate import ImageSurrogate, excess, fit_surrogate, rebuilt, scored_latents, set_levels
from bench.toolkit.latent import Direction, DirectionParams, FlagParams, fit_direction
from bench.toolkit.losses import l1
from bench.toolkit.student_options import Steps, StudentOptions, Trainee, train_by_terms
from bench.toolkit.watching import Watcher, WatchParams, calibrate, split, watcher_for

FLAGGED = 0.25  # largest share of a batch that is flagged


class Config(StudentOptions, WatchParams, FlagParams):
    """Hyper-parameters of the surrogate, the direction and the student."""

    only_with = dict.fromkeys(FlagParams.model_fields, "flag_by=both or edited_weight")
    epochs: int = Field(200, ge=1, description="steps of unlearning, a batch each")
    batch_size: int = Field(64, ge=4, description="samples that the student draws per step, up to 1/4 of them flagged")
    candidates: int = Field(2, ge=1, description="samples that the original draws per sample of a batch")
    lr: float = Field(5e-4, gt=0, lt=1, description="Adam's learning rate; cosine to 0")
    weight: float = Field(0.01, ge=0, description="weight of L_unlearn; with it and edited_weight at 0 nothing changes")
    flag_ratio: float = Field(2.0, gt=0, description="share of samples flagged, as a multiple of the clicked share")
    safe_ratio: float = Field(3.0, gt=0, description="flagged samples move to below the level of this many times it")
    surgery: Literal["conflicts", "orthogonal", "none"] = Field(
        "conflicts",
        description="remove the conflicting component of L_unlearn's gradient (PCGrad), its whole component along "
        "L_recon's gradient, or nothing",
    )
    edited_weight: float = Field(0.0, ge=0, description="weight of L_edited; at 0 no edited image is drawn")
    flag_by: Literal["score", "both"] = Field("score", description="what flags: the score, or it and the direction too")
    smoothing: float = Field(0.05, ge=0, description="standard deviation of the noise on the images that are scored")

    @model_validator(mode="after")
    def _safe_is_below_flagged(self) -> Self:
        if self.safe_ratio < self.flag_ratio:
            low = f"safe_ratio={self.safe_ratio} is less than flag_ratio={self.flag_ratio}"
            raise ValueError(f"{low}, so that some flagged samples would be safe. Raise safe_ratio or lower flag_ratio")
        return self


class Surrogate(Method[Config]):
    """Unlearning by the score of a classifier that was learnt from the clicks; it takes every option of the student."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"safe_ratio": (2.0, 5.0, 8.0)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        config = self.config
        learnt, held = split(feedback, generator, config.holdout, context)
        surrogate = fit_surrogate(generator, learnt, config, context)
        if config.holdout:
            calibrate(surrogate, held, generator, config.surrogate_steps, context)
        set_levels(surrogate, generator, feedback, config.flag_ratio, config.safe_ratio, context, config.level_samples)
        watcher = watcher_for(generator, held, config, context)
        guided = config.edited_weight > 0 or config.flag_by == "both"
        direction = fit_direction(generator, learnt, DirectionParams.of(config)) if guided else None
        student = train(Teacher(generator, surrogate, direction), watcher, config, context)
        return Unlearned(student, scored_latents(generator, surrogate))

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return rebuilt(original, self.config)


@dataclass(frozen=True)
class Teacher:
    """The original, and what says which of its samples are changed."""

    generator: Generator
    surrogate: ImageSurrogate
    direction: Direction | None


def train(teacher: Teacher, watcher: Watcher | None, config: Config, context: Context) -> Generator:
    """Train a copy of the original until the surrogate no longer sees the feature in it."""
    generator, surrogate = teacher.generator, teacher.surrogate

    def terms_of(trainee: Trainee, step: int) -> tuple[Tensor, Tensor, dict[str, Any]]:
        noise, targets, moved = batch(teacher, config, context, step)
        drawn, flagged = trainee(noise), len(moved)
        unlearn = config.weight * excess(drawn[:flagged], surrogate, config.smoothing, context.rng(step, "smoothing"))
        apart = l1(drawn, targets)  # (N,)
        if config.edited_weight:
            unlearn = unlearn + config.edited_weight * (apart[:flagged] * moved).sum() / max(1, flagged)
        return unlearn, apart[flagged:].sum() / max(1, len(drawn) - flagged), {"flagged": flagged}

    def rate(step: int) -> float:
        return config.lr * 0.5 * (1 + math.cos(math.pi * step / config.epochs))

    def done(trainee: Trainee, step: int) -> bool:
        return watcher is not None and watcher.satisfied(trainee, generator.noise_dim, step, context)

    return train_by_terms(generator, terms_of, config, context, Steps(config.epochs, config.batch_size, rate, done))


@torch.no_grad()
def batch(teacher: Teacher, config: Config, context: Context, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw noise (N, noise_dim), its targets (N, C, H, W), and which of the K flagged, who come first, were moved."""
    generator, direction = teacher.generator, teacher.direction
    noise = context.noise(step, config.candidates * config.batch_size, generator.noise_dim)
    latents, images = generator.sample(noise)
    flagged = teacher.surrogate(images) >= teacher.surrogate.threshold
    above = direction.flag(latents) if direction else torch.zeros_like(flagged)
    if config.flag_by == "both":
        flagged &= above
    first = flagged.nonzero()[: int(FLAGGED * config.batch_size), 0]
    others = (~flagged).nonzero()[: config.batch_size - len(first), 0]
    chosen = torch.cat([first, others])
    targets = images[chosen]
    if direction and config.edited_weight and len(first):
        targets[: len(first)] = generator.decode(direction.edit(latents[first]), noise[first])
    return noise[chosen], targets, above[first]


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Surrogate)
