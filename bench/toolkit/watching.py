"""Clicks that are held out: how good the surrogate is, and a second surrogate that only decides when a training ends.

    share(g)  of fresh samples g(z), those whose score by the second surrogate lies above the level above which the
              clicked share p of the original's samples lies
    end       at the first look with share(g) <= stop_share * p

A student that fools the surrogate whose gradient it follows need not fool one that it has no gradient of. That one
learns from the held-out clicks, or, with ``holdout`` at 0, from all of them, with other initial weights and batches
(early stopping on held-out data: Prechelt 1998, Neural Networks 11:761).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import nn

from bench.api import Context, Feedback, Generator, UsageError, chunks
from bench.toolkit import intervals
from bench.toolkit.image_surrogate import FIT, ImageSurrogate, SurrogateParams, fit_surrogate, set_levels

UNSURE = 0.75  # balanced accuracy below which a note is written; guessing has 0.5


class WatchParams(SurrogateParams):
    """Which clicks are held out, and when the training ends; by default none are, and it takes all its steps."""

    only_with = {"look_every": "stop_share"}

    holdout: float = Field(0.0, ge=0, lt=1, description="share of the clicks that judges the surrogate; 0: none")
    stop_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="end once a second surrogate sees this share of what was clicked; 0: take all steps",
    )
    look_every: int = Field(10, ge=1, description="steps between two looks of the second surrogate")


@dataclass(frozen=True)
class Watcher:
    """Looks at fresh samples of a student every few steps.

    Attributes
    ----------
    surrogate : ImageSurrogate
        Its ``threshold`` is the level of the clicked share.
    wanted : float
        The training ends when at most this share of the samples lies above that level.
    every : int
        Steps between two looks.
    count : int
        Samples of a look.
    """

    surrogate: ImageSurrogate
    wanted: float
    every: int
    count: int

    @torch.no_grad()
    def satisfied(self, student: nn.Module, noise_dim: int, step: int, context: Context) -> bool:
        """Say whether the training ends before this step: a resumed run, at the same weights, decides the same."""
        if step % self.every:
            return False
        noise = context.noise(step, self.count, noise_dim, tag="look")
        scores = torch.cat([self.surrogate(student(noise[start:stop])) for start, stop in chunks(self.count)])
        return float((scores >= self.surrogate.threshold).float().mean()) <= self.wanted


def watcher_for(generator: Generator, feedback: Feedback, params: WatchParams, context: Context) -> Watcher | None:
    """Train the second surrogate on these clicks; return None if the training is to take all its steps."""
    if params.stop_share == 0:
        return None
    surrogate = fit_surrogate(generator, feedback, params, context, name="watcher")
    set_levels(surrogate, generator, feedback, 1, 1, context, params.level_samples)
    wanted = params.stop_share * feedback.positives / len(feedback)
    return Watcher(surrogate, wanted, params.look_every, params.level_samples)


def split(feedback: Feedback, generator: Generator, share: float, context: Context) -> tuple[Feedback, Feedback]:
    """Divide the clicks at random into those to learn from and the held-out ones; without any, both are all clicks.

    Of either class the same share is held out, at least one and never all.

    Raises
    ------
    UsageError
        If there are not two of each class.
    """
    if share == 0:
        return feedback, feedback
    fewest = min(feedback.positives, len(feedback) - feedback.positives)
    if fewest < 2:
        raise UsageError(
            f"-p holdout={share:g}: {feedback.positives} of {len(feedback)} samples were clicked, and each part takes "
            "at least one that was and one that was not. Show more samples, or leave it at 0"
        )
    rng, held = context.rng(FIT, "split"), np.zeros(len(feedback), dtype=bool)
    for value in (True, False):
        index = np.flatnonzero(feedback.labels == value)
        order = torch.randperm(len(index), generator=rng, device=rng.device).cpu().numpy()
        held[index[order[: min(max(1, round(share * len(index))), len(index) - 1)]]] = True
    noise = feedback.noise(0, len(feedback), generator.noise_dim).numpy()
    learnt, rest = (
        Feedback(feedback.labels[part], noise_array=noise[part], prior=feedback.prior) for part in (~held, held)
    )
    return learnt, rest


def calibrate(surrogate: ImageSurrogate, held: Feedback, generator: Generator, step: int, context: Context) -> float:
    """Log the surrogate's balanced accuracy on held-out clicks, and note it if they say that it learnt too little.

    Parameters
    ----------
    surrogate : ImageSurrogate
        It was trained on both classes equally often, so that a positive logit says "clicked".
    held : Feedback
        Clicks that it has not learnt from.
    generator : Generator
        The original, which draws their samples.
    step : int
        Under which it is logged.
    context : Context

    Returns
    -------
    float
    """
    seen = torch.cat([surrogate(images) > 0 for _, images in held.samples(generator)]).cpu().numpy()
    hits, rejections = int((seen & held.labels).sum()), int((~seen & ~held.labels).sum())
    accuracy, low, high = intervals.balanced_accuracy(hits, held.positives, rejections, len(held) - held.positives)
    context.log(step, balanced_accuracy=accuracy)
    if accuracy < UNSURE:
        found = f"on {len(held)} held-out ones its balanced accuracy is {accuracy:.2f} ({low:.2f} to {high:.2f})"
        context.progress.note(
            f"The clicks taught the surrogate little: {found}, and guessing has 0.5. Show more samples "
            "(--set feedback.count=N)."
        )
    return accuracy
