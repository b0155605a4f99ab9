"""Weights written before identifiers and extractors had their names are read as before."""

import json
from copy import deepcopy

import pytest
import torch
from pydantic import ValidationError

from bench.api import Networks, Unlearned
from bench.errors import CheckpointError
from bench.registry import Registry
from bench.toolkit.latent import Direction
from bench.toolkit.training import build
from bench.workspace import manifest
from bench.workspace.weights import checkpoint, loading, observers, saving


def test_an_extractor_stored_as_a_classifier_is_read(tmp_path):
    """As files of version 0.1 have it."""
    shipped, path = checkpoint.read(manifest.path_of("digits")), tmp_path / "digits.safetensors"
    assert shipped.kind == "extractor"
    checkpoint.save(path, "classifier", "digits", shipped.description, shipped.tensors)
    extractor, sha256 = observers.load_extractor(Registry(), "digits", path)
    assert (type(extractor), sha256) == (Registry().get("extractors", "digits"), checkpoint.read(path).sha256)


def test_an_extractor_is_stored_as_one_and_a_classifier_is_not_taken_for_one(tmp_path):
    plugin = Registry().get("extractors", "digits")()
    networks = build(plugin, plugin.Config(embedding_dim=8), "test")
    path = tmp_path / "digits.safetensors"
    saving.save_networks(path, "extractor", "digits", networks, {})
    extractor, _ = observers.load_extractor(Registry(), "digits", path)
    assert extractor.outputs(torch.rand(2, 1, 28, 28))[0].shape == (2, 8)
    with pytest.raises(CheckpointError, match="holds the extractor 'digits', not the classifier 'mobilenet'"):
        observers.load_classifier(Registry(), "mobilenet", str(path))


def test_weights_of_another_architecture_are_refused(tmp_path):
    """An extractor that was trained with version 0.1 has another network."""
    shipped, path = checkpoint.read(manifest.path_of("digits")), tmp_path / "digits.safetensors"
    older = {**shipped.description["config"], "feature_dim": 64}
    checkpoint.save(path, "extractor", "digits", {**shipped.description, "config": older}, shipped.tensors)
    with pytest.raises(CheckpointError, match=r"does not fit this version of 'digits' \(feature_dim: unknown field\)"):
        observers.load_extractor(Registry(), "digits", path)


@pytest.mark.parametrize(("kind", "name"), [("models", "vdvae"), ("methods", "retrain")])
def test_a_removed_field_is_read_where_it_was_off(kind, name):
    config = Registry().get(kind, name).Config
    assert config.removed_fields and not config.removed_fields.keys() & config.model_fields.keys()
    older = {**config().model_dump(mode="json"), **config.removed_fields}
    assert config.model_validate(older) == config()
    for field in config.removed_fields:
        with pytest.raises(ValidationError, match=f"{field}\n.*Extra inputs are not permitted"):
            config.model_validate({**older, field: "1:5"})


def test_weights_of_a_removed_field_that_was_on_are_refused(tmp_path):
    stored, path = checkpoint.read(manifest.path_of("vdvae-synthfaces")), tmp_path / "balanced.safetensors"
    assert {"kl_balance", "free_nats"} <= stored.description["config"].keys(), (
        "shipped weights store their whole config"
    )
    assert "kl_balance" not in loading.load_original(Registry(), "vdvae-synthfaces").networks.config.model_dump()
    described = {**stored.description, "config": {**stored.description["config"], "kl_balance": True}}
    checkpoint.save(path, "model", "vdvae", described, stored.tensors)
    with pytest.raises(CheckpointError, match=r"(?s)balanced\.safetensors: its configuration .*kl_balance"):
        loading.load_original(Registry(), path)


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


def test_weights_of_an_option_that_had_no_effect_are_read(bars, tmp_path):
    ours = bars.registry.get("methods", "ours")
    path, made = tmp_path / "unlearned.safetensors", Unlearned(deepcopy(bars.original.generator), Direction(6))
    saving.save_unlearned(path, bars.original, made, "ours", ours.Config(alpha=2.0), None)
    stored = checkpoint.read(path)
    described = {**stored.description, "params": {**stored.description["params"], "penalty": 0.5, "lora_layers": 2}}
    checkpoint.save(path, "unlearned", "bars", described, stored.tensors)
    assert loading.load_unlearned(bars.registry, path).identifier is not None


def test_the_old_name_of_the_identifier_warns():
    unlearned = Unlearned(Networks(None).generator, torch.nn.Identity())
    with pytest.warns(DeprecationWarning, match="Unlearned.score is called Unlearned.identifier"):
        assert unlearned.score is unlearned.identifier
