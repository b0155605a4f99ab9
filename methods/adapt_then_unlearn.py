"""Adapt-then-Unlearn: learn to draw clicked samples, then train on the others while staying away from those weights.

    1. adapt     theta_k, k = 1..K:  L_adv(clicked samples) + ewc / 2 sum F (theta - theta_0)^2,  from theta_0
    2. unlearn   theta:  L_adv(samples not clicked) + R(r),  r = sum_k |theta - theta_k|^2 / sum_k |theta_0 - theta_k|^2
                 R:  el2  weight e^(-sharpness r)     nl2  -weight r     il2  weight / r

    L_adv: the generator's part is E softplus(-D(g(z))), the discriminator's E softplus(-D(real)) + E softplus(D(g(z)))

Tiwary, Guha, Panda, Prathosh: Adapt then Unlearn: Exploring Parameter Space Semantics for Unlearning in Generative
Adversarial Networks (TMLR 2025, arXiv 2309.14054). No training data: what is real are the samples that were shown.

Deviations: r begins at 1, so that ``weight`` and ``sharpness`` mean the same on each generator and at each learning
rate. In the authors' code (github.com/atriguha/Adapt_Unlearn, commit 163a354, MIT) r is K / 2 times the sum over k of
the mean over the tensors of their mean squared differences, times a factor of each run; weight is 100 in el2, else 1.
The published generator is a StyleGAN2 with its regularisers; here R1 (Mescheder et al. 2018, arXiv 1801.04406) holds
each discriminator, which starts from the original's, and batch norm keeps its statistics. F is of N(g(z), 1 per pixel)
instead of the discriminator's. A small number keeps ``il2`` finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.api import Context, Feedback, Generator, Stateful, Unlearned, hookimpl
from bench.toolkit.adversarial import logistic_loss
from bench.toolkit.data_unlearning import Draw, ImageMethod
from bench.toolkit.gradients import gradients_of, inner, saliency_mask
from bench.toolkit.student_options import (
    GradientOptions,
    Trainee,
    TraineeOptions,
    consolidation,
    fisher,
    pull,
)

UNLEARN = "unlearn"  # phase of the main loop
LEAST = 1e-12  # of r in weight / r, and of what it is divided by

Weights = list[Tensor]
Held = Callable[[list[nn.Parameter]], dict[str, Tensor]]  # weights -> a term of the loss, then what else is logged


class Config(GradientOptions):
    """Hyper-parameters of both stages."""

    only_with = {"sharpness": "repulsion=el2"}
    adapted: int = Field(3, ge=1, description="K: generators that are adapted to the clicked samples")
    adapt_epochs: int = Field(50, ge=1, description="steps of each adaptation")
    epochs: int = Field(200, ge=1, description="steps of unlearning, after the adaptations")
    batch_size: int = Field(32, ge=4, multiple_of=4, description="samples and shown images per step")
    lr: float = Field(1e-4, ge=0, lt=1, description="Adam's learning rate of the generator; at 0 nothing changes")
    discriminator_lr: float = Field(1e-4, ge=0, lt=1, description="Adam's learning rate of the discriminator")
    ewc: float = Field(1.0, ge=0, description="weight of the Fisher penalty of an adaptation; 0: off")
    repulsion: Literal["el2", "nl2", "il2"] = Field("el2", description="R, how the adapted weights are kept away from")
    weight: float = Field(10.0, ge=0, description="of the repulsion; at 0 it is adversarial training on the rest")
    sharpness: float = Field(1.0, gt=0, description="el2: how fast the repulsion fades with the distance")
    gamma: float = Field(1.0, ge=0, description="weight of R1, half the squared gradient at real images")


def repulsion(kind: str, distance: Tensor, weight: float, sharpness: float) -> Tensor:
    """Return R of r, the distance, () at least 0; R is (), and below 0 for ``nl2`` alone."""
    if kind == "el2":
        return weight * torch.exp(-sharpness * distance)
    return -weight * distance if kind == "nl2" else weight / (distance + LEAST)


def distance_of(weights: Sequence[Tensor], others: Sequence[Weights]) -> Tensor:
    """Return the sum of the squared differences, (), from all others, each a list of tensors of the weights' shapes."""
    return torch.stack([(a - b).square().sum() for each in others for a, b in zip(weights, each, strict=True)]).sum()


