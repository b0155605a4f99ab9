"""Classifiers that look at images: simulated oracles, and the extractors behind FID and IS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.api.models import Networks


class Classifier(ABC):
    """A simulated feedback oracle for several attributes.

    The constructor takes the trained networks (from a checkpoint), or None for a classifier that is not trained, or
    to train or describe one that is. ``attributes`` and ``cuts`` may be instance attributes, taken from the networks'
    configuration.

    Attributes
    ----------
    attributes : tuple of str
        What it scores; each feature of the data set is one of them.
    cuts : mapping of str to float
        Per attribute, the score at and above which an image has it; also selects training images.
    top_fraction : float or None
        If given, a *target* feature is instead cut at this upper quantile of the first feedback sample
        (the paper's "top 10 %"), frozen there and stored with the feedback.
    """

    attributes: tuple[str, ...]
    cuts: Mapping[str, float]
    top_fraction: ClassVar[float | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    def non_target(self, feature: str) -> tuple[str, ...]:
        """Return the attributes that count as others beside a target feature: by default all but the feature."""
        return tuple(name for name in self.attributes if name != feature)

    @abstractmethod
    def scores(self, images: Tensor, attributes: Sequence[str]) -> NDArray[np.float64]:
        """Score images; larger means more of the attribute.

        Parameters
        ----------
        images : (N, C, H, W) uint8
        attributes : sequence of str

        Returns
        -------
        (N, len(attributes)) float64, finite
        """


@dataclass(frozen=True)
class Oracle:
    """One feature of a classifier with its frozen threshold: what clicks "this one has it".

    Attributes
    ----------
    classifier : Classifier
    name : str
        Registered name of the classifier.
    feature : str
    threshold : float
    weights, sha256 : str or None
        Zoo name or file, and content hash, of a trained classifier's weights.
    """

    classifier: Classifier
    name: str
    feature: str
    threshold: float
    weights: str | None = None
    sha256: str | None = None

    def score(self, images: Tensor) -> NDArray[np.float64]:
        """Score (N, C, H, W) uint8 images; returns (N,) float64."""
        return self.classifier.scores(images, [self.feature])[:, 0]

    def label(self, images: Tensor) -> NDArray[np.bool_]:
        """Label (N, C, H, W) uint8 images; returns (N,) bool."""
        return self.score(images) >= self.threshold


class Extractor(ABC):
    """What FID and IS look through: images to embeddings, and to logits of disjoint classes. It is not an oracle.

    The constructor takes the trained networks (from a checkpoint), or None to train or describe it.

    Attributes
    ----------
    classes : tuple of str
        Names of the logits.
    class_attribute : str or None
        If given, each class also counts as an attribute ``<class_attribute>=<class>`` in ``attribute_shift``.
    """

    classes: ClassVar[tuple[str, ...]]
    class_attribute: ClassVar[str | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    @classmethod
    def identity(cls) -> str | None:
        """Return the sha256 of weights this class finds by itself; None if they come from the zoo.

        Raises CheckpointError, with the remedy, if they are not here.
        """
        return None

    @abstractmethod
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) float32 in [0, 1] to embeddings (N, D) and logits (N, K) float32."""
