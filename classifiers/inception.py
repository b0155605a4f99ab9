"""torch-fidelity's Inception-v3, for the paper's FID and IS; you supply its weights.

The weights are neither shipped nor downloaded. Put torch-fidelity's file
``weights-inception-2015-12-05-6726825d.pth`` into the torch hub folder (``~/.cache/torch/hub/checkpoints``), then
name the extractor: ``--set evaluation.extractors=digits,inception``. The model is ``inception-v3-compat``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.api import CheckpointError, Extractor, MissingWeights, file_sha256, hookimpl

FILE = "weights-inception-2015-12-05-6726825d.pth"
SHA256_START = "6726825d"  # as in the file's name; torch-fidelity loads it with weights_only=False, so check first


def weights_path() -> Path:
    """Return where torch.hub keeps downloaded weights, with this file's name."""
    return Path(torch.hub.get_dir()) / "checkpoints" / FILE


class Inception(Extractor):
    """2,048 pooled activations and 1,008 logits of uint8 images, which are resized to 299 px as in TensorFlow 1."""

    classes = tuple(str(i) for i in range(1008))

    @classmethod
    def identity(cls) -> str:
        """Return the sha256 of the weights; raises CheckpointError if they are absent or not torch-fidelity's."""
        path = weights_path()
        if not path.is_file():
            raise MissingWeights(
                f"extractor 'inception': {path} is missing. Get {FILE} from torch-fidelity's releases "
                "(github.com/toshas/torch-fidelity, v0.2.0) and put it there, or name other extractors, or "
                "none: --set evaluation.extractors="
            )
        digest = file_sha256(path)
        if not digest.startswith(SHA256_START):
            raise CheckpointError(
                f"{path}: not torch-fidelity's file (sha256 {digest[:8]}..., expected {SHA256_START})"
            )
        return digest

    @cached_property
    def network(self) -> Any:
        """The network, checked and then loaded once."""
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        self.identity()
        layers = ["2048", "logits_unbiased"]
        return FeatureExtractorInceptionV3(
            "inception-v3-compat", layers, feature_extractor_weights_path=str(weights_path()), verbose=False
        ).eval()

    @torch.no_grad()
    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        bytes_ = (images * 255).round().to(torch.uint8)
        embeddings, logits = self.network.to(images.device)(bytes_.expand(-1, 3, -1, -1))
        return embeddings, logits


@hookimpl
def register_extractors(register):  # type: ignore[no-untyped-def]
    register(Inception)
