"""What one experiment is: a method on a model, a feature and a seed, with all its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict

from bench.api import Params
from bench.workspace.suites import ModelSettings
from bench.workspace.values import assignments


class Untyped(Params):
    """Hyper-parameters of a method that is not imported."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Cell:
    """What is to be run, fully named; nothing is loaded yet.

    Attributes
    ----------
    suite, method, model, feature : str
    seed : int
        Of feedback and unlearning.
    params : Params
        The method's Config.
    settings : ModelSettings
    weights : str
        Zoo name or file of the original; of one that is still to be trained, the file it will have.
    feedback_file : Path, optional
        ``--feedback``; the oracle clicks by default.
    """

    suite: str
    method: str
    model: str
    feature: str
    seed: int
    params: Params
    settings: ModelSettings
    weights: str
    feedback_file: Path | None = None

    @property
    def readable(self) -> str:
        """Start of the folder's name."""
        return f"{self.suite}-{self.method}-{self.model}-{self.feature}-s{self.seed}"

    @property
    def changed(self) -> list[str]:
        """The parameters that are not the defaults, as ``-p`` takes them."""
        return assignments(self.params.model_dump(mode="json", exclude_defaults=True))
