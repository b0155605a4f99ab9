"""Reference, not an unlearned model: redraw each sample until the oracle labels it negative.

It shows what redrawing costs, most of it by losing what goes with the feature: no sample is positive for this oracle,
unless each of its ``redraws`` redraws was, too. Nothing else changes, and yet ``fid`` does. It needs the oracle at
sampling time.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from pydantic import Field
from torch import Tensor

from bench.api import Context, Feedback, Generator, Method, Oracle, Params, Unlearned, hookimpl, to_uint8
from bench.toolkit.redrawing import Redrawing


class Config(Params):
    """The number of redraws before giving up."""

    redraws: int = Field(100, ge=1, description="largest number of redraws per sample; the last is kept anyway")


class Rejecting(Redrawing):
    """The original, which draws again while the oracle labels its sample positive."""

    def __init__(self, original: Generator, oracle: Oracle, redraws: int) -> None:
        super().__init__(original, redraws)
        self.oracle = oracle

    def refused(self, noise: Tensor) -> Tensor:
        return torch.from_numpy(self.oracle.label(to_uint8(self.original(noise))))


class Reject(Method[Config]):
    """Rejection of samples that the oracle labels positive."""

    Config = Config
    needs = frozenset({"oracle"})
    reads_feedback = False
    reference = True

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        assert context.oracle is not None
        return Unlearned(Rejecting(deepcopy(generator), context.oracle, self.config.redraws))

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        assert oracle is not None
        return Unlearned(Rejecting(deepcopy(original), oracle, self.config.redraws))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(Reject)
