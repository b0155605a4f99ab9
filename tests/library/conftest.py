"""The model ``bars`` as a user of the library has it, and clicks on its samples."""

from __future__ import annotations

import pytest

import bench


@pytest.fixture
def original(bars):
    return bench.load(bars.weights, plugins=bars.folder.path)


@pytest.fixture
def clicked(original):
    """Return the clicks of the simulated user of seed 0 on a hundred samples, and where it cut."""
    images = bench.sample(original, 100, stream="feedback/0")
    labels, threshold = bench.ask_oracle(images, "thickness", "mnist", generator=original)
    return bench.make_feedback(labels, stream="feedback/0"), threshold
