"""The data set under check, with its folder and its splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import api
from bench.authoring.conformance.plugins import NotChecked
from bench.errors import DataError
from bench.registry import Registry


@dataclass(frozen=True)
class Held:
    """The data set under check, and its folder.

    Attributes
    ----------
    cls : type
        The plug-in.
    registry : Registry
        Where the oracle and the extractors that it names are looked up.
    data_dir : Path or None
    """

    cls: type[Any]
    registry: Registry
    data_dir: Path | None

    @cached_property
    def dataset(self) -> api.Dataset:
        """The data set, on its folder."""
        found: api.Dataset = self.cls(self.data_dir)
        return found

    @property
    def features(self) -> tuple[str, ...]:
        """The features. A data set may read them from its files, which must then be there."""
        assert isinstance(self.cls.features, tuple) or self.splits
        return self.dataset.features

    @property
    def has_images(self) -> bool:
        """Whether it has images; without an oracle it has none."""
        return self.dataset.classifier is not None

    @cached_property
    def splits(self) -> dict[str, api.Split]:
        """The splits whose files are there, by name.

        Raises
        ------
        NotChecked
            If the one that generators learn from is not.
        """
        found, missing = self._looked
        if missing is not None:
            why = f"the images are not here. {missing}" if self.data_dir is None else "images_are_here failed"
            raise NotChecked(f"nothing was read, because {why}")
        return found

    def require_here(self) -> None:
        """Raise DataError if a folder is named and the images that generators learn from are not in it."""
        _, missing = self._looked
        if self.data_dir is not None and missing is not None:
            raise missing

    @cached_property
    def _looked(self) -> tuple[dict[str, api.Split], DataError | None]:
        if not self.has_images:
            raise NotChecked("the data set has no oracle, and so no images")
        found, missing = {}, {}
        for name in dict.fromkeys((self.dataset.training_split, "train", "test")):
            try:
                found[name] = self.dataset.split(name)
            except DataError as error:
                missing[name] = error
        return found, missing.get(self.dataset.training_split)
