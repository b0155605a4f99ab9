"""Forty grey images: how light they are, and whether their number is odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from bench.api import DataError, Dataset, Split, hookimpl


class Strips(Dataset):
    image_shape = (1, 28, 28)
    classifier = "level"
    features = ("light",)
    label = "strips (test)"
    extractors = ("digits",)
    feature_attributes = {"light": ("Dark", False)}

    def split(self, name: str) -> Split:
        if name not in ("train", "test"):
            raise DataError(f"strips: there is no split '{name}'; there are train and test")
        levels = np.arange(40) if name == "train" else np.arange(0, 40, 2)
        images = torch.from_numpy(levels.astype(np.uint8)).view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
        frame = pd.DataFrame({"Dark": levels < 30, "Odd": levels % 2 == 1})
        return Split(frame, lambda indices: images[torch.from_numpy(indices)], name)


@hookimpl
def register_datasets(register: Any) -> None:
    register(Strips)
