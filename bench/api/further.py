"""A data set that knows further features of another one's images."""

from __future__ import annotations

from typing import ClassVar

from bench.api.data import Dataset


class FurtherFeatures(Dataset):
    """A data set with the images of another one and features of its own, which are found by their names.

    ``mnist_digits`` is one: ``--feature digit=1`` on ``mnist`` is run on it, since ``mnist`` has no such feature.

    Attributes
    ----------
    images_of : str
        Registered name of the data set whose images these are.
    """

    images_of: ClassVar[str]
