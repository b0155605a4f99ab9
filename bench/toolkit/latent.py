"""The target direction in latent space: fit, project, flag, erase (Eq. 1-3 of arXiv 2303.05699).

    z_e = mean latent of positives - mean latent of negatives,   u = z_e / |z_e|
    proj(z) = u.z      flagged(z) = proj(z) >= t      erased(z) = z - (proj(z) - landing) u

The paper's text can be read in several ways; every reading is an option of ``DirectionParams``. Four options go
beyond the paper. ``layers``, ``scale`` and ``shrink`` are for latents of many thousand numbers, where z_e is mostly
sampling noise: use some layers only, measure each latent in units of its standard deviation, set differences within
the noise to 0. ``keep`` names attributes that should not change. Each has its own direction, found from clicks in the
same way; flagged latents then take the shortest path to the landing projection that leaves these projections unchanged

    erased(z) = z - (proj(z) - landing) v / (u.v),     v = u minus its part in the span of the kept directions

``keep_rule`` offers two published rules instead. Both read v, so that another score decides what is flagged.
InterFaceGAN's conditional direction (Shen et al. 2020, arXiv 1907.10786) reads v and moves along v: kept
projections stay. SPLINCE (2025, arXiv 2506.10703) reads v and moves along u: applied to all latents, the target's
covariance is gone and that of the kept attributes is as before; a single latent's kept projections change. Deviations:
only flagged latents move, latents count as white, and directions are class means' differences, as everywhere here.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from bench.api import Feedback, Generator, UsageError
from bench.api.base import Names
from bench.toolkit.editing import Editor, edited_images, edited_sample
from bench.toolkit.linear_directions import classifier_normals, logistic_regression
from bench.toolkit.moments import Array, LayerParams, Moments, ShownLatents, moments, shrunk

__all__ = [
    "AxisParams", "Direction", "DirectionParams", "Editor", "FlagParams", "KeepParams",
    "edited_images", "edited_sample", "fit_direction",
]  # fmt: skip

NOTHING_LEFT = 1e-6  # share of a direction's length outside the kept ones below which it counts as 0 (rounding)


class AxisParams(LayerParams):
    """How a direction is found."""

    only_with = {"penalty": "direction=logistic"}

    direction: Literal["mean_difference", "logistic"] = Field(
        "mean_difference",
        description="z_e: the difference of the class means (the paper), or the normal of a logistic regression",
    )
    penalty: float = Field(0.01, gt=0, description="logistic: inverse L2 strength C; smaller is more regularised")
    scale: Literal["none", "deviation"] = Field(
        "none", description="unit of each latent: 1, or its standard deviation within the classes (not in the paper)"
    )
    shrink: bool = Field(
        False, description="set differences within sampling noise to 0, layer by layer (SureShrink; not in the paper)"
    )

    @model_validator(mode="after")
    def _shrinks_differences_alone(self) -> Self:
        if self.shrink and self.direction != "mean_difference":
            raise ValueError(f"shrink=true needs direction=mean_difference; {self.direction} has a penalty instead")
        return self


class FlagParams(AxisParams):
    """How a direction is found, and which latents are flagged."""

    threshold: Literal["mean", "midpoint"] = Field(
        "mean",
        description="t, the projection from which latents are flagged: the mean over all samples (the paper), or the "
        "midpoint of the class means",
    )
    threshold_shift: float = Field(
        0.0, ge=-3, le=3, description="added to t, in standard deviations of the projections (not in the paper)"
    )


class KeepParams(AxisParams):
    """How a direction is found, and what is kept."""

    keep: Names = Field(
        (), description="attributes to keep unchanged, such as Male; needs clicks on them too (not in the paper)"
    )
    keep_rule: Literal["shortest", "conditional", "splince"] = Field(
        "shortest",
        description="how attributes are kept: the shortest move that leaves their projections, InterFaceGAN's "
        "conditional direction, or SPLINCE (not in the paper)",
    )

    @model_validator(mode="after")
    def _keeps_by_a_rule(self) -> Self:
        if self.keep_rule != "shortest" and not self.keep:
            raise ValueError(
                f"keep_rule={self.keep_rule} says how attributes are kept, and keep names none: name some "
                "(-p keep=Male), or leave keep_rule out"
            )
        return self


class DirectionParams(FlagParams, KeepParams):
    """How the target direction is found and used; shared by every method that edits latents."""

    landing: Literal["threshold", "negative_mean", "reflect"] = Field(
        "threshold", description="flagged latents move to t (the paper), to the negatives' mean, or are mirrored at t"
    )
    step: Literal["unit", "raw"] = Field(
        "unit", description="vector along which flagged latents move: z_e/|z_e|, or z_e (Eq. 3 as printed)"
    )

    @model_validator(mode="after")
    def _raw_needs_a_length(self) -> Self:
        if self.step == "raw" and self.direction != "mean_difference":
            raise ValueError(
                f"step=raw needs direction=mean_difference: the normal of {self.direction} has no length in the latent"
            )
        return self

    @classmethod
    def of(cls, params: AxisParams, **more: Any) -> Self:
        """Return them with what ``params`` says, and further values."""
        shared = params.model_dump(include=set(cls.model_fields))
        return cls.model_validate({**shared, **more})


class Direction(Editor):
    """A target direction with its threshold. Called on latents, it is the paper's identifier proj(z).

    Parameters
    ----------
    latent_dim : int
        D.
    reflect : bool
        Whether flagged latents are mirrored at the landing projection instead of moved to it.
    oblique : bool
        Whether they move along ``move`` instead of ``unit``.

    Attributes
    ----------
    unit : (D,) float32
        u; with scale=deviation, the gradient of the projection on the unit vector of the scaled latents.
    move : (D,) float32
        Only if oblique: the direction in which latents move, with unit.move = 1.
    threshold, landing, length : () float32
        t; the projection to which erased latents move; and the move per unit of excess (1, or |z_e|).
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
        """Build a direction like the one that ``fit_direction`` returns, to load stored values into."""
        return cls(latent_dim, params.landing == "reflect", bool(params.keep) or params.scale != "none")

    def forward(self, latents: Tensor) -> Tensor:
        """Project latents (N, D) to (N,)."""
        projection: Tensor = latents @ self.unit
        return projection

    def flag(self, latents: Tensor) -> Tensor:
        """Return which latents (N, D) have the feature (Eq. 1), (N,) bool."""
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
    """Fit direction, threshold and landing projection to the feedback.

    Parameters
    ----------
    generator : Generator
        The original, which draws the shown latents again, chunk by chunk.
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
        If a class or the clicks on a kept attribute are missing, the class means are equal or differ only in the kept
        attributes, the generator lacks a layer asked for, or there are too many samples for a classifier.
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
            + (", up to sampling noise (-p shrink=true)," if params.shrink else "")
            + " and so define no direction; show more samples (--set feedback.count=N)"
        )
    unit = found[0] / length
    fitted = Direction.unfitted(generator.latent_dim, params).to(next(generator.parameters()).device)
    columns = torch.from_numpy(latents.columns).to(fitted.unit.device)
    read, move = _ways(unit, found[1:], params)
    fitted.unit[columns] = torch.from_numpy(read * factor).to(fitted.unit)
    if fitted.oblique:
        fitted.move[columns] = torch.from_numpy(move * _inverse(factor)).to(fitted.unit)
    threshold, landing = _levels(latents, means, read * factor, params)
    fitted.threshold.fill_(threshold)
    fitted.landing.fill_(landing)
    fitted.length.fill_(length if params.step == "raw" else 1.0)
    return fitted


def _clicks(feedback: Feedback, name: str) -> NDArray[np.bool_]:
    """Return the clicks on a kept attribute, (N,) bool."""
    if name not in feedback.also:
        known = ", ".join(sorted(feedback.also)) or "none"
        raise UsageError(
            f"-p keep={name}: the feedback has no clicks on '{name}' (further attributes clicked: {known}); "
            "leave it out or pass feedback with these clicks (--feedback FILE)"
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


def _ways(unit: Array, kept: Array, params: KeepParams) -> tuple[Array, Array]:
    """Return what is read, and the move that raises it by 1, each (D,), so that ``kept`` (K, D) is kept by the rule."""
    across = unit - kept.T @ np.linalg.lstsq(kept.T, unit, rcond=None)[0]
    share = float(np.linalg.norm(across))
    if share < NOTHING_LEFT:
        raise UsageError(
            f"-p keep={','.join(params.keep)}: positives and negatives differ in these attributes only, and no "
            "direction is left; keep fewer attributes"
        )
    if params.keep_rule == "shortest":
        return unit, across / share**2
    return across / share, across / share if params.keep_rule == "conditional" else unit / share


def _levels(latents: ShownLatents, means: Moments, normal: Array, params: DirectionParams) -> tuple[float, float]:
    """Return the threshold and the landing projection; samples are projected only for a shift of the threshold."""
    if params.threshold == "mean":
        threshold = float(means.mean @ normal)
    else:
        threshold = float((means.positive[0] + means.negative[0]) @ normal / 2)
    if params.threshold_shift:
        threshold += params.threshold_shift * float(latents.project(normal).std())
    return threshold, float(means.negative[0] @ normal) if params.landing == "negative_mean" else threshold
