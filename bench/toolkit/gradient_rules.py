"""Rules of unlearning: from the losses of images to forget and to retain to the gradients that a step follows.

L_f and L_r are the model's loss on a batch of images to forget and of images to retain, nats per image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.toolkit.gradients import Gradients, gradients_of, inner, projected

# Step, L_f (), L_r (), parameters -> gradients, whose sum Adam descends.
Rule = Callable[[int, Tensor, Tensor, list[Tensor]], tuple[Gradients, ...]]


def ascent(weight: float, alternate: bool) -> Rule:
    """Ascend L_f; every second step descends L_r, if they alternate.

    Parameters
    ----------
    weight : float
        Factor of L_f's gradient; no unit.
    alternate : bool
        Whether steps 1, 3, ... descend L_r instead.

    Returns
    -------
    Rule
        Returns one gradient: -weight grad L_f, or grad L_r.
    """

    def rule(step: int, forget: Tensor, retain: Tensor, parameters: list[Tensor]) -> tuple[Gradients, ...]:
        back = alternate and step % 2 == 1
        return (gradients_of(retain, parameters) if back else gradients_of(-weight * forget, parameters),)

    return rule


def surgery(weight: float, kind: str) -> Rule:
    """Descend L_r off the gradient of L_f ("retain"), or ascend L_f off the gradient of L_r ("forget").

    Parameters
    ----------
    weight : float
        Factor of the projected gradient of L_f, for "forget" alone; no unit.
    kind : {"retain", "forget"}

    Returns
    -------
    Rule
        Returns one gradient: that of L_r without its part along L_f's, or -weight times that of L_f without its part
        along L_r's.
    """

    def rule(step: int, forget: Tensor, retain: Tensor, parameters: list[Tensor]) -> tuple[Gradients, ...]:
        f, r = gradients_of(forget, parameters), gradients_of(retain, parameters)
        if kind == "retain":
            return (projected(r, f, only_conflicts=False),)
        return ([-weight * g for g in projected(f, r, only_conflicts=False)],)

    return rule


def orthogonal(weight: float, with_surgery: bool) -> Rule:
    """Descend L_r + weight cos^2 of the two gradients; every second step is surgery, if asked for.

    Parameters
    ----------
    weight : float
        Of the squared cosine, which lies in [0, 1]: in nats per image, as the losses.
    with_surgery : bool
        Whether steps 1, 3, ... are ``surgery(1.0, "retain")``.

    Returns
    -------
    Rule
        Returns two gradients: that of L_r, then that of weight cos^2. A step of surgery returns one.
    """
    cut = surgery(1.0, "retain")

    def rule(step: int, forget: Tensor, retain: Tensor, parameters: list[Tensor]) -> tuple[Gradients, ...]:
        if with_surgery and step % 2 == 1:
            return cut(step, forget, retain, parameters)
        f = gradients_of(forget, parameters, create_graph=True)
        r = gradients_of(retain, parameters, create_graph=True)
        cosine = inner(f, r).square() / (inner(f, f) * inner(r, r)).clamp(min=torch.finfo(torch.float32).tiny)
        return [g.detach() for g in r], gradients_of(weight * cosine, parameters)

    return rule
