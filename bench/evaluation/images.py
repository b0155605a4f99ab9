"""Identify the images of a data set; every key of what is made from them holds this identity."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from bench.core import code_hash
from bench.core.remembered import remembered
from bench.errors import DataError
from bench.workspace.workspace import Workspace

P = ParamSpec("P")
T = TypeVar("T")

_asked: ContextVar[set[str] | None] = ContextVar("asked", default=None)


def images_identity(workspace: Workspace, dataset: str) -> str | None:
    """Identify the training images of a data set and the code that reads them; None for one without images.

    If the data set is not here, its results may be: then its images are those that the stored records name.

    Raises
    ------
    DataError
        If the data set is not here, and the records do not agree on it.
    """
    if workspace.dataset(dataset).classifier is None:
        return None
    if (asked := _asked.get()) is not None:
        asked.add(dataset)
    images = images_known(workspace, dataset)
    plugin = workspace.registry.plugin("datasets", dataset)
    return code_hash.digest([images, code_hash.code_of(*plugin.code("split", "has_feature"))])


@contextmanager
def asked_for() -> Iterator[set[str]]:
    """Collect the data sets whose images are asked for meanwhile."""
    found: set[str] = set()
    before = _asked.set(found)
    try:
        yield found
    finally:
        _asked.reset(before)


def remembered_asking(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function answer once, as ``remembered`` does; the data sets whose images it asks for count each time."""

    @remembered
    def answer(*args: P.args, **kwargs: P.kwargs) -> tuple[T, set[str]]:
        with asked_for() as asked:
            return function(*args, **kwargs), asked

    @functools.wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        found, asked = answer(*args, **kwargs)
        if (before := _asked.get()) is not None:
            before.update(asked)
        return found

    return ask


def images_known(workspace: Workspace, dataset: str) -> str:
    """Return the identity of the images, fixed at the first request."""
    found: str = workspace.once(("images", dataset), lambda: images_now(workspace, dataset))
    return found


def images_now(workspace: Workspace, dataset: str) -> str:
    """Return what identifies the images as they are at this moment."""
    source = workspace.dataset(dataset)
    try:
        return source.identity(source.training_split)
    except DataError:
        named = {record.provenance.images for _, record in workspace.store.records() if record.dataset == dataset}
        if len(named - {None}) != 1:
            raise
    return next(images for images in named if images is not None)
