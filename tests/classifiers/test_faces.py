from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bench.api import Batch, Split
from bench.registry import Registry
from bench.toolkit.augmentation import random_flip, random_shift
from bench.toolkit.training import build
from bench.workspace import observers

Faces = Registry().get("extractors", "faces")
MODULE = sys.modules[Faces.__module__]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ([], "other/woman/no glasses"),
        (["Male", "Eyeglasses"], "other/man/glasses"),
        (["Black_Hair"], "black/woman/no glasses"),
        (["Gray_Hair", "Male"], "grey/man/no glasses"),
        (["Blond_Hair", "Eyeglasses"], "blond/woman/glasses"),
        (["Brown_Hair", "Male", "Eyeglasses"], "brown/man/glasses"),
    ],
)
def test_classes_are_hair_colour_sex_and_glasses(attributes, expected):
    targets = torch.tensor([[float(name in attributes) for name in Faces.targets]])
    assert Faces.classes[Faces().classes_of(targets)[0]] == expected


def test_every_face_has_one_class():
    frame = Registry().get("datasets", "synthfaces")().split("test").attributes
    found = Faces().classes_of(torch.tensor(frame[list(Faces.targets)].to_numpy(dtype=np.int64)))
    assert sorted(set(found.tolist())) == list(range(20)) == list(range(len(Faces.classes)))
    assert (frame[list(MODULE.HAIR)].sum(axis=1) <= 1).all()


def toy(count):
    """Return pictures of any brightness, the men's redder above and the bespectacled ones' below."""
    rng = np.random.default_rng(count)
    frame = pd.DataFrame({name: np.zeros(count, bool) for name in Faces.targets})
    frame["Male"], frame["Eyeglasses"] = rng.random((2, count)) < 0.5
    pixels = rng.integers(0, 50, (count, 3, 32, 32)) + rng.integers(0, 100, (count, 1, 1, 1))
    pixels[frame["Male"].to_numpy(), 0, :16] += 100
    pixels[frame["Eyeglasses"].to_numpy(), 0, 16:] += 100
    return torch.from_numpy(pixels.astype(np.uint8)), frame


def test_the_default_is_small():
    networks = build(Faces(), Faces.Config(), "test")
    assert sum(t.numel() for t in networks.classifier.state_dict().values()) * 4 < 2e6, "a weight file of at most 2 MB"


def test_it_learns_and_measures_itself():
    networks = build(Faces(), Faces.Config(image_shape=(3, 32, 32)), "test")
    images, frame = toy(96)
    targets, optimisers = torch.tensor(frame.to_numpy(dtype=np.float32)), Faces().optimisers(networks)
    networks.classifier.train()
    for step in range(70):  # batch norm's averages need as many
        rows = torch.arange(32) + 32 * (step % 3)
        batch = Batch(images[rows].float() / 255, targets[rows], tuple(frame.columns))
        Faces().training_step(networks, optimisers, batch, torch.Generator().manual_seed(step), step / 70)
    networks.classifier.eval().requires_grad_(False)
    held_out = toy(100)
    split = Split(held_out[1], lambda indices: held_out[0][torch.from_numpy(indices)], "toy")
    found = Faces().assess(networks, SimpleNamespace(split={"test": split}.__getitem__))
    assert found["test_images"] == 100 and found["test_accuracy"] > 0.95
    embeddings, logits = Faces(networks).outputs(held_out[0].float() / 255)
    assert embeddings.shape == (100, 96) and logits.shape == (100, 20) and (embeddings >= 0).all()
    with pytest.raises(ValueError, match="has no outputs: pass trained networks"):
        Faces().outputs(held_out[0].float())


def test_the_shipped_extractor_knows_faces():
    extractor, _ = observers.load_extractor(Registry(), "faces", "faces")
    test = Registry().get("datasets", "synthfaces")().split("test")
    truth = Faces().classes_of(torch.tensor(test.attributes[list(Faces.targets)].iloc[:40].to_numpy(dtype=np.int64)))
    embeddings, logits = extractor.outputs(test.read(np.arange(40)).float() / 255)
    assert (logits.argmax(1) == truth).sum() >= 38
    assert (embeddings.std(0) > 0).float().mean() > 0.9, "hardly a number that never fires"


# --- what training images are put through -------------------------------------------------------------


def test_flips_mirror_about_half_of_the_images():
    images = torch.rand(200, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    flipped = random_flip(images, torch.Generator().manual_seed(1))
    mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    assert 70 < mirrored.sum() < 130
    assert torch.equal(flipped[~mirrored], images[~mirrored])


def test_shifts_move_whole_images_by_whole_pixels():
    images = torch.zeros(50, 2, 9, 9)
    images[:, :, 4, 4] = 1.0
    shifted = random_shift(images, 2, torch.Generator().manual_seed(0))
    places = shifted[:, 0].flatten(1).argmax(1)
    assert (shifted.sum(dim=(2, 3)) == 1).all() and torch.equal(shifted[:, 0], shifted[:, 1])
    assert set((places // 9).tolist()) == set((places % 9).tolist()) == {2, 3, 4, 5, 6}
    assert torch.equal(random_shift(images, 0, torch.Generator()), images)
