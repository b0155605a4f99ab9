"""A VDVAE's configuration: layer strings, and the published sizes."""

from __future__ import annotations

import itertools

import pytest
import torch
from pydantic import ValidationError
from vdvae_toys import MICRO, MODEL

from bench.models.vdvae.architecture import Step, parse_by_resolution, parse_steps
from bench.workspace.settings import values


def test_layer_strings_by_hand():
    assert parse_steps("64x2,64d2,32", "d") == (Step(64, None), Step(64, None), Step(64, 2), Step(32, None))
    assert parse_steps("1x1,4m1", "m") == (Step(1, None), Step(4, 1))
    assert parse_by_resolution("4:128,1:0.5") == {4: 128.0, 1: 0.5}
    assert parse_by_resolution("") == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enc_blocks": "16y2"}, "'16y2' is not a layer: write 32x4, 32 or 32d2"),
        ({"dec_blocks": "1x0"}, "'1x0' is not a layer"),
        ({"dec_blocks": "1,4d1"}, "'4d1' is not a layer: write 32x4, 32 or 32m2"),
        ({"enc_blocks": "32x1,32d2,16d2,8d2,4d4,1"}, "a block at 32 px follows features of 16 px"),
        ({"enc_blocks": "16d3"}, "16 px cannot be pooled by 3"),
        ({"dec_blocks": "1,2m1,8m2"}, "enc_blocks needs a block that ends at 2 px"),
        ({"dec_blocks": "1,4,8m4"}, "the first block at 4 px must start from other features; write 4m1"),
        ({"dec_blocks": "1,8m4"}, "must start from features that exist there, {1} px"),
        ({"custom_widths": "8:64"}, "4 px needs at least as many channels as 8 px"),
        ({"custom_widths": "8-64"}, "'8-64' is not RESOLUTION:NUMBER"),
        ({"custom_latents": "8:nan"}, "must be finite"),
        ({"kl_factors": "8:x"}, "kl_factors\n  Value error, '8:x' is not RESOLUTION:NUMBER"),
        ({"open_from": "8:0.99"}, "the share must be at most 0.9"),
        ({"image_shape": (3, 16, 8)}, "needs 1 or 3 channels, and H = W"),
        ({"image_shape": (3, 32, 32)}, "image_shape is 32 px wide"),
        ({"preset": "ffhq512"}, "Input should be 'lite'"),
        ({"widht": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_wrong_architecture_says_what_is_wrong(changes, message):
    with pytest.raises(ValidationError) as caught:
        MODEL.Config(**MICRO | changes)
    assert message in str(caught.value)


# Parameters as openai/vdvae's README states them (millions); stochastic blocks as its layer strings add up.
PUBLISHED = {"imagenet32": (119, 78), "imagenet64": (125, 75), "ffhq256": (115, 66), "cifar10": (39, 43)}


@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_published_size_is_the_published_one(preset):
    with torch.device("meta"):
        networks = MODEL().build(MODEL.Config(preset=preset))
    parameters = sum(p.numel() for module in networks.modules().values() for p in module.parameters())
    assert (round(parameters / 1e6), len(networks.generator.latent_layers)) == PUBLISHED[preset]
    assert networks.generator.factor == 1 and networks.generator.open_from == {}
    names = {*networks.generator.state_dict(), *networks.encoder.state_dict()}
    assert {
        "opened", "gain", "bias", "bias_xs.0", "out_net.out_conv.weight", "dec_blocks.0.prior.c4.bias",
        "dec_blocks.0.z_proj.weight", "dec_blocks.0.resnet.c1.weight", "posteriors.0.c1.weight", "in_conv.weight",
        "enc_blocks.0.c2.weight",
    } <= names  # fmt: skip
    assert not any("learned" in name for name in names)


def test_fields_override_a_preset():
    config = MODEL.Config(preset="imagenet64", lr=0.5)
    assert (config.lr, config.width, config.skip_threshold, config.open_from) == (0.5, 512, 380.0, "")
    assert MODEL.Config.model_validate(config.model_dump(mode="json")) == config


def test_commas_typed_for_a_layer_string_belong_to_it():
    typed = {"dec_blocks": MICRO["dec_blocks"], "open_from": "4:0.1,8:0.5", "custom_latents": ""}
    config = MODEL.Config(**MICRO | values.values_of(MODEL.Config, typed, "-p"))
    assert {name: getattr(config, name) for name in typed} == typed
    assert config.architecture().layers[0].channels == 16


def test_lite_is_as_deep_as_promised():
    networks = MODEL().build(MODEL.Config())
    layers = networks.generator.latent_layers
    assert len(layers) >= 20 and {layer.resolution for layer in layers} == {1, 4, 8, 16, 32}
    assert sum(p.numel() for p in networks.generator.parameters()) >= 1_000_000
    assert networks.generator.noise_dim == networks.generator.latent_dim == layers[-1].stop
    assert all(a.stop == b.start for a, b in itertools.pairwise(layers))
