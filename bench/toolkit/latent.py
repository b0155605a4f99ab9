"""The target direction in latent space: fit, project, flag, erase (Eq. 1-3 of arXiv 2303.05699).

    z_e = mean latent of positives - mean latent of negatives,   u = z_e / |z_e|
    proj(z) = u.z      flagged(z) = proj(z) >= t      erased(z) = z - (proj(z) - landing) u

The paper's text can be read in several ways; every reading is an option of ``DirectionParams``. Four options go
beyond it. ``layers``, ``scale`` and ``shrink`` are for latents of many thousand numbers, in which z_e is mostly
sampling noise: some layers only; every latent in units of its standard deviation; differences that noise explains
set to 0. ``keep`` names attributes to leave alone: flagged latents then take the shortest way to the landing
projection on which the kept attributes' own projections, found from clicks in the same way, stay what they are

    erased(z) = z - (proj(z) - landing) v / (u.v),     v = u without its share in the span of the kept directions
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from bench.api import Feedback, Generator, UsageError
from bench.toolkit.editing import Editor, edited_images, edited_sample
from bench.toolkit.linear_directions import classifier_normals, logistic_regression
from bench.toolkit.moments import Array, LayerParams, Moments, ShownLatents, moments, shrunk

__all__ = ["Direction", "DirectionParams", "Editor", "edited_images", "edited_sample", "fit_direction"]

NOTHING_LEFT = 1e-6  # share of a direction outside the kept ones, in length, below which it is rounding


class DirectionParams(LayerParams):
    """How the target direction is found and used; shared by every method that edits latents."""

    direction: Literal["mean_difference", "logistic"] = Field(
        "mean_difference",
        description="z_e: difference of class means (the paper), or the normal of a logistic regression",
    )
    penalty: float = Field(0.01, gt=0, description="inverse L2 strength C of logistic (smaller: more regularised)")
    threshold: Literal["mean", "midpoint"] = Field(
        "mean", description="t: mean projection over all samples, or midpoint of the class means"
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
    keep: tuple[str, ...] = Field(
        (), description="attributes to leave as they are, such as Male; needs clicks on them too (an option of ours)"
    )
    scale: Literal["none", "deviation"] = Field(
        "none", description="latents as they are, or in units of their standard deviation within the classes"
    )
    shrink: bool = Field(
        False, description="soft-threshold z_e, layer by layer, where sampling noise explains it (SureShrink)"
    )

    @model_validator(mode="after")
    def _shrinks_differences_alone(self) -> Self:
        if self.shrink and self.direction != "mean_difference":
            raise ValueError(f"shrink=true needs direction=mean_difference; {self.direction} has its penalty")
        return self

    @model_validator(mode="after")
    def _raw_needs_a_length(self) -> Self:
        if self.step == "raw" and self.direction != "mean_difference":
            raise ValueError(
                f"step=raw needs direction=mean_difference: a {self.direction} normal has no length in latent units"
            )
        return self


class Direction(Editor):
    """A target direction with its threshold; called on latents, it is the paper's identifier proj(z).

    Parameters
    ----------
    latent_dim : int
        D.
    reflect : bool
        Whether flagged latents go as far beyond the landing projection as they were before it.
    oblique : bool
        Whether they move along ``move`` instead of ``unit``.

    Attributes
    ----------
    unit : (D,) float32
        u; with scale=deviation, the gradient of the projection on the unit vector of the scaled latents.
    move : (D,) float32
        Only if oblique: the way latents move, with unit.move = 1.
    threshold, landing, length : () float32
        t, the projection on which erased latents land, and how far one unit of excess moves (1, or |z_e|).
    """

    unit: Tensor
    move: Tensor
    threshold: Tensor
    landing: Tensor
    length: Tensor

    def __init__(self, latent_dim: int, reflect: bool = False, oblique: bool = False) -> None:
        super().__init__()
        self.reflect, self.oblique = reflect, oblique
        for name in ("unit", "move") if oblique else ("unit",):
            self.register_buffer(name, torch.zeros(latent_dim))
        for name in ("threshold", "landing", "length"):
            self.register_buffer(name, torch.zeros(()))

    @classmethod
    def unfitted(cls, latent_dim: int, params: DirectionParams) -> Direction:
        """Make one of the structure that ``fit_direction`` returns, to load stored values into."""
        return cls(latent_dim, params.landing == "reflect", bool(params.keep) or params.scale != "none")

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
        erased: Tensor = latents - self.length * excess[:, None] * (self.move if self.oblique else self.unit)
        return erased


def fit_direction(generator: Generator, feedback: Feedback, params: DirectionParams) -> Direction:
    """Fit direction, threshold and landing on feedback alone.

    Parameters
    ----------
    generator : Generator
        The original, which regenerates the latents from the shown noise, chunk by chunk.
    feedback : Feedback
        With at least one positive and one negative, and clicks on every kept attribute in ``also``.
    params : DirectionParams

    Returns
    -------
    Direction
        On the generator's device.

    Raises
    ------
    UsageError
        If one class is missing, clicks on a kept attribute are missing, the class means coincide or differ in the
        kept attributes alone, the generator has not the layers asked for, or the samples are too many for a classifier.
    """
    feedback.require_both_classes()
    labels = np.stack([feedback.labels, *(_clicks(feedback, name) for name in params.keep)])  # (1 + K, N)
    twice = params.direction != "mean_difference" or params.threshold_shift != 0
    latents = ShownLatents(generator, feedback, params.layers, held=twice)
    means = moments(latents, labels)
    factor = _inverse(means.deviation(0)) if params.scale == "deviation" else np.ones(len(latents.columns))
    found = _estimates(latents, means, factor, params)  # (1 + K, D), of latents * factor
    length = float(np.linalg.norm(found[0]))
    if not length > 0:
        raise UsageError(
            "feedback: positives and negatives have the same mean latent"
            + (" but for sampling noise (-p shrink=true)" if params.shrink else "")
            + "; there is no direction to remove"
        )
    unit = found[0] / length
    fitted = Direction.unfitted(generator.latent_dim, params).to(next(generator.parameters()).device)
    columns = torch.from_numpy(latents.columns).to(fitted.unit.device)
    fitted.unit[columns] = torch.from_numpy(unit * factor).to(fitted.unit)
    if fitted.oblique:
        fitted.move[columns] = torch.from_numpy(_way(unit, found[1:], params) * _inverse(factor)).to(fitted.unit)
    threshold, landing = _levels(latents, means, unit * factor, params)
    fitted.threshold.fill_(threshold)
    fitted.landing.fill_(landing)
    fitted.length.fill_(length if params.step == "raw" else 1.0)
    return fitted


def _clicks(feedback: Feedback, name: str) -> NDArray[np.bool_]:
    """Return the clicks on a kept attribute, (N,) bool."""
    if name not in feedback.also:
        known = ", ".join(sorted(feedback.also)) or "none"
        raise UsageError(
            f"-p keep={name}: the feedback holds no clicks on '{name}' (on other attributes: {known}); "
            "leave it out or give feedback with these clicks (--feedback FILE)"
        )
    labels = feedback.also[name]
    if labels.all() or not labels.any():
        which = "every sample" if labels.all() else "no sample"
        raise UsageError(
            f"-p keep={name}: {which} of {len(feedback)} was clicked for '{name}', so it has no direction to keep; "
            "leave it out or show more samples (--set feedback.count=N)"
        )
    return labels


def _inverse(values: Array) -> Array:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def _estimates(latents: ShownLatents, means: Moments, factor: Array, params: DirectionParams) -> Array:
    """Return z_e of the target and of each kept attribute, (1 + K, D), in latents * factor."""
    if params.direction != "mean_difference":
        return classifier_normals(latents, factor, means.labels, logistic_regression(params.penalty))
    differences = means.differences
    if params.shrink:
        errors = [means.standard_error(k) for k in range(len(differences))]
        differences = np.stack([shrunk(d, e, latents.parts) for d, e in zip(differences, errors, strict=True)])
    return differences * factor


def _way(unit: Array, kept: Array, params: DirectionParams) -> Array:
    """Return the shortest move (D,) that raises the projection on ``unit`` by 1 and those on ``kept`` (K, D) by 0."""
    across = unit - kept.T @ np.linalg.lstsq(kept.T, unit, rcond=None)[0]
    share = float(np.linalg.norm(across))
    if share < NOTHING_LEFT:
        raise UsageError(
            f"-p keep={','.join(params.keep)}: the target differs in nothing else; no direction is left to move in"
        )
    return across / share**2


def _levels(latents: ShownLatents, means: Moments, normal: Array, params: DirectionParams) -> tuple[float, float]:
    """Return the threshold and the landing projection; samples are projected only for a shift of the threshold."""
    if params.threshold == "mean":
        threshold = float(means.mean @ normal)
    else:
        threshold = float((means.positive[0] + means.negative[0]) @ normal / 2)
    if params.threshold_shift:
        threshold += params.threshold_shift * float(latents.project(normal).std())
    return threshold, float(means.negative[0] @ normal) if params.landing == "negative_mean" else threshold
