"""Weights written before identifiers and extractors had their names are read as before."""

import json
from copy import deepcopy

import pytest
import torch

from bench.api import Networks, Unlearned
from bench.errors import CheckpointError
from bench.registry import Registry
from bench.toolkit.latent import Direction
from bench.toolkit.training import build
from bench.workspace import checkpoint, loading, manifest, saving


def test_shipped_extractors_are_stored_as_classifiers_and_load():
    for name in ("digits", "faces"):
        stored = checkpoint.read(manifest.path_of(name))
        assert stored.kind == "classifier" and stored.holds("extractor", name)
        extractor, sha256 = loading.load_extractor(Registry(), name, name)
        assert (type(extractor), sha256) == (Registry().get("extractors", name), stored.sha256)


def test_an_extractor_is_stored_as_one_and_a_classifier_is_not_taken_for_one(tmp_path):
    plugin = Registry().get("extractors", "digits")()
    networks = build(plugin, plugin.Config(embedding_dim=8), "test")
    path = tmp_path / "digits.safetensors"
    saving.save_networks(path, "extractor", "digits", networks, {})
    extractor, _ = loading.load_extractor(Registry(), "digits", path)
    assert extractor.outputs(torch.rand(2, 1, 28, 28))[0].shape == (2, 8)
    with pytest.raises(CheckpointError, match="holds the extractor 'digits', not the classifier 'mobilenet'"):
        loading.load_classifier(Registry(), "mobilenet", str(path))


def test_the_embedding_of_older_weights_has_its_length():
    config = Registry().get("extractors", "digits").Config
    assert config.model_validate({"feature_dim": 8}) == config(embedding_dim=8)
    assert "feature_dim" not in config().model_dump() and config().embedding_dim == 64


def test_an_identifier_stored_as_score_is_read(bars, tmp_path):
    """As files of version 0.1 have it."""
    ours = bars.registry.get("methods", "ours")
    direction = Direction(6)
    direction.unit[2], direction.threshold = 1.0, torch.tensor(0.25)
    path = tmp_path / "unlearned.safetensors"
    made = Unlearned(deepcopy(bars.original.generator), direction)
    saving.save_unlearned(path, bars.original, made, "ours", ours.Config(), None)
    stored = checkpoint.read(path)
    assert {name.partition(".")[0] for name in stored.tensors} == {"generator", "identifier"}
    older = {name.replace("identifier.", "score."): tensor for name, tensor in stored.tensors.items()}
    checkpoint.save(path, "unlearned", "bars", json.loads(json.dumps(stored.description)), older)
    found = loading.load_unlearned(bars.registry, path).identifier
    assert found is not None and torch.equal(found.unit, direction.unit) and float(found.threshold) == 0.25


def test_the_old_name_of_the_identifier_warns():
    unlearned = Unlearned(Networks(None).generator, torch.nn.Identity())
    with pytest.warns(DeprecationWarning, match="Unlearned.score is called Unlearned.identifier"):
        assert unlearned.score is unlearned.identifier
