"""The part of a weights file's description, besides the configuration, that says how its content was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from bench.api import Params
from bench.errors import CheckpointError, wrong_fields
from bench.workspace.weights.checkpoint import Checkpoint


class Described(Params):
    """Part of a description; what else a file says is for people."""

    model_config = ConfigDict(extra="ignore")


DescribedT = TypeVar("DescribedT", bound=Described)


class OracleMade(Params):
    """The oracle that a method asked."""

    name: str
    feature: str
    threshold: float
    weights: str | None = Field(None, max_length=4096)  # the longest path of a file
    sha256: str | None = None


class MadeBy(Described):
    """The method that unlearned a generator, its parameters, and its oracle if it asked one."""

    method: str
    params: dict[str, Any] = {}
    oracle: OracleMade | None = None


class Accuracy(Described):
    """How well a classifier knows one attribute; None if one of its two values is absent."""

    balanced_accuracy: float | None


class Tested(Described):
    """The accuracy that a classifier's training measured on held-out images, by attribute."""

    accuracy: dict[str, Accuracy] = {}


class Summary(Described):
    """The data set and extractor of reference statistics, and the number of images by subset."""

    dataset: str
    extractor_sha256: str
    counts: dict[str, int]


class RemoverSize(Described):
    """The sizes of a network that removes a feature."""

    image_shape: tuple[int, int, int]
    channels: int = Field(ge=1)


def made_as(kind: type[DescribedT], stored: Checkpoint, path: Path) -> DescribedT:
    """Read a description; raises CheckpointError, naming the file, if a field is missing or wrong."""
    try:
        return kind.model_validate(stored.description)
    except ValidationError as error:
        raise CheckpointError(f"{path}: the description in its header is not right ({wrong_fields(error)})") from error
