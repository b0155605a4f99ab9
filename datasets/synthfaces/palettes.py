"""Colours, as sRGB bytes, and the few ways they are mixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .draws import Numbers

Colours = NDArray[np.float64]  # (..., 3) in [0, 1]


def _of(*hexes: str) -> Colours:
    return np.array([[int(h[k : k + 2], 16) for k in (0, 2, 4)] for h in hexes]) / 255


SKIN_AT = np.array([0.0, 0.15, 0.35, 0.52, 0.68, 0.84, 1.0])
SKIN = _of("fdeae0", "f8d6bd", "efbf9b", "dea678", "c08457", "93603e", "68422f")
# Hair, from the darker to the lighter end of each colour, in the order of causes.BLACK ... DYED.
HAIR_DARK = _of("17141a", "432a1e", "b98a47", "8f9098", "8a3a1c", "000000")
HAIR_LIGHT = _of("2c2730", "75492b", "ecd08e", "d9d9de", "bd6030", "000000")
DYES = _of("c2588a", "4f8f9c", "7d62ad", "a02c44", "4a64b0")
IRISES = _of("5a3a22", "3b2618", "4878a8", "6fa3c8", "4f8a5b", "8a7a3a", "6c7883")
IRIS_WEIGHTS = (0.34, 0.22, 0.14, 0.08, 0.09, 0.08, 0.05)
LIPSTICKS = _of("c8243f", "d94f70", "a8203a", "e0566a", "b23a6e", "d8483a", "8c2340")
CLOTHES = _of(
    "2f4858", "33658a", "86bbd8", "f6ae2d", "f26419", "e4572e", "6a994e", "386641", "bc4749", "5f0f40",
    "9a8c98", "22223b", "f2e9e4", "e9c46a", "264653", "c9ada7", "7b2d43", "f4f1de", "3d405b", "e07a5f",
)  # fmt: skip
DARK_SUITS = _of("22252f", "2b3547", "3a3a40", "40332e", "1f2f3a")
SHIRTS = _of("f7f6f2", "e8eef7", "f6ecec", "dfe9e4")
TIES = _of("a4243b", "2a4d8f", "2f6b4f", "6b2f63", "c08a2b", "30323d")
METALS = _of("e8bf52", "d9dde4", "f0ddd0", "e9c05c")
GEMS = _of("e8bf52", "e3e6ec", "f7f1e6", "3aa39a", "c23b55", "4468c0")
FRAMES = _of("1d1b20", "4a2c1d", "2b3a5c", "7a1f2b", "8a8d95", "b08d3e", "23302b")
# Backgrounds: two colours that go together, and a light one for what is behind the head.
SKIES = _of(
    "a8c5da", "d7b9d5", "f2c6b4", "9fc9b8", "e9d8a6", "7fa6c9", "c9b6e4", "f4d1ae", "8fb9aa", "b8c0cc",
    "d98c8c", "6d8ea0", "e8c4c4", "97a97c", "576a8f", "caa472",
)  # fmt: skip
GROUNDS = _of(
    "dfe7ef", "f3dfe6", "fbe8d8", "dcefe3", "f8f0d8", "cfe0ee", "ece3f6", "fdf0e0", "d8e8de", "e6e9ee",
    "f3c9b6", "b5cad3", "f8e8e2", "d3dcc0", "a3b1cc", "ecd6b0",
)  # fmt: skip


def pick(table: Colours, share: Numbers) -> Colours:
    """Pick rows of a table by numbers in [0, 1): (N, 3)."""
    return table[(share * len(table)).astype(np.int64)]


def mix(a: Colours, b: Colours, share: Numbers | float) -> Colours:
    """Go from a to b by a share in [0, 1], per row."""
    return a + (b - a) * (share[:, None] if isinstance(share, np.ndarray) else share)


def skin(tone: Numbers) -> Colours:
    """Look skin colours up: tone 0 is the palest, 1 the deepest."""
    below = np.clip(np.searchsorted(SKIN_AT, tone, side="right") - 1, 0, len(SKIN_AT) - 2)
    share = (tone - SKIN_AT[below]) / (SKIN_AT[below + 1] - SKIN_AT[below])
    return mix(SKIN[below], SKIN[below + 1], share)


def scaled(colour: Colours, red: float, green: float, blue: float) -> Colours:
    """Multiply the channels: shadows that stay warm, highlights that stay clear."""
    clipped: Colours = np.clip(colour * np.array([red, green, blue]), 0, 1)
    return clipped
