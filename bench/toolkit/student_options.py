"""Options of every student's training, beyond the paper: which weights change, and in which direction.

    mask_share   SalUn (Fan et al., ICLR 2024, arXiv 2310.12508): of the weights, this share is frozen, those
                 with the smallest |gradient of the unlearning terms| at the original weights (published: 0.5)
    surgery      the gradient of the unlearning terms without its component that opposes the reconstruction term's
                 (PCGrad, Yu et al. 2020, arXiv 2001.06782), or without its whole component along it; Adam scales each
                 weight's step by itself, so its step is not orthogonal to that gradient
    ewc          elastic weight consolidation (Kirkpatrick et al. 2017, arXiv 1612.00796, Eq. 3): a penalty
                 ewc / 2 * sum F (theta - theta_0)^2, F the diagonal Fisher information
    lora_rank    only a sum of low rank on the last weights that a pass uses is trained, W + B A (Hu et al. 2022, arXiv
                 2106.09685)

Deviations: the reconstruction term has its minimum, with no gradient, at the original weights, so F is that of a
Gaussian around the image, N(g(z), 1 per pixel), estimated with random signs. LoRA's sum is folded into the weights in
the end. A convolution counts as a matrix with a row for each output.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.func import functional_call

from bench.api import Context, Generator, Params, draw_noise
from bench.toolkit.gradients import Gradients, assign, freeze, gradients_of, order_of_use, projected, saliency_mask

FIT = 1_000_000_002  # the step from which estimates at the original weights are drawn, far beyond training's
BATCHES = 8  # batches of an estimate


class GradientOptions(Params):
    """Options for which weights follow the unlearning terms, and in which direction; off by default."""

    mask_share: float = Field(0.0, ge=0, lt=1, description="share of the weights that SalUn's mask freezes; 0: none")
    surgery: Literal["none", "conflicts", "orthogonal"] = Field(
        "none",
        description="remove the conflicting component of the unlearning gradient (PCGrad), its whole component along "
        "the other terms' gradient, or nothing",
    )


class TraineeOptions(GradientOptions):
    """Which weights are trained, and which way; off by default."""

    only_with = {"lora_layers": "lora_rank"}

    lora_rank: int = Field(0, ge=0, description="rank of what is added to the last weights (LoRA); 0: all are trained")
    lora_layers: int = Field(3, ge=1, description="how many weights get such a sum: the last ones that an image uses")

    @model_validator(mode="after")
    def _mask_of_all_weights(self) -> Self:
        if self.mask_share and self.lora_rank:
            raise ValueError(
                f"mask_share={self.mask_share} freezes weights of the generator, and lora_rank={self.lora_rank} trains "
                "none of them; leave one of the two at 0"
            )
        return self


class StudentOptions(TraineeOptions):
    """Which weights of a student move, and which way; all off by default."""

    ewc: float = Field(0.0, ge=0, description="weight of elastic weight consolidation; 0: off")


class Trainee(nn.Module):
    """A student and the part of it that is trained: all its weights, or low-rank sums on the last ones (``by_use``).

    Parameters
    ----------
    student : Generator
    options : TraineeOptions
    rng : callable
        Returns the random generator, on the student's device, that draws the first factors of the sums; called only if
        ``lora_rank`` is above 0. The second factors are 0, so that nothing changes at first.
    """

    def __init__(self, student: Generator, options: TraineeOptions, rng: Callable[[], torch.Generator]) -> None:
        super().__init__()
        self.student, self.rank = student, options.lora_rank
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        if self.rank:
            random = rng()
            for name in by_use(student)[-options.lora_layers :]:
                weight = student.get_parameter(name)
                rows, columns = _flat(weight).shape
                first = torch.randn(self.rank, columns, generator=random, device=weight.device) / columns**0.5
                self.down[_key(name)] = nn.Parameter(first)
                self.up[_key(name)] = nn.Parameter(weight.new_zeros(rows, self.rank))
        student.requires_grad_(self.rank == 0)

    @property
    def trained(self) -> list[nn.Parameter]:
        """The parameters that an optimiser moves."""
        return [p for p in self.parameters() if p.requires_grad]

    def forward(self, noise: Tensor) -> Tensor:
        """Map noise (N, noise_dim) to images (N, C, H, W)."""
        drawn: Tensor = functional_call(self.student, self.sums(), (noise,)) if self.rank else self.student(noise)
        return drawn

    def sums(self) -> dict[str, Tensor]:
        """Return the weights W + B A, by name."""
        weights = {name: p for name, p in self.student.named_parameters() if _key(name) in self.up}
        return {name: p + (self.up[_key(name)] @ self.down[_key(name)]).view_as(p) for name, p in weights.items()}

    @torch.no_grad()
    def finished(self) -> Generator:
        """Fold the sums into the weights; return the student, gradients off."""
        for name, weight in self.sums().items():
            self.student.get_parameter(name).copy_(weight)
        student: Generator = self.student
        return student.requires_grad_(False)


def by_use(student: Generator) -> list[str]:
    """Return the names of the matrices that an image depends on, in the order in which a pass uses them.

    It draws two images. The student's parameters require gradients afterwards.
    """
    matrices = {name: p for name, p in student.named_parameters() if p.ndim > 1 and min(_flat(p).shape) > 1}
    device = next(student.parameters()).device
    noise = draw_noise(student, 2, torch.Generator().manual_seed(0)).to(device)
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):  # autocast would cache copies of the weights
        return order_of_use(student.requires_grad_(True)(noise), matrices)


def fisher(trainee: Trainee, context: Context, batch_size: int) -> Gradients:
    """Estimate the diagonal Fisher information of N(g(z), 1 per pixel): E (d <r, g(z)> / d theta)^2, r random signs.

    Parameters
    ----------
    trainee : Trainee
        g, at the weights where the information is wanted.
    context : Context
        Its stream decides the noise and the signs.
    batch_size : int
        Samples in each of ``BATCHES`` batches. The signs of two samples are independent, so a batch's squared gradient
        estimates the sum over its samples.

    Returns
    -------
    list of Tensor
        Per sample; one for each of ``trainee.trained``, of its shape, at least 0.
    """
    total = [torch.zeros_like(p) for p in trainee.trained]
    for k in range(BATCHES):
        images = trainee(context.noise(FIT + k, batch_size, trainee.student.noise_dim, tag="fisher"))
        signs = torch.randint(0, 2, images.shape, generator=context.rng(FIT + k, "signs"), device=images.device) * 2 - 1
        found = gradients_of((images * signs).sum(), trainee.trained)
        total = [t + g**2 / (batch_size * BATCHES) for t, g in zip(total, found, strict=True)]
    return total


def consolidation(trained: list[nn.Parameter], anchors: Gradients, information: Gradients) -> Tensor:
    """Return half the sum of F (theta - theta_0)^2 over all weights, without a factor lambda.

    Parameters
    ----------
    trained : list of nn.Parameter
        theta.
    anchors, information : list of Tensor
        theta_0 and F (``fisher``), in the order and with the shapes of ``trained``.

    Returns
    -------
    () float
    """
    parts = [(f * (p - a) ** 2).sum() for p, a, f in zip(trained, anchors, information, strict=True)]
    return torch.stack(parts).sum() / 2


def mean_gradients(losses: Callable[[int], Tensor], trained: list[nn.Parameter]) -> Gradients:
    """Return the mean over a few batches of a loss's gradient; ``losses`` maps a batch's step to the loss."""
    found = [gradients_of(losses(FIT + k), trained) for k in range(BATCHES)]
    return [torch.stack(each).mean(0) for each in zip(*found, strict=True)]


def set_gradients(
    trained: list[nn.Parameter], objective: Tensor, unlearning: Tensor, options: GradientOptions, mask: Gradients
) -> None:
    """Set the gradients of what is trained to those of an objective, its unlearning part's as the options say.

    Parameters
    ----------
    trained : list of nn.Parameter
    objective : () float
        Sum of all terms, weighted.
    unlearning : () float
        The part of that sum that unlearns.
    options : GradientOptions
    mask : list of Tensor
        What ``saliency_mask`` returned; empty if all weights move.
    """
    for parameter in trained:
        parameter.grad = None
    if options.surgery == "none":
        objective.backward()  # type: ignore[no-untyped-call]
        freeze(trained, mask)
    else:
        pull(trained, gradients_of(unlearning, trained), gradients_of(objective - unlearning, trained), options, mask)


def pull(
    trained: list[nn.Parameter], away: Gradients, back: Gradients, options: GradientOptions, mask: Gradients
) -> None:
    """Set the gradients of what is trained: the unlearning terms' as the options say, and those of all other terms.

    Parameters
    ----------
    trained : list of nn.Parameter
    away, back : list of Tensor
        Gradients of the unlearning terms and of the others.
    options : GradientOptions
    mask : list of Tensor
        What ``saliency_mask`` returned; empty if all weights move.
    """
    if options.surgery != "none":
        away = projected(away, back, only_conflicts=options.surgery == "conflicts")
    assign(trained, away, back)
    freeze(trained, mask)


Terms = Callable[[Trainee, int], tuple[Tensor, Tensor, dict[str, Any]]]  # unlearning, other, what else is logged


@dataclass(frozen=True)
class Steps:
    """The steps of a training.

    Attributes
    ----------
    epochs, batch_size : int
        How many there are, and samples per batch of the Fisher information.
    rate : callable
        Step -> Adam's learning rate.
    done : callable or None
        Trainee and step -> whether the training ends before this step.
    """

    epochs: int
    batch_size: int
    rate: Callable[[int], float]
    done: Callable[[Trainee, int], bool] | None = None


def train_by_terms(
    generator: Generator, terms_of: Terms, options: StudentOptions, context: Context, steps: Steps
) -> Generator:
    """Train a copy of the original on two terms: one unlearns, as the options say, and one holds what is kept.

    Parameters
    ----------
    generator : Generator
        The original.
    terms_of : callable
        Trainee and step -> the unlearning term () with its weight, the reconstruction term (), and what else is logged.
    options : StudentOptions
    context : Context
    steps : Steps

    Returns
    -------
    Generator
        The student, gradients off.
    """
    trainee = Trainee(deepcopy(generator), options, lambda: context.rng(0, "lora"))
    trained, anchors, share = trainee.trained, [p.detach().clone() for p in trainee.trained], options.mask_share
    mask = saliency_mask(mean_gradients(lambda step: terms_of(trainee, step)[0], trained), share) if share else []
    information = fisher(trainee, context, steps.batch_size) if options.ewc else []
    optimiser = torch.optim.Adam(trained, lr=steps.rate(0))
    for step in context.steps(steps.epochs, {"student": trainee, "optimiser": optimiser}, "student", main=True):
        if steps.done is not None and steps.done(trainee, step):
            break
        optimiser.param_groups[0]["lr"] = steps.rate(step)
        unlearn, recon, logged = terms_of(trainee, step)
        kept = recon + options.ewc * consolidation(trained, anchors, information) if information else recon
        pull(trained, gradients_of(unlearn, trained), gradients_of(kept, trained), options, mask)
        optimiser.step()
        context.log(step, unlearn=unlearn, reconstruction=recon, **logged)
    return trainee.finished()


def _flat(weight: Tensor) -> Tensor:
    return weight.flatten(1)


def _key(name: str) -> str:
    return name.replace(".", "/")
