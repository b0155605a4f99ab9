"""A surrogate of the clicking oracle or person: an ensemble of small image classifiers, learnt from clicked samples.

It stands where a judge's gradient would, which no method is handed. An image that fools a single network rarely fools
several, trained from other initial weights on shifted, blurred and noisy copies. Features are averaged over the cells
of a coarse grid, which keeps few clicks from being learnt by heart.
"""

from __future__ import annotations

import math
from copy import deepcopy

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, relu

from bench.api import Context, Feedback, Generator, Params, Unlearned, chunks, draw_noise, to_float, to_uint8
from bench.toolkit.augmentation import blurred, random_shift

FIT = 1_000_000_001  # the step that draws initial weights and levels, far beyond those of any training


class SurrogateParams(Params):
    """The surrogate's architecture and training."""

    members: int = Field(3, ge=1, description="networks in the ensemble")
    channels: tuple[int, ...] = Field((16, 32, 64), min_length=1, description="channels; each convolution halves H, W")
    grid: int = Field(2, ge=1, description="features are averaged over a grid x grid raster; 1 discards position")
    surrogate_steps: int = Field(150, ge=1, description="AdamW steps that train each network")
    surrogate_batch: int = Field(64, ge=2, description="clicked samples per step and network, half of them positive")
    surrogate_lr: float = Field(2e-3, gt=0, lt=1, description="learning rate of the networks; cosine to 0")
    weight_decay: float = Field(0.03, ge=0, description="decoupled weight decay of the networks")
    max_shift: int = Field(2, ge=0, description="largest random shift of an image that is learnt from, px")
    max_blur: float = Field(1.5, ge=0, description="largest standard deviation of its blur, px")
    max_noise: float = Field(0.1, ge=0, description="largest standard deviation of its noise")
    level_samples: int = Field(1024, ge=2, description="fresh samples by whose scores the levels are set")


