"""Unlearning methods."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from torch import nn

from bench.api.base import ConfigT, Params
from bench.api.classifiers import Oracle
from bench.api.models import Generator

if TYPE_CHECKING:
    from bench.api.context import Context
    from bench.api.feedback import Feedback


@dataclass(frozen=True)
class Unlearned:
    """A method's result.

    Attributes
    ----------
    generator : Generator
        The student.
    identifier : nn.Module or None
        Scores the feature from latents alone: maps latents (N, latent_dim) of the *original* to (N,), larger meaning
        more of the feature (Table 3). Its parameters and buffers are stored with the generator's. If it has a scalar
        tensor ``threshold``, latents that score at least that much are flagged.
    """

    generator: Generator
    identifier: nn.Module | None = None

    @property
    def score(self) -> nn.Module | None:
        """Old name of ``identifier``, until version 1.0."""
        warnings.warn(
            "Unlearned.score is called Unlearned.identifier; the old name goes with version 1.0",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.identifier


class Method(ABC, Generic[ConfigT]):
    """An unlearning method.

    Attributes
    ----------
    Config : type of Params
        Its hyper-parameters (``-p name=value``), each with unit and range.
    needs : frozenset of str
        What it needs besides generator and feedback: any of ``training_data``, ``oracle``, ``encoder``,
        ``discriminator`` and ``recipe`` (the model's training loss). It is given nothing else, and every table shows
        it.
    reads_feedback : bool
        False for a method that never reads the clicks: it is given none.
    trainings : int
        How many different runs a method that reads no clicks has over all seeds: seed i is run i modulo this. One that
        trains has some, so that its spread is seen; one run suffices where nothing is random.
    reference : bool
        True for what others are compared with and nobody would choose, such as the original itself: it is never marked
        as best, and the page of clicks does not offer it.
    """

    Config: ClassVar[type[Params]] = Params
    needs: ClassVar[frozenset[str]] = frozenset()
    reads_feedback: ClassVar[bool] = True
    trainings: ClassVar[int] = 1
    reference: ClassVar[bool] = False

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    def supports(self, model: str, feature: str) -> str | None:
        """Return why the method cannot handle this model or feature; None if it can."""
        return None

    def also_asks(self) -> tuple[str, ...]:
        """Return further attributes to click, as configured; the clicks come in ``feedback.also[attribute]``."""
        return ()

    def step_count(self) -> int | None:
        """Return how many steps the main loop takes, as configured; None if it has none.

        By default ``epochs``, times ``steps_per_epoch`` if the Config has it. Override this if other fields decide.
        """
        epochs = getattr(self.config, "epochs", None)
        return epochs * getattr(self.config, "steps_per_epoch", 1) if isinstance(epochs, int) else None

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        """Return the parameter that trades removal against damage, and its values besides the default.

        Tables ``tradeoff`` and ``damage`` draw a curve with them: ``{"weight": (0.5, 2, 4)}``. Of several parameters,
        one at a time is varied. A suite may name others.
        """
        return {}

    @abstractmethod
    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        """Fine-tune a copy of ``generator`` (which is frozen) until the feature is gone.

        Parameters
        ----------
        generator : Generator
            The original, in eval mode, gradients off, on ``context.device``.
        feedback : Feedback
            Which samples were shown and which were clicked.
        context : Context
            Randomness, device, progress, checkpoints, and what ``needs`` asked for.
        """

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        """Build modules like those that ``unlearn`` returns, to load stored weights into.

        By default: a copy of the original, and no identifier. Override it if ``unlearn`` returns an identifier or
        wraps the generator; take sizes from ``original`` and ``self.config``. ``oracle`` is given if the method
        needs it.
        """
        from copy import deepcopy

        return Unlearned(deepcopy(original))