class AdaptThenUnlearn(ImageMethod[Config]):
    """Adversarial training on unclicked samples, away from weights that draw clicked ones.

    Of the student's options it has ``mask_share``, which freezes the weights that the adaptations moved least, and
    ``surgery``, by which the repulsion gives way to the adversarial term. It has no ``lora_rank``, since r compares all
    weights, and ``ewc`` is that of the adaptations: at theta_0 it would hold what the repulsion drives away.
    """

    Config = Config
    needs = frozenset({"discriminator"})

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"weight": (1.0, 100.0, 1000.0)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        config, images = self.config, self.images(generator, feedback, context)
        start = [p.detach().clone() for p in generator.parameters()]
        trainee = Trainee(deepcopy(generator), TraineeOptions(), lambda: context.rng(0, "lora"))
        information = fisher(trainee, context, config.batch_size) if config.ewc else []

        def near(weights: list[nn.Parameter]) -> dict[str, Tensor]:
            held = consolidation(weights, start, information) if information else weights[0].new_zeros(())
            return {"penalty": config.ewc * held}

        adapted: list[Weights] = []
        for k in range(config.adapted):
            student = self._trained(generator, images.forget, near, context, f"adapt-{k}")
            adapted.append([p.detach() for p in student.parameters()])
        unit = distance_of(start, adapted).clamp(min=LEAST)

        def away(weights: list[nn.Parameter]) -> dict[str, Tensor]:
            r = distance_of(weights, adapted) / unit
            return {"repulsion": repulsion(config.repulsion, r, config.weight, config.sharpness), "distance": r}

        student = self._trained(generator, images.retain, away, context, UNLEARN)
        return Unlearned(student.requires_grad_(False))

    def _trained(self, generator: Generator, draw: Draw, held: Held, context: Context, phase: str) -> Generator:
        """Train a copy of the original against a copy of its discriminator, for which drawn images are real."""
        config, student = self.config, deepcopy(generator).requires_grad_(True)
        options, epochs = (config, config.epochs) if phase == UNLEARN else (GradientOptions(), config.adapt_epochs)
        assert context.discriminator is not None
        critic: nn.Module = deepcopy(context.discriminator).requires_grad_(True)
        trained = list(student.parameters())
        adam_g = torch.optim.Adam(trained, lr=config.lr, betas=(0.5, 0.999))
        adam_d = torch.optim.Adam(critic.parameters(), lr=config.discriminator_lr, betas=(0.5, 0.999))
        share = options.mask_share
        mask = saliency_mask(gradients_of(held(trained)["distance"], trained), share) if share else []
        state: dict[str, Stateful] = {"student": student, "critic": critic, "adam_g": adam_g, "adam_d": adam_d}
        for step in context.steps(epochs, state, phase, main=phase == UNLEARN):
            reals = draw(config.batch_size, context.rng(step, "images"))
            fakes = student(context.noise(step, config.batch_size, generator.noise_dim))
            loss_d = logistic_loss(critic, reals, fakes.detach(), config.gamma / 2)
            adam_d.zero_grad()
            loss_d.backward()  # type: ignore[no-untyped-call]
            adam_d.step()
            loss_g, terms = softplus(-critic(fakes)).mean(), held(trained)
            name, term = next(iter(terms.items()))
            away, back = gradients_of(term, trained), gradients_of(loss_g, trained)
            pull(trained, away, back, options, mask)
            adam_g.step()
            pulls = [inner(each, each).sqrt() for each in (away, back)]
            terms[f"{name}_share"] = pulls[0] / (pulls[0] + pulls[1]).clamp(min=LEAST)  # of the gradients' lengths
            context.log(step, generator=loss_g, discriminator=loss_d, **terms)
        return student


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(AdaptThenUnlearn)
