"""A generator around another one: what edits latents, draws again, or caches."""

from __future__ import annotations

from bench.api.models import Generator


class Wrapped(Generator):
    """A generator around another one, with the shapes, the prior and the layers of that one.

    Implement ``sample`` and ``decode``, and call ``original`` in both.

    Parameters
    ----------
    original : Generator
        Part of the wrapper's weights; pass a copy.
    """

    def __init__(self, original: Generator) -> None:
        super().__init__()
        self.original = original
        for name in Generator.__annotations__:  # all that a generator declares
            setattr(self, name, getattr(original, name))
