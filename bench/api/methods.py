"""Unlearning methods."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic

from torch import nn

from bench.api.base import ConfigT, Params
from bench.api.classifiers import Oracle
from bench.api.models import Generator

if TYPE_CHECKING:
    from bench.api.context import Context
    from bench.api.feedback import Feedback


@dataclass(frozen=True)
class Unlearned:
    """What a method hands back.

    Attributes
    ----------
    generator : Generator
        The student.
    identifier : nn.Module or None
        The method's own view of the feature: maps latents (N, latent_dim) of the *original* to (N,), larger meaning
        more of the feature (Table 3). Its parameters and buffers are stored with the generator's. If it has a scalar
        tensor ``threshold``, latents for which it gives at least that are flagged.
    """

    generator: Generator
    identifier: nn.Module | None = None

    @property
    def score(self) -> nn.Module | None:
        """The identifier, under the name that it had before version 1.0."""
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
        Of ``training_data, oracle, encoder, discriminator``; nothing else is handed over, and every table
        prints it.
    reads_feedback : bool
        False for a method that never looks at the clicks: it is handed none, and run once for all seeds.
    """

    Config: ClassVar[type[Params]] = Params
    needs: ClassVar[frozenset[str]] = frozenset()
    reads_feedback: ClassVar[bool] = True

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    def supports(self, model: str, feature: str) -> str | None:
        """Return None, or the reason why this model or feature is outside the method."""
        return None

    def also_asks(self) -> tuple[str, ...]:
        """Return attributes that this method, as configured, wants clicked too: ``feedback.also[attribute]``."""
        return ()

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
        """Return modules of the structure ``unlearn`` returns, for stored weights to be loaded into.

        The default is a generator of the original's class and no identifier. A method that returns an identifier or
        wraps the generator overrides it; sizes come from ``original`` and ``self.config``. ``oracle``
        is given if the method needs it.
        """
        from copy import deepcopy

        return Unlearned(deepcopy(original))
