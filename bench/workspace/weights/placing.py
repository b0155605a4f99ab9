"""Where extractors compute. What they compute is the same, so keys don't count it (``core/code_hash.py``)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.api import Extractor


class Placed(Extractor):
    """An extractor on a device, to which it moves the images that it is given.

    Parameters
    ----------
    extractor : Extractor
        Its networks are moved; one that loads its weights by itself follows the images.
    device : torch.device
    """

    def __init__(self, extractor: Extractor, device: torch.device) -> None:
        super().__init__(extractor.networks)
        self.extractor, self.device = extractor, device
        vars(self).update(classes=extractor.classes, class_attribute=extractor.class_attribute)
        for module in extractor.networks.modules().values() if extractor.networks is not None else ():
            module.to(device)

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.extractor.outputs(images.to(self.device))


def on_device(loaded: tuple[Extractor, str], device: torch.device) -> tuple[Extractor, str]:
    """Move a loaded extractor, with its weights' sha256, from the CPU to a device."""
    extractor, sha256 = loaded
    return (extractor if device.type == "cpu" else Placed(extractor, device)), sha256
