"""Data redaction: the discriminator learns to call clicked samples fake, like those of the generator.

    L_D = -E log D(real) - (1 - share) E log(1 - D(g(z))) - share E log(1 - D(clicked))        share: lambda
    L_G = -E log D(g(z))                                                                       non-saturating

Kong, Chaudhuri: Data Redaction from Pre-trained GANs (SaTML 2023, arXiv 2206.14389), with the redaction set given as
data. The discriminator needs not know why a sample was clicked, so the generator moves away from all that resembles it.

Deviations: without the training data, the samples that were shown and not clicked are the real images; batch norm keeps
its statistics; R1 (Mescheder et al. 2018, arXiv 1801.04406) holds the discriminator, which sees few images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from pydantic import Field
from torch.nn.functional import softplus

from bench.api import Context, Feedback, Generator, Params, Stateful, Unlearned, hookimpl
from bench.toolkit.adversarial import squared_gradients
from bench.toolkit.data_unlearning import ImageMethod


class Config(Params):
    """Hyper-parameters of the adversarial training."""

    epochs: int = Field(200, ge=1, description="steps of each network, a batch of each kind in each")
    batch_size: int = Field(64, ge=4, multiple_of=4, description="student's samples, real and clicked images")
    lr: float = Field(1e-4, ge=0, lt=1, description="Adam's learning rate of the generator; at 0 nothing changes")
    discriminator_lr: float = Field(1e-4, ge=0, lt=1, description="Adam's learning rate of the discriminator")
    share: float = Field(0.5, ge=0, le=1, description="lambda: weight of the clicked samples among the fake ones")
    gamma: float = Field(1.0, ge=0, description="weight of R1, half the squared gradient at real images")


class Redaction(ImageMethod[Config]):
    """Adversarial training against the clicked samples."""

    Config = Config
    needs = frozenset({"discriminator"})

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"share": (0.25, 0.75, 0.9)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        config, images = self.config, self.images(generator, feedback, context)
        student = deepcopy(generator).requires_grad_(True)
        assert context.discriminator is not None
        critic = deepcopy(context.discriminator).requires_grad_(True)
        adam_g = torch.optim.Adam(student.parameters(), lr=config.lr, betas=(0.5, 0.999))
        adam_d = torch.optim.Adam(critic.parameters(), lr=config.discriminator_lr, betas=(0.5, 0.999))
        state: dict[str, Stateful] = {"student": student, "critic": critic, "adam_g": adam_g, "adam_d": adam_d}
        for step in context.steps(config.epochs, state):
            rng = context.rng(step, "images")
            redacted, reals = (draw(config.batch_size, rng) for draw in (images.forget, images.retain))
            fakes = student(context.noise(step, config.batch_size, generator.noise_dim))
            scores = critic(reals.requires_grad_(True))
            fake = (1 - config.share) * softplus(critic(fakes.detach())).mean()
            fake = fake + config.share * softplus(critic(redacted)).mean()
            held = config.gamma / 2 * squared_gradients(scores, reals).mean()
            loss_d = softplus(-scores).mean() + fake + held
            adam_d.zero_grad()
            loss_d.backward()  # type: ignore[no-untyped-call]
            adam_d.step()
            loss_g = softplus(-critic(fakes)).mean()
            adam_g.zero_grad()
            loss_g.backward()  # type: ignore[no-untyped-call]
            adam_g.step()
            context.log(step, generator=loss_g, discriminator=loss_d)
        return Unlearned(student.requires_grad_(False))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Redaction)
