"""Data sets: images with attributes, in splits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Split:
    """One split of a data set, read lazily.

    Attributes
    ----------
    attributes : DataFrame
        One row per image, in order.
    read : callable
        Maps an int64 index array (B,) to images (B, C, H, W) uint8.
    sha256 : str
        Hash of the images and attributes, or of all that defines them: other images have another one.
    """

    attributes: pd.DataFrame
    read: Callable[[NDArray[np.int64]], Tensor]
    sha256: str

    def __len__(self) -> int:
        return len(self.attributes)


class Dataset(ABC):
    """Images with attributes. The constructor takes the folder where the user keeps data sets.

    Attributes
    ----------
    image_shape : tuple of int
        (C, H, W). This and ``features`` may be properties that read the files.
    classifier : str or None
        Registered name of the classifier that labels this data set. None if there are only a person's clicks: then
        there is no oracle and no image to compare with, and a feature may have any name.
    features : tuple of str
        Target features; the classifier scores all of them.
    label : str
        Name of the data in captions ("MNIST (real)", "synthfaces (synthetic)"); it may be a property too.
    extractors : tuple of str
        Registered names of the extractors for FID and IS, unless a suite names others.
    feature_attributes : mapping of str to (str, bool)
        For each feature that follows from an attribute of the data set: that attribute, and the value that means
        "has it" (``"beard": ("No_Beard", False)``).
    training_split : str
        The split that generators are trained on, Table 1 counts and FID compares with. Classifiers are always trained
        on "train".
    """

    image_shape: tuple[int, int, int]
    classifier: ClassVar[str | None]
    features: tuple[str, ...]
    label: str
    extractors: ClassVar[tuple[str, ...]] = ()
    feature_attributes: ClassVar[Mapping[str, tuple[str, bool]]] = MappingProxyType({})
    training_split: ClassVar[str] = "train"

    def __init__(self, data_dir: Path | None = None) -> None:
        self.data_dir = data_dir

    @abstractmethod
    def split(self, name: str) -> Split:
        """Read a split ("train", "test"). Raises DataError naming the file, the remedy and the flag."""

    def identity(self, split: str) -> str:
        """Return the ``sha256`` of a split, part of the key of every stage that reads the images.

        Override it if it can be told without reading the split.
        """
        return self.split(split).sha256

    def untested(self) -> str | None:
        """Return why nothing can be tested on images that no training saw, and what to do; None if that can be done.

        Told once before a classifier or an extractor is trained on this data set. Optional: override it if the split
        "test" may be empty.
        """
        return None

    def damaged(self) -> str | None:
        """Return which images are damaged, as far as a quick look can tell, and what to do; None if none is.

        Asked by every plan that trains on the images or looks at all of them, ``--dry-run`` included, and before each
        training. Optional: override it if images are files; a damaged one is then told before hours of training.
        """
        return None

    def left_out(self) -> str | None:
        """Return which images lie here but are not read, and what to do; None if all are read.

        Told once before anything is trained on this data set. Optional.
        """
        return None

    def has_feature(self, attributes: pd.DataFrame, feature: str) -> NDArray[np.bool_] | None:
        """Return which images have a feature, from a split's attributes and ``feature_attributes``.

        Returns
        -------
        (N,) bool, or None
            None if the attributes do not say; then the classifier's scores and cut decide.
        """
        if feature not in self.feature_attributes:
            return None
        attribute, value = self.feature_attributes[feature]
        labels: NDArray[np.bool_] = attributes[attribute].to_numpy(dtype=bool) == value
        return labels

    def counterfactual(self, split: str, indices: NDArray[np.int64], feature: str, value: bool) -> Tensor:
        """Redraw images of a split with or without a feature, everything else unchanged.

        Optional: override it if the data set can redraw its images; ``counterfactual_error`` is then computed. An
        image that cannot show the feature is returned without it.

        Returns
        -------
        (N, C, H, W) uint8

        Raises
        ------
        DataError
            If the data set cannot redraw its images.
        """
        raise DataError(f"{self.label}: its images cannot be redrawn without '{feature}'")

    def lowered(self, images: Tensor, feature: str, by: NDArray[np.float64]) -> Tensor:
        """Redraw images so that an oracle which measures the feature scores them lower.

        Optional, for features that are measured and images that cannot be rendered anew: override it, and
        ``fid_counterfactual`` compares with a training set without the feature in which everything else has stayed.

        Parameters
        ----------
        images : (N, C, H, W) uint8
        feature : str
        by : (N,) float64
            How much lower each image's score is to be, at least 0.

        Returns
        -------
        (N, C, H, W) uint8

        Raises
        ------
        DataError
            If the data set cannot redraw its images.
        """
        raise DataError(f"{self.label}: its images cannot be redrawn without '{feature}'")
