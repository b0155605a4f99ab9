"""The oracles that learn all attributes of a data set: MobileNet, and ResNet as a judge of another architecture."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import timm
import torch

from bench.api import Batch, Split
from bench.registry import Registry
from bench.toolkit.training import build
from bench.workspace.weights import observers

REGISTRY = Registry()
MobileNet = REGISTRY.get("classifiers", "mobilenet")
ResNet = REGISTRY.get("classifiers", "resnet")
SMALL = {MobileNet: {"width": 0.25}, ResNet: {"channels": (8, 8, 16, 16)}}
both = pytest.mark.parametrize("classifier", [MobileNet, ResNet])
FEATURES = {"bang": ("Bangs", True), "beard": ("No_Beard", False)}
NAMES = ("Bangs", "Male", "No_Beard")


def networks(classifier=MobileNet, **fields):
    config = classifier.Config(**{"attributes": NAMES, "features": FEATURES, **SMALL[classifier], **fields})
    found = build(classifier(), config, "test")
    found.classifier.eval().requires_grad_(False)
    return found


@pytest.fixture(scope="module", params=[MobileNet, ResNet], ids=["mobilenet", "resnet"])
def oracle(request):
    return request.param(networks(request.param))


@pytest.fixture(scope="module")
def images():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (70, 3, 64, 64), dtype=np.uint8))


def test_at_full_width_and_depth_it_is_timm_s_net():
    ours = networks(width=1, depth=1).classifier.state_dict()
    theirs = timm.create_model("mobilenetv1_100", pretrained=False, num_classes=3, in_chans=3).state_dict()
    assert {name: t.shape for name, t in ours.items()} == {name: t.shape for name, t in theirs.items()}


def test_the_resnet_has_timm_s_stages():
    """Those of ResNet-18 at its published size; the first layers differ, because they halve a face of 64 px once."""
    ours = networks(ResNet, blocks=(2, 2, 2, 2), channels=(64, 128, 256, 512)).classifier.state_dict()
    theirs = timm.create_model("resnet18", pretrained=False, num_classes=3, in_chans=3).state_dict()
    stages = {name: t.shape for name, t in theirs.items() if name.startswith(("layer", "fc"))}
    assert stages and stages.items() <= {name: t.shape for name, t in ours.items()}.items()
    assert networks(ResNet).classifier.forward_features(torch.zeros(1, 3, 64, 64)).shape == (1, 16, 4, 4)


@pytest.mark.parametrize(
    ("classifier", "size"), [(MobileNet, {"width": 0.5}), (ResNet, {"channels": (16, 32, 64, 128)})]
)
def test_the_default_is_small(classifier, size):
    names = tuple(map(str, range(35)))
    weights = networks(classifier, attributes=names, **size).classifier.state_dict().values()
    assert sum(t.numel() for t in weights) * 4 < 3e6, "a weight file of at most 3 MB"
    default = classifier.Config().model_dump()
    assert all(default[name] == value for name, value in size.items())


def test_they_share_no_weight_but_the_last_layer_s():
    """Two judges of one architecture can share a mistake: these are two architectures."""
    mobile, residual = (
        {tuple(t.shape) for t in networks(each, **size).classifier.state_dict().values() if t.ndim == 4}
        for each, size in ((MobileNet, {"width": 0.5}), (ResNet, {"channels": (16, 32, 64, 128)}))
    )
    depthwise = {shape for shape in mobile if shape[1] == 1}
    assert depthwise and not any(shape[1] == 1 for shape in residual)


def test_a_first_layer_of_stride_1_sees_twice_the_resolution(images):
    shown = images[:2].float() / 255
    coarse, fine = (networks(stem_stride=stride).classifier for stride in (2, 1))
    assert coarse.forward_features(shown).shape[2:] == (2, 2) and fine.forward_features(shown).shape[2:] == (4, 4)
    weights, same = coarse.state_dict(), fine.state_dict()
    assert weights.keys() == same.keys() and all(torch.equal(weights[name], same[name]) for name in weights)


def test_a_feature_is_its_attribute_with_its_sign(oracle, images):
    assert oracle.attributes == ("bang", "beard", "Bangs", "Male", "No_Beard")
    assert dict(oracle.cuts) == dict.fromkeys(oracle.attributes, 0.0)
    scores = oracle.scores(images, ["beard", "No_Beard", "Bangs", "bang", "Male"])
    assert scores.shape == (70, 5) and scores.dtype == np.float64
    np.testing.assert_array_equal(scores[:, 0], -scores[:, 1])
    np.testing.assert_array_equal(scores[:, 2], scores[:, 3])
    assert len(np.unique(scores[:, 4])) > 1 and not np.array_equal(scores[:, 4], scores[:, 2])


def test_what_carries_the_feature_is_no_other_attribute(oracle):
    assert oracle.non_target("bang") == ("Male", "No_Beard")
    assert oracle.non_target("beard") == ("Bangs", "Male")
    assert oracle.non_target("Male") == ("Bangs", "No_Beard")


@both
def test_a_feature_may_be_an_attribute_itself(images, classifier):
    oracle = classifier(networks(classifier, features={"Male": ("Male", True)}))
    assert oracle.attributes == ("Male", "Bangs", "No_Beard") and oracle.non_target("Male") == ("Bangs", "No_Beard")
    np.testing.assert_array_equal(oracle.scores(images, ["Male"])[:, 0], oracle.scores(images, oracle.attributes)[:, 0])


def test_scores_are_those_of_single_images(oracle, images):
    together = oracle.scores(images, NAMES)
    singles = np.concatenate([oracle.scores(image[None], NAMES) for image in images[:5]])
    np.testing.assert_allclose(together[:5], singles, atol=1e-5)
    np.testing.assert_array_equal(together[:64], oracle.scores(images[:64], NAMES))


@both
def test_without_networks_it_knows_nothing(images, classifier):
    assert classifier().attributes == ()
    name = classifier.__name__
    with pytest.raises(ValueError, match=rf"{name}\(networks=None\) cannot score images: pass trained networks"):
        classifier().scores(images, ["bang"])


@both
def test_its_fields_follow_from_the_data_set(classifier):
    synthfaces = REGISTRY.get("datasets", "synthfaces")()
    fields = classifier().dataset_fields(synthfaces)
    assert fields["image_shape"] == (3, 64, 64) and fields["features"] == FEATURES
    assert len(fields["attributes"]) == 35 and {*NAMES, "Wearing_Hat"} <= set(fields["attributes"])
    assert set(classifier(networks(classifier, **fields)).attributes) >= set(synthfaces.features)


# --- the shipped copies -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mobilenet-synthfaces-a", "mobilenet-synthfaces-b", "resnet-synthfaces"])
def test_a_shipped_oracle_is_accurate(name):
    shipped = observers.load_classifier(REGISTRY, name.split("-")[0], name)
    for feature in FEATURES:
        assert shipped.accuracy[feature]["balanced_accuracy"] >= 0.98 and shipped.accuracy[feature]["n"] == 10_000
    test = REGISTRY.get("datasets", "synthfaces")().split("test")
    attributes = list(shipped.classifier.names)
    labels = shipped.classifier.scores(test.read(np.arange(40)), attributes) >= 0
    truth = test.attributes[attributes].iloc[:40].to_numpy()
    wrong = dict(zip(attributes, (labels != truth).sum(axis=0), strict=True))
    assert max(wrong[name] for name in ("Bangs", "No_Beard", "Male", "Black_Hair", "Wearing_Hat")) <= 1
    assert (labels == truth).mean() > 0.9


def test_the_shipped_copies_are_two():
    a, b = (observers.load_classifier(REGISTRY, "mobilenet", f"mobilenet-synthfaces-{copy}") for copy in "ab")
    assert a.sha256 != b.sha256


# --- training and its measure -------------------------------------------------------------------------


def toy(count):
    """Return images whose upper half is red for Bangs, and whose lower half is blue for No_Beard; Male is a coin."""
    rng = np.random.default_rng(count)
    truth = rng.random((count, 3)) < 0.5
    pixels = rng.integers(0, 100, (count, 3, 64, 64))
    pixels[truth[:, 0], 0, :32] += 100
    pixels[truth[:, 2], 2, 32:] += 100
    return torch.from_numpy(pixels.astype(np.uint8)), pd.DataFrame(truth, columns=NAMES)


@both
def test_it_learns_what_can_be_seen_and_measures_it(classifier):
    made = networks(classifier, lr=1e-2)
    made.classifier.train().requires_grad_(True)
    images, frame = toy(96)
    targets, optimisers = torch.tensor(frame.to_numpy(dtype=np.float32)), classifier().optimisers(made)
    for step in range(60):
        rows = torch.arange(32) + 32 * (step % 3)
        batch = Batch(images[rows].float() / 255, targets[rows], NAMES)
        classifier().training_step(made, optimisers, batch, torch.Generator().manual_seed(step), step / 60)
    made.classifier.eval().requires_grad_(False)
    held_out = toy(201)
    split = Split(held_out[1], lambda indices: held_out[0][torch.from_numpy(indices)], "toy")
    found = classifier().assess(made, SimpleNamespace(split={"test": split}.__getitem__))["accuracy"]
    assert list(found) == ["bang", "beard", *NAMES] and {entry["n"] for entry in found.values()} == {201}
    assert found["bang"] == found["Bangs"] and found["bang"]["balanced_accuracy"] > 0.95
    assert found["beard"]["balanced_accuracy"] == found["No_Beard"]["balanced_accuracy"] > 0.95
    assert found["beard"]["rate"] == pytest.approx(1 - found["No_Beard"]["rate"])
    assert 0.3 < found["Male"]["balanced_accuracy"] < 0.7, "nothing of it can be seen"
