"""The target direction in latent space: fit, project, flag, erase (Eq. 1-3 of arXiv 2303.05699).

    z_e = mean latent of positives - mean latent of negatives,   u = z_e / |z_e|
    proj(z) = u.z      flagged(z) = proj(z) >= t      erased(z) = z - (proj(z) - landing) u

The paper's text can be read in several ways; every reading is an option of ``DirectionParams``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from bench.api import Generator, NoiseLatentGenerator, Params
from bench.errors import UsageError
from bench.feedback import Feedback

FITTED_LIMIT = 50_000_000  # latents x samples that a fitted (not averaged) direction may hold: 200 MB


class DirectionParams(Params):
    """How the target direction is found and used; shared by every method that edits latents."""

    direction: Literal["mean_difference", "logistic", "svm"] = Field(
        "mean_difference",
        description="z_e: difference of class means (the paper), or the normal of a linear classifier",
    )
    penalty: float = Field(
        0.01, gt=0, description="inverse L2 strength C of logistic and svm (smaller: more regularised)"
    )
    threshold: Literal["mean", "midpoint", "quantile"] = Field(
        "mean",
        description="t: mean projection over all samples, midpoint of the class means, or the upper quantile "
        "of projections that holds as many samples as were clicked",
    )
    threshold_shift: float = Field(
        0.0, ge=-3, le=3, description="added to t, in standard deviations of the projections (an option of ours)"
    )
    landing: Literal["threshold", "negative_mean", "reflect"] = Field(
        "threshold", description="where flagged latents go: to t (the paper), to the negatives' mean, or mirrored at t"
    )
    step: Literal["unit", "raw"] = Field(
        "unit", description="move along z_e/|z_e|, or along z_e itself (the printed Eq. 3)"
    )

    @model_validator(mode="after")
    def _raw_needs_a_length(self) -> Self:
        if self.step == "raw" and self.direction != "mean_difference":
            raise ValueError(
                f"step=raw needs direction=mean_difference: a {self.direction} normal has no length in latent units"
            )
        return self


class Editor(nn.Module, ABC):
    """Which latents carry the feature, and where they go instead; called on latents, it scores them."""

    @abstractmethod
    def forward(self, latents: Tensor) -> Tensor:
        """Score latents (N, D), larger meaning more of the feature; (N,)."""

    @abstractmethod
    def flag(self, latents: Tensor) -> Tensor:
        """Return which latents (N, D) carry the feature, (N,) bool."""

    @abstractmethod
    def erase(self, latents: Tensor) -> Tensor:
        """Move latents (N, D), flagged or not, to where the feature is gone, (N, D)."""

    def edit(self, latents: Tensor) -> Tensor:
        """Erase flagged latents and leave the others, (N, D)."""
        return torch.where(self.flag(latents)[:, None], self.erase(latents), latents)


class Direction(Editor):
    """A target direction with its threshold; called on latents, it is the paper's identifier proj(z).

    Parameters
    ----------
    latent_dim : int
        D.

    Attributes
    ----------
    unit : (D,) float32
        u.
    threshold, landing, length : () float32
        t, the projection on which erased latents land, and how far one unit of excess moves (1, or |z_e|).
    """

    unit: Tensor
    threshold: Tensor
    landing: Tensor
    length: Tensor

    def __init__(self, latent_dim: int, reflect: bool = False) -> None:
        super().__init__()
        self.reflect = reflect
        self.register_buffer("unit", torch.zeros(latent_dim))
        for name in ("threshold", "landing", "length"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self, latents: Tensor) -> Tensor:
        """Project latents (N, D) to (N,)."""
        projection: Tensor = latents @ self.unit
        return projection

    def flag(self, latents: Tensor) -> Tensor:
        """Return which latents (N, D) carry the feature (Eq. 1), (N,) bool."""
        flagged: Tensor = self(latents) >= self.threshold
        return flagged

    def erase(self, latents: Tensor) -> Tensor:
        """Move latents (N, D), flagged or not, to the landing projection (Eq. 3's argument)."""
        excess = self(latents) - self.landing  # (N,)
        if self.reflect:
            excess = 2 * excess
        erased: Tensor = latents - self.length * excess[:, None] * self.unit
        return erased


def fit_direction(generator: Generator, feedback: Feedback, params: DirectionParams) -> Direction:
    """Fit direction, threshold and landing on feedback alone.

    Parameters
    ----------
    generator : Generator
        The original, which regenerates the latents from the shown noise, chunk by chunk.
    feedback : Feedback
        With at least one positive and one negative.
    params : DirectionParams

    Returns
    -------
    Direction
        On the generator's device.

    Raises
    ------
    UsageError
        If one class is missing, the class means coincide, or the latents are too many for a fitted direction.
    """
    labels = feedback.labels
    feedback.require_both_classes()
    device = next(generator.parameters()).device
    if params.direction == "mean_difference":
        difference = _mean_difference(generator, feedback)  # (D,) float64
    else:
        difference = _linear_normal(generator, feedback, params)
    length = float(np.linalg.norm(difference))
    if not length > 0:
        raise UsageError("feedback: positives and negatives have the same mean latent; there is no direction to remove")
    fitted = Direction(generator.latent_dim, reflect=params.landing == "reflect").to(device)
    fitted.unit.copy_(torch.from_numpy(difference / length))
    projections = np.concatenate([fitted(z).double().cpu().numpy() for z in feedback.latents(generator)])
    threshold = _threshold(projections, labels, params) + params.threshold_shift * projections.std()
    fitted.threshold.fill_(threshold)
    fitted.landing.fill_(projections[~labels].mean() if params.landing == "negative_mean" else threshold)
    fitted.length.fill_(length if params.step == "raw" else 1.0)
    return fitted


def _mean_difference(generator: Generator, feedback: Feedback) -> NDArray[np.float64]:
    sums = np.zeros((2, generator.latent_dim))
    start = 0
    for latents in feedback.latents(generator):
        batch = latents.double().cpu().numpy()  # (B, D)
        positive = feedback.labels[start : start + len(batch)]
        sums[1] += batch[positive].sum(axis=0)
        sums[0] += batch[~positive].sum(axis=0)
        start += len(batch)
    positives = int(feedback.labels.sum())
    mean: NDArray[np.float64] = sums[1] / positives - sums[0] / (len(feedback.labels) - positives)
    return mean


def _linear_normal(generator: Generator, feedback: Feedback, params: DirectionParams) -> NDArray[np.float64]:
    """Normal of an L2-regularised linear classifier on latents as they are (near N(0, I))."""
    if len(feedback.labels) * generator.latent_dim > FITTED_LIMIT:
        raise UsageError(
            f"-p direction={params.direction}: {len(feedback.labels)} latents of {generator.latent_dim} numbers "
            "are too many to hold at once; use direction=mean_difference, which is streamed"
        )
    latents = torch.cat([z.cpu() for z in feedback.latents(generator)]).double().numpy()  # (N, D)
    classifier = _linear_classifier(params).fit(latents, feedback.labels)
    normal: NDArray[np.float64] = classifier.coef_[0].astype(np.float64)
    return normal


def _linear_classifier(params: DirectionParams):  # type: ignore[no-untyped-def]  # scikit-learn has no types
    if params.direction == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=params.penalty, class_weight="balanced", max_iter=1000)
    from sklearn.svm import LinearSVC

    return LinearSVC(C=params.penalty, class_weight="balanced", dual=False, max_iter=5000)


def _threshold(projections: NDArray[np.float64], labels: NDArray[np.bool_], params: DirectionParams) -> float:
    if params.threshold == "mean":
        return float(projections.mean())
    if params.threshold == "midpoint":
        return float((projections[labels].mean() + projections[~labels].mean()) / 2)
    return float(np.quantile(projections, 1 - labels.mean()))


@torch.no_grad()
def edited_images(generator: Generator, editor: Editor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Render what the original draws once flagged latents are erased: f(erased(z)), and f(z) elsewhere.

    Where the latent is the noise this is one pass; otherwise one ``sample`` and a ``decode`` of the flagged.

    Parameters
    ----------
    generator : Generator
        The original f.
    editor : Editor
    noise : (N, noise_dim) float32

    Returns
    -------
    images : (N, C, H, W) float32
    flagged : (N,) bool
    """
    if isinstance(generator, NoiseLatentGenerator):
        return generator.decode(editor.edit(noise), noise), editor.flag(noise)
    latents, images = generator.sample(noise)
    flagged = editor.flag(latents)
    if flagged.any():
        images = images.clone()
        images[flagged] = generator.decode(editor.erase(latents[flagged]), noise[flagged])
    return images, flagged
