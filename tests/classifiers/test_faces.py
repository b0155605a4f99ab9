from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from bench.api import Batch, Split
from bench.registry import Registry
from bench.toolkit import estimates
from bench.toolkit.augmentation import blurred, random_flip, random_shift
from bench.toolkit.training import build
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, observers

Faces = Registry().get("extractors", "faces")
MODULE = sys.modules[Faces.__module__]
SMALL = sys.modules[Faces.__mro__[1].__module__]


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
    config = Faces.Config(image_shape=(3, 32, 32), channels=(8, 16), attributes=("Male", "Eyeglasses"))
    networks = build(Faces(), config, "test")
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
    empty = Split(held_out[1].iloc[:0], split.read, "empty")
    assert Faces().assess(networks, SimpleNamespace(split={"test": empty}.__getitem__)) == {}
    embeddings, logits = Faces(networks).outputs(held_out[0].float() / 255)
    assert embeddings.shape == (100, 96) and logits.shape == (100, 20)
    scores = networks.classifier.attributes(embeddings)[:, :2]
    assert ((scores > 0).numpy() == held_out[1][["Male", "Eyeglasses"]]).to_numpy().mean() > 0.95
    with pytest.raises(ValueError, match="has no outputs: pass trained networks"):
        Faces().outputs(held_out[0].float())


def test_it_learns_the_attributes_of_the_data_set():
    dataset = Registry().get("datasets", "synthfaces")()
    assert Faces().dataset_fields(dataset)["attributes"] == tuple(dataset.split("test").attributes.columns)


@pytest.fixture(scope="module")
def shipped():
    return observers.load_extractor(Registry(), "faces", "faces")[0]


@pytest.fixture(scope="module")
def synthfaces():
    return Registry().get("datasets", "synthfaces")()


def test_the_shipped_extractor_knows_faces(shipped, synthfaces):
    test = synthfaces.split("test")
    truth = Faces().classes_of(torch.tensor(test.attributes[list(Faces.targets)].iloc[:40].to_numpy(dtype=np.int64)))
    _, logits = shipped.outputs(test.read(np.arange(40)).float() / 255)
    assert (logits.argmax(1) == truth).sum() >= 38


def test_the_shipped_extractor_sees_more_than_its_classes(shipped, synthfaces):
    faces = synthfaces.split("test").read(np.arange(400))
    path = manifest.path_of("synthfaces-faces-statistics")
    reference = loading.statistics_in(checkpoint.read(path), path, shipped_sha256())["all"]

    def distance(images):
        return estimates.frechet(shipped.outputs(images.float() / 255)[0].numpy(), reference)

    eigenvalues = np.linalg.eigvalsh(reference.covariance)
    assert eigenvalues.sum() ** 2 / np.square(eigenvalues).sum() > 20, "effective dimensions"
    before = distance(faces)
    without = [synthfaces.counterfactual("test", np.arange(400), f, False) for f in ("bang", "beard")]
    for altered in (*without, blurred(faces.float(), torch.full((400,), 1.0))):
        after = distance(altered)
        assert after.value - before.value > estimates.half_width_of_difference(after, before)


def shipped_sha256():
    return observers.load_extractor(Registry(), "faces", "faces")[1]


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


def test_a_blur_is_a_gaussian_of_each_images_own_width():
    images = torch.rand(3, 2, 24, 20, generator=torch.Generator().manual_seed(0))
    found = blurred(images, torch.tensor([0.0, 0.7, 1.5]))
    assert torch.equal(found[0], images[0])
    for i, width in ((1, 0.7), (2, 1.5)):
        expected = gaussian_blur(images[i], 13, [width, width])
        assert torch.allclose(found[i, :, 6:-6, 6:-6], expected[:, 6:-6, 6:-6], atol=1e-4)
    flat = torch.full((2, 1, 9, 9), 0.3)
    assert torch.allclose(blurred(flat, torch.tensor([1.0, 4.0])), flat)


def test_two_views_share_their_damage_and_differ_in_their_place():
    images = torch.rand(300, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    config = Faces.Config(max_shift=1, max_noise=0.0)
    views, damage = SMALL.two_views(images, config, torch.Generator().manual_seed(1))
    assert damage.shape == (300, 2) and damage.min() == 0 and damage.max() <= 1
    assert 0.25 < (damage == 0).float().mean() < 0.42, "a third is not damaged"
    first, second = views.chunk(2)
    assert not torch.equal(first, second)
    centre = blurred(images, 1.5 * damage[:, 0])[:, :, 3:9, 3:9]

    def is_shifted(view):
        places = [view[:, :, 3 + y : 9 + y, 3 + x : 9 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
        return torch.stack([(p - centre).abs().amax((1, 2, 3)) < 1e-5 for p in places]).any(0)

    assert is_shifted(first).all() and is_shifted(second).all()


def test_noise_is_drawn_anew_for_each_view_at_the_same_level():
    config = Faces.Config(max_shift=0, max_blur=0.0, max_noise=0.1)
    images = torch.full((200, 1, 16, 16), 0.5)
    views, damage = SMALL.two_views(images, config, torch.Generator().manual_seed(1))
    first, second = (view - 0.5 for view in views.chunk(2))
    for noise in (first, second):
        assert torch.allclose(noise.flatten(1).std(1), 0.1 * damage[:, 1], atol=0.02)
    assert (first * second).mean().abs() < 1e-4


def test_agreement_is_0_for_equal_views_of_unrelated_numbers():
    z = torch.linalg.qr(torch.randn(64, 8, generator=torch.Generator().manual_seed(0)))[0]
    z = torch.linalg.qr(z - z.mean(0))[0]
    agreement = SMALL.agreement
    assert agreement(z, z, 0.1) == pytest.approx(0, abs=1e-3)
    assert agreement(z, -z, 0.0) == pytest.approx(4, abs=1e-2), "(1 - -1)^2"
    twice = torch.cat([z, z], dim=1)
    assert agreement(twice, twice, 0.1) == pytest.approx(0.1, abs=1e-3), "each number is repeated once"
