"""Data sets that add features to the images of another data set."""

from __future__ import annotations

from typing import ClassVar

from bench.api.data import Dataset


class FurtherFeatures(Dataset):
    """A data set that adds features, found by their names, to the images of another data set.

    ``mnist_digits`` is one: ``--feature digit=1`` on ``mnist`` is run on it, since ``mnist`` has no such feature.

    Attributes
    ----------
    images_of : str
        Registered name of the data set whose images these are.
    """

    images_of: ClassVar[str]
