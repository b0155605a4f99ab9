"""Classifiers, which become oracles, and extractors, whose embeddings FID and IS use."""

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
    """Scores images on several attributes. With a feature and a threshold it becomes an oracle.

    The constructor takes the trained networks from a checkpoint. It takes None if the classifier has no weights, or if
    it is only to be described or trained. ``attributes`` and ``cuts`` may be instance attributes, set from the
    networks' configuration.

    Attributes
    ----------
    attributes : tuple of str
        What it scores, every feature of the data set included.
    cuts : mapping of str to float
        Per attribute, the lowest score of an image that has it. Also decides which training images have a feature.
    top_fraction : float or None
        In (0, 1). If set, the threshold of a *target* feature is this upper quantile of the scores of the generator's
        samples (the paper's "top 10 %"): of 10,000 that nothing else uses, of those that were shown, or of another
        generator's, as ``oracle.cut`` says. It is stored with the feedback.
    """

    attributes: tuple[str, ...]
    cuts: Mapping[str, float]
    top_fraction: ClassVar[float | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    def non_target(self, feature: str) -> tuple[str, ...]:
        """Return the attributes that unlearning ``feature`` should leave unchanged; by default all others."""
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
    """Labels images: one feature of a classifier, with a fixed threshold.

    Attributes
    ----------
    classifier : Classifier
    name : str
        Registered name of the classifier.
    feature : str
    threshold : float
    weights, sha256 : str or None
        Zoo name or file of a trained classifier's weights, and their hash.
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
    """Maps images to embeddings, for FID, and to logits of disjoint classes, for IS. It is not an oracle.

    The constructor takes the trained networks from a checkpoint, or None to describe or train the extractor.

    Attributes
    ----------
    classes : tuple of str
        Names of the logits.
    class_attribute : str or None
        If set, ``attribute_shift`` also counts each class, as the attribute ``<class_attribute>=<class>``.
    """

    classes: ClassVar[tuple[str, ...]]
    class_attribute: ClassVar[str | None] = None

    def __init__(self, networks: Networks[Any] | None = None) -> None:
        self.networks = networks

    @classmethod
    def identity(cls) -> str | None:
        """Return the sha256 of weights that this class loads by itself; None if its weights come from the zoo.

        Raises
        ------
        CheckpointError
            If the weights are missing; the message names the remedy.
        """
        return None

    @classmethod
    def class_features(cls) -> tuple[str, ...]:
        """Return the classes as values of an attribute, ``digit=3`` for ``3``, in order; none if they are of none.

        The attribute is ``class_attribute``, else the only one of ``targets``, the attributes that an extractor learns
        its classes from.
        """
        targets = getattr(cls, "targets", ())
        attribute = cls.class_attribute or (targets[0] if isinstance(targets, tuple) and len(targets) == 1 else None)
        return () if attribute is None else tuple(f"{attribute}={name}" for name in cls.classes)

    @abstractmethod
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, C, H, W) float32 in [0, 1] to embeddings (N, D) and logits (N, K) float32."""
