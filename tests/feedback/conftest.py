"""Feedback on the model ``bars``, in memory and in files."""

from __future__ import annotations

import numpy as np
import pytest
from feedback_files import write

from bench.api.feedback import Feedback


@pytest.fixture
def generator(bars):
    return bars.original.generator


@pytest.fixture
def clicked(generator):
    """Return labels of 20 samples, three of them positive."""
    labels = np.zeros(20, dtype=bool)
    labels[[0, 7, 19]] = True
    return labels


@pytest.fixture
def stream_file(tmp_path, generator, clicked):
    path = tmp_path / "clicks.json"
    write(path, Feedback(clicked, "feedback/0"), generator)
    return path


@pytest.fixture
def array_file(tmp_path, generator, clicked):
    path = tmp_path / "clicks.json"
    noise = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    write(path, Feedback(clicked, noise_array=noise), generator)
    return path
