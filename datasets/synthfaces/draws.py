"""Random numbers by name: every latent of every face has its own, so that one can change and the others stay.

Face i of a stream has the seed of ``bench.core.randomness`` (sha256 of "stream:i"); the latent called ``name`` is a
counter-based hash of that seed and of sha256(name). Only exact integer and IEEE arithmetic is used (no
``exp``, ``sin``, ...), so that the numbers are the same on every machine, in every batch and order.

References
----------
Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, OOPSLA 2014 (SplitMix64's finaliser).
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bench.api import seed_of

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]


class Draws:
    """The latents of N faces.

    Parameters
    ----------
    stream : str
        ``synthfaces/<split>``.
    indices : iterable of int
    """

    def __init__(self, stream: str, indices: Iterable[int]) -> None:
        self._seeds = np.array([seed_of(stream, index) for index in indices], dtype=np.uint64)
        self._room = ""

    def room(self, name: str) -> Draws:
        """Return the same faces' latents for one module, so that equal names in two modules differ."""
        room = copy(self)
        room._room = f"{name}/"
        return room

    def __len__(self) -> int:
        return len(self._seeds)

    def uniform(self, name: str, low: float | Numbers = 0.0, high: float | Numbers = 1.0) -> Numbers:
        """Draw (N,) numbers from [low, high)."""
        return low + (high - low) * ((self._bits(name) >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def normal(self, name: str, mean: float | Numbers = 0.0, deviation: float | Numbers = 1.0) -> Numbers:
        """Draw (N,) numbers near the normal distribution: the sum of four uniforms, never beyond 3.5 deviations."""
        bits = self._bits(name)
        parts = [((bits >> np.uint64(16 * k)) & np.uint64(0xFFFF)).astype(np.float64) for k in range(4)]
        total = (parts[0] + parts[1]) + (parts[2] + parts[3]) + 2.0
        numbers: Numbers = mean + deviation * ((total / 65536.0 - 2.0) * 3.0**0.5)
        return numbers

    def chance(self, name: str, probability: float | Numbers) -> Flags:
        """Draw (N,) bool, true with the probability given (for all, or for each face)."""
        return self.uniform(name) < probability

    def choice(self, name: str, weights: Iterable[float | Numbers]) -> Codes:
        """Draw (N,) int64, k in proportion to ``weights[k]`` (for all, or for each face)."""
        table = np.stack([np.broadcast_to(np.asarray(w, dtype=np.float64), (len(self),)) for w in weights], axis=1)
        edges = np.cumsum(table, axis=1)
        below = (self.uniform(name) * edges[:, -1])[:, None] >= edges[:, :-1]
        chosen: Codes = below.sum(axis=1, dtype=np.int64)
        return chosen

    def _bits(self, name: str) -> NDArray[np.uint64]:
        state = self._seeds + _key(self._room + name)  # wraps modulo 2**64
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits: NDArray[np.uint64] = state ^ (state >> np.uint64(31))
        return bits


@cache
def _key(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(sha256(name.encode()).digest()[:8], "big"))