class ImageSurrogate(nn.Module):
    """Images (N, C, H, W) nominally in [0, 1] -> mean logit of the members (N,), larger meaning more of the feature.

    Attributes
    ----------
    threshold, safe : () float32
        Levels of the score, set by ``set_levels``: from where a sample is flagged, and to where its score is lowered.
    """

    threshold: Tensor
    safe: Tensor

    def __init__(self, colours: int, params: SurrogateParams) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):  # the weights that torch draws are replaced
            self.nets = nn.ModuleList(_network((colours, *params.channels), params.grid) for _ in range(params.members))
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("safe", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([net(images)[:, 0] for net in self.nets]).mean(0)


class ScoredLatents(nn.Module):
    """The surrogate as an identifier: latents (N, D) of the original -> score of the images it draws from them, (N,).

    The original is part of the state: the code that loads the file has no other one.
    """

    def __init__(self, original: Generator, surrogate: ImageSurrogate) -> None:
        super().__init__()
        self.original, self.surrogate = deepcopy(original), surrogate

    @property
    def threshold(self) -> Tensor:
        """Score from which a latent is flagged, ()."""
        return self.surrogate.threshold

    def forward(self, latents: Tensor) -> Tensor:
        scores: Tensor = self.surrogate(self.original.decode(latents, torch.zeros_like(latents)))
        return scores


def scored_latents(original: Generator, surrogate: ImageSurrogate) -> ScoredLatents | None:
    """Return the surrogate as an identifier; None for a generator whose images depend on more than the latent."""
    return ScoredLatents(original, surrogate) if original.noise_dim == original.latent_dim else None


def rebuilt(original: Generator, params: SurrogateParams) -> Unlearned:
    """Return a copy of the original with an untrained surrogate as its identifier: what stored weights are put into."""
    return Unlearned(deepcopy(original), scored_latents(original, ImageSurrogate(original.image_shape[0], params)))


def fit_surrogate(
    generator: Generator, feedback: Feedback, params: SurrogateParams, context: Context, name: str = "surrogate"
) -> ImageSurrogate:
    """Train a surrogate on the clicked samples, both classes equally often, in a phase of this name.

    Raises
    ------
    UsageError
        If a class is missing.
    """
    feedback.require_both_classes()
    images = torch.cat([to_uint8(images) for _, images in feedback.samples(generator)])  # (N, C, H, W), on the CPU
    classes = [torch.from_numpy(feedback.labels == value).nonzero()[:, 0] for value in (True, False)]
    surrogate = ImageSurrogate(images.shape[1], params).to(context.device)
    _initialise(surrogate, context.rng(FIT, "initial"))
    optimiser = torch.optim.AdamW(surrogate.parameters(), params.surrogate_lr, weight_decay=params.weight_decay)
    total = params.surrogate_steps
    for step in context.steps(total, {"surrogate": surrogate, "optimiser": optimiser}, name=name):
        optimiser.param_groups[0]["lr"] = params.surrogate_lr * 0.5 * (1 + math.cos(math.pi * step / total))
        rng = context.rng(step)
        losses = []
        for net in surrogate.nets:
            index = torch.cat([_some(each, params.surrogate_batch // 2, rng) for each in classes])
            seen = augmented(to_float(images[index].to(context.device)), params, rng)
            wanted = torch.from_numpy(feedback.labels)[index].to(seen)
            losses.append(binary_cross_entropy_with_logits(net(seen)[:, 0], wanted))
        loss = torch.stack(losses).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        context.log(step, cross_entropy=loss / len(losses))
    return surrogate.eval().requires_grad_(False)


def augmented(images: Tensor, params: SurrogateParams, rng: torch.Generator) -> Tensor:
    """Shift images (N, C, H, W), blur two thirds of them, add noise to two thirds, by any amount up to the largest."""
    blur, noise = (1.5 * torch.rand(2, len(images), generator=rng, device=images.device) - 0.5).clamp(min=0)
    images = random_shift(images, params.max_shift, rng) if params.max_shift else images
    images = blurred(images, params.max_blur * blur) if params.max_blur else images
    unit = torch.randn(images.shape, generator=rng, device=images.device)
    noisy: Tensor = images + params.max_noise * noise[:, None, None, None] * unit
    return noisy


@torch.no_grad()
def set_levels(
    surrogate: ImageSurrogate,
    generator: Generator,
    feedback: Feedback,
    flagged: float,
    safe: float,
    context: Context,
    count: int,
) -> None:
    """Set the levels of the score by its quantiles over fresh samples, which the networks have not learnt from.

    With a share p of the samples clicked, a share 1 - (1 - p)^k lies above the level of k: p for k = 1, about k p for
    small p.

    Parameters
    ----------
    surrogate : ImageSurrogate
    generator : Generator
        The original.
    feedback : Feedback
    flagged, safe : float
        k of ``threshold`` and of ``safe``.
    context : Context
    count : int
        Samples.
    """
    rng = context.rng(FIT, "levels")
    scores = [surrogate(generator(draw_noise(generator, stop - start, rng))) for start, stop in chunks(count)]
    found, rest = torch.cat(scores), 1 - feedback.positives / len(feedback)
    for level, k in ((surrogate.threshold, flagged), (surrogate.safe, safe)):
        level.copy_(torch.quantile(found, rest**k))


def excess(images: Tensor, surrogate: ImageSurrogate, smoothing: float, rng: torch.Generator) -> Tensor:
    """Return by how much the scores of images, with noise on them, exceed the safe level: their mean, 0 if none."""
    unit = torch.randn(images.shape, generator=rng, device=images.device)
    over = relu(surrogate(images + smoothing * unit) - surrogate.safe)
    return over.sum() / max(1, len(images))


def _network(widths: tuple[int, ...], grid: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:], strict=False):
        layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(grid), nn.Flatten(), nn.Linear(grid**2 * widths[-1], 1))


@torch.no_grad()
def _initialise(surrogate: nn.Module, rng: torch.Generator) -> None:
    """Draw weights of variance 2 / inputs (He et al. 2015); biases are 0."""
    for name, parameter in surrogate.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        else:
            parameter.normal_(0, math.sqrt(2 / parameter[0].numel()), generator=rng)


def _some(indices: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Draw indices with replacement."""
    drawn = torch.randint(len(indices), (count,), generator=rng, device=rng.device)
    return indices[drawn.cpu()]
