"""A cell, the unit of experiments: a method on a model, a feature and a seed, with all parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ConfigDict

from bench.api import Params
from bench.workspace.settings.suites import ModelSettings
from bench.workspace.settings.values import assignments
from bench.workspace.store.record import readable_name


class Untyped(Params):
    """Hyper-parameters of a method that is not imported."""

    model_config = ConfigDict(extra="allow")


class Place(NamedTuple):
    """The part of a cell that cells of other methods and seeds share; see ``Cell``. Most is loaded once for a place."""

    model: str
    feature: str
    settings: ModelSettings
    weights: str
    feedback_file: Path | None


@dataclass(frozen=True)
class Cell:
    """An experiment to run, described by names and parameters; nothing is loaded yet.

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
    named : tuple of str
        The parameters that were asked for, at whatever value.
    step : int, optional
        The step of the run after which it is evaluated (``--evaluate-at``); the last one by default.
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
    named: tuple[str, ...] = ()
    step: int | None = None

    @property
    def place(self) -> Place:
        """The cell without its method and its seed."""
        return Place(self.model, self.feature, self.settings, self.weights, self.feedback_file)

    @property
    def readable(self) -> str:
        """Start of the folder's name."""
        return readable_name(self.method, self.model, self.feature, self.seed, self.step)

    @property
    def changed(self) -> list[str]:
        """The parameters that are not the defaults or were asked for, as ``-p`` takes them."""
        fields = self.params.model_dump(mode="json")
        others = self.params.model_dump(mode="json", exclude_defaults=True)
        return assignments({name: value for name, value in fields.items() if name in others or name in self.named})

    @property
    def from_suite(self) -> dict[str, Any]:
        """The method's parameters that are the suite's for this model; what was asked for wins over them."""
        fields = self.settings.params_for(self.method, type(self.params))
        return {name: value for name, value in fields.items() if name not in self.named}
