"""The VDVAE: layer strings, likelihood, bound, sampling, training step, and the published sizes."""

from __future__ import annotations

import itertools
import math
import os
import resource
import sys
import time
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Normal, kl_divergence

from bench.api import Batch
from bench.models.vdvae import mixture
from bench.models.vdvae.architecture import Step, parse_by_resolution, parse_steps
from bench.models.vdvae.config import RAMP
from bench.models.vdvae.objective import Bound, bound, gaussian_kl, kl_weight, training_loss
from bench.registry import Registry
from bench.toolkit.latent import Direction, edited_images
from bench.toolkit.training import build

MODEL = Registry().get("models", "vdvae")
PLUGIN = sys.modules[MODEL.__module__]
# Four resolutions and seven blocks on 16 px; features end at 8 px, so each position holds 2x2 pixels.
MICRO = {
    "image_shape": (3, 16, 16), "width": 16, "custom_widths": "4:24,1:32", "custom_latents": "1:6,4:3,8:2",
    "enc_blocks": "16x1,16d2,8x1,8d2,4d4,1", "dec_blocks": "1x2,4m1,4x2,8m4,8", "mixtures": 3, "open_from": "8:0.5",
    "warmup_steps": 0, "kl_start": 1.0, "min_log_scale": -5.0, "first_log_scale": -5.0,
}  # fmt: skip
LATENTS = 2 * 6 + 3 * 3 * 16 + 2 * 2 * 64


def micro(**changes):
    return build(MODEL(), MODEL.Config(**MICRO | changes), "test")


def opened(**changes):
    networks = micro(**changes)
    networks.generator.opened.fill_(1.0)
    return networks


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def disturbed(networks, by=0.1):
    """Move all weights off their initial values: a zero-initialised prior hides mistakes."""
    for seed, parameter in enumerate(p for module in networks.modules().values() for p in module.parameters()):
        parameter.data += by * normal(*parameter.shape, seed=seed)
    return networks


def blobs(count, shape=(3, 16, 16)):
    """Return 8-bit images in [0, 1]: a bright or dark square on a coloured ground."""
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(count, shape[0], 1, 1, generator=rng).expand(count, *shape).clone()
    for image, (y, x) in zip(images, torch.randint(0, shape[1] // 2, (count, 2), generator=rng).tolist(), strict=True):
        image[:, y : y + shape[1] // 2, x : x + shape[1] // 2] = image.mean().round()
    return (images * 255).round() / 255


def stepper(networks, images):
    """Return a function that takes one training step."""
    model = MODEL()
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers = model.optimisers(networks)
    batch = Batch(images, torch.empty(len(images), 0))

    def step(index, progress=0.0):
        rng = torch.Generator().manual_seed(index)
        return model.training_step(networks, optimisers, batch, rng, progress)

    return SimpleNamespace(step=step, optimisers=optimisers)


# --- layer strings ------------------------------------------------------------------------------------


def test_layer_strings_by_hand():
    assert parse_steps("64x2,64d2,32", "d") == (Step(64, None), Step(64, None), Step(64, 2), Step(32, None))
    assert parse_steps("1x1,4m1", "m") == (Step(1, None), Step(4, 1))
    assert parse_by_resolution("4:128,1:0.5") == {4: 128.0, 1: 0.5}
    assert parse_by_resolution("") == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"enc_blocks": "16y2"}, "'16y2' is no layer: allowed are 32x4, 32 and 32d2"),
        ({"dec_blocks": "1x0"}, "'1x0' is no layer"),
        ({"dec_blocks": "1,4d1"}, "'4d1' is no layer: allowed are 32x4, 32 and 32m2"),
        ({"enc_blocks": "32x1,32d2,16d2,8d2,4d4,1"}, "a block at 32 px follows features of 16 px"),
        ({"enc_blocks": "16d3"}, "16 px cannot be pooled by 3"),
        ({"dec_blocks": "1,2m1,8m2"}, "enc_blocks ends no block at 2 px"),
        ({"dec_blocks": "1,4,8m4"}, "nothing leads to 4 px; write 4m1"),
        ({"dec_blocks": "1,8m4"}, "there are features of {1} px there"),
        ({"custom_widths": "8:64"}, "4 px is narrower than 8 px"),
        ({"custom_widths": "8-64"}, "'8-64' is not RESOLUTION:NUMBER"),
        ({"custom_latents": "8:nan"}, "must be finite"),
        ({"kl_factors": "8:x"}, "kl_factors\n  Value error, '8:x' is not RESOLUTION:NUMBER"),
        ({"open_from": "8:0.99"}, "opens later than"),
        ({"image_shape": (3, 16, 8)}, "as high as wide"),
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


def test_the_command_line_s_comma_lists_are_put_together():
    config = MODEL.Config(**MICRO | {"dec_blocks": ["1x2", "4m1", "4x2", "8m4", 8], "open_from": ["4:0.1", "8:0.5"]})
    assert (config.dec_blocks, config.open_from) == (MICRO["dec_blocks"], "4:0.1,8:0.5")
    assert MODEL.Config(**MICRO | {"custom_latents": ""}).architecture().layers[0].channels == 16


def test_lite_is_as_deep_as_promised():
    networks = MODEL().build(MODEL.Config())
    layers = networks.generator.latent_layers
    assert len(layers) >= 20 and {layer.resolution for layer in layers} == {1, 4, 8, 16, 32}
    assert sum(p.numel() for p in networks.generator.parameters()) >= 1_000_000
    assert networks.generator.noise_dim == networks.generator.latent_dim == layers[-1].stop
    assert all(a.stop == b.start for a, b in itertools.pairwise(layers))


# --- the likelihood -----------------------------------------------------------------------------------


def grey_levels():
    return (torch.arange(256) / 255).reshape(1, 1, 1, 256)


def random_mixture(channels, spread=1.0, mixtures=3, seed=0):
    """Return a mixture for one pixel, with sharp and broad components inside and outside the range."""
    parameters = spread * normal(1, mixture.parameter_count(channels, mixtures), 1, 1, seed=seed)
    parameters[:, mixtures:] -= 1.0
    return mixture.unpack(parameters, channels, mixtures, -7.0)


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 10.0])
def test_probabilities_of_all_grey_levels_sum_to_1(spread):
    for seed in range(5):
        logs = mixture.log_likelihood(random_mixture(1, spread, seed=seed), grey_levels())
        assert logs.isfinite().all()
        assert logs.double().exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_a_colour_s_probability_does_not_change_when_later_colours_are_summed_out():
    colours = random_mixture(3)
    red = mixture.Mixture(colours.logits, colours.means[:, :1], colours.log_scales[:, :1], None)
    everywhere = mixture.Mixture(*(part.expand(*part.shape[:-2], 256, 256) for part in colours))
    levels = torch.arange(256) / 255
    for value in (0, 100, 255):
        images = torch.stack(
            [torch.full((256, 256), value / 255), levels[:, None].expand(256, 256), levels[None].expand(256, 256)]
        )[None]
        total = mixture.log_likelihood(everywhere, images).double().exp().sum().item()
        alone = mixture.log_likelihood(red, torch.full((1, 1, 1, 1), value / 255)).exp().item()
        assert total == pytest.approx(alone, rel=1e-3)


def test_five_bits_are_the_leading_ones():
    images = torch.tensor([0, 7, 8, 255]).reshape(1, 1, 1, 4) / 255
    assert (mixture.levels(images, 5) * 255).round().flatten().tolist() == [0, 0, 8, 248]
    assert torch.equal(mixture.levels(images, 8), images)


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 10.0])
def test_the_mean_is_that_of_the_grey_levels(spread):
    for seed in range(5):
        parts = random_mixture(1, spread, seed=seed)
        weights = mixture.log_likelihood(parts, grey_levels()).double().exp()
        expected = (weights * grey_levels()).sum().item()
        assert mixture.mean_image(parts).item() == pytest.approx(expected, abs=0.5 / 255 + 1e-4)


def test_the_mean_of_three_colours_follows_the_coefficients():
    means, on = torch.tensor([0.2, -0.1, 0.3]), torch.tensor([0.5, -0.4, 0.25])
    parts = mixture.Mixture(
        torch.zeros(1, 1, 1, 1),
        means.reshape(1, 3, 1, 1, 1),
        torch.full((1, 3, 1, 1, 1), -6.0),
        on.reshape(1, 3, 1, 1, 1),
    )
    green = -0.1 + 0.5 * 0.2
    expected = [0.2, green, 0.3 - 0.4 * 0.2 + 0.25 * green]
    torch.testing.assert_close(mixture.mean_image(parts).flatten() * 2 - 1, torch.tensor(expected))


def test_the_mean_is_in_range_and_has_gradients():
    parameters = (4 * normal(8, mixture.parameter_count(3, 5), 6, 6)).requires_grad_(True)
    images = mixture.mean_image(mixture.unpack(parameters, 3, 5, -7.0))
    assert images.shape == (8, 3, 6, 6)
    assert -1e-5 <= images.min().item() <= images.max().item() <= 1 + 1e-5
    images.sum().backward()
    assert parameters.grad.isfinite().all() and (parameters.grad != 0).float().mean() > 0.5


# --- sampling -----------------------------------------------------------------------------------------


def test_shapes_and_layout():
    generator = opened().generator
    noise = normal(5, LATENTS)
    latents, images = generator.sample(noise)
    assert (generator.noise_dim, generator.latent_dim) == (LATENTS, LATENTS)
    assert latents.shape == (5, LATENTS) and images.shape == (5, 3, 16, 16)
    torch.testing.assert_close(latents, noise)  # every prior is N(0, I) before training
    assert [tuple(part.shape[1:]) for part in generator.split(noise)] == [(6, 1, 1)] * 2 + [(3, 4, 4)] * 3 + [
        (2, 8, 8)
    ] * 2
    torch.testing.assert_close(torch.cat([part.flatten(1) for part in generator.split(noise)], dim=1), noise)


def test_sampled_latents_decode_to_the_sampled_images():
    generator = disturbed(opened()).generator
    noise = normal(4, LATENTS)
    latents, images = generator.sample(noise)
    assert not torch.allclose(latents, noise, atol=0.1)
    torch.testing.assert_close(generator.decode(latents, noise), images, atol=1e-5, rtol=0)
    torch.testing.assert_close(generator.decode(latents, normal(4, LATENTS, seed=1)), images, atol=1e-5, rtol=0)
    assert not torch.allclose(generator.decode(latents + 1, noise), images, atol=0.01)


def test_a_bounded_prior_does_not_run_away():
    """Weights this large drive an unbounded prior's samples to infinity, block by block."""
    seen = {}
    for limit in (0.0, 3.0):
        networks = disturbed(opened(prior_bound=limit))
        with torch.no_grad():
            for name, weight in networks.generator.named_parameters():
                if "prior" in name:
                    weight.mul_(6)
            noise = normal(8, LATENTS)
            seen[limit] = networks.generator.sample(noise)[0]
    assert not seen[0.0].abs().max() < 1e3
    assert (seen[3.0].abs() <= 3 + 3 * noise.abs() + 1e-4).all() and seen[3.0].abs().max() > 3


def test_an_ancestor_s_noise_moves_its_descendants_only():
    generator = disturbed(opened()).generator
    first, middle = generator.latent_layers[0], generator.latent_layers[3]
    noise = normal(2, LATENTS)
    other = noise.clone()
    other[:, middle.start : middle.stop] += 1
    changed = (generator.sample(noise)[0] - generator.sample(other)[0]).abs().amax(dim=0)
    assert (changed[: middle.start] == 0).all() and (changed[middle.start : middle.stop] > 0).all()
    assert (changed[middle.stop :] > 0).any() and first.stop <= middle.start


def test_same_noise_same_image_whatever_the_batch():
    generator = disturbed(opened()).generator
    noise = normal(5, LATENTS)
    images = generator(noise)
    assert torch.equal(generator(noise), images)
    singles = torch.cat([generator(row[None]) for row in noise])
    torch.testing.assert_close(images, singles, atol=1e-5, rtol=0)


def test_pixels_are_where_the_likelihood_takes_them_to_be():
    generator = micro().generator
    images = 0.1 + 0.8 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    k = 3
    parameters = torch.zeros(2, mixture.parameter_count(3, k), 4 * 8, 8)
    parameters[:, k:].reshape(2, 3, 3 * k, 32, 8)[:, :, :k] = (generator.rearrange(images) * 2 - 1).unsqueeze(2)
    parameters[:, k:].reshape(2, 3, 3 * k, 32, 8)[:, :, k : 2 * k] = -7.0
    torch.testing.assert_close(generator.image(parameters), images, atol=2e-3, rtol=0)


def test_latents_open_on_schedule_and_stay_open():
    generator = disturbed(micro()).generator
    fine = generator.latent_layers[-1]
    noise = normal(3, LATENTS)
    other = noise.clone()
    other[:, fine.start : fine.stop] += 1
    assert generator.gates() == [1.0] * 5 + [0.0] * 2
    assert torch.equal(generator(noise), generator(other))
    generator.opened.fill_(0.5 + RAMP / 4)
    assert generator.gates()[-1] == pytest.approx(0.25)
    generator.opened.fill_(0.5 + RAMP)
    assert generator.gates() == pytest.approx([1.0] * 7)
    assert not torch.allclose(generator(noise), generator(other), atol=1e-4)


def test_the_likelihoods_floor_falls_on_schedule():
    generator = micro(first_log_scale=-2.0, min_log_scale=-4.0, fall_from=0.4, fall_until=0.8).generator
    for opened_by, floor in ((0.0, -2.0), (0.4, -2.0), (0.5, -2.5), (0.6, -3.0), (0.8, -4.0), (1.0, -4.0)):
        generator.opened.fill_(opened_by)
        assert generator.log_scale_floor() == pytest.approx(floor)
    at_once = micro(first_log_scale=-2.0, min_log_scale=-4.0, fall_from=0.5, fall_until=0.5).generator
    assert at_once.log_scale_floor() == -2.0
    at_once.opened.fill_(0.5)
    assert at_once.log_scale_floor() == -4.0
    with pytest.raises(ValidationError, match="fall_until 0.1 lies before fall_from 0.35"):
        MODEL.Config(fall_until=0.1)


def test_training_on_starts_with_everything_open():
    networks = opened(kl_start=0.5, kl_until=0.5, first_log_scale=-2.0)
    step = stepper(networks, blobs(2)).step(0, progress=0.0)
    assert networks.generator.gates() == [1.0] * 7 and networks.generator.log_scale_floor() == -5.0
    assert step["loss"] == pytest.approx(step["bits_per_dim"] * math.log(2)), "the KL divergence has its full weight"
    closed = micro()
    stepper(closed, blobs(2)).step(0, progress=0.3)
    assert closed.generator.opened.item() == pytest.approx(0.3)


def test_the_teacher_is_edited_in_latent_space():
    generator = disturbed(opened()).generator.requires_grad_(False)
    direction = Direction(LATENTS)
    direction.unit[0] = 1.0
    direction.length.fill_(1.0)
    noise = normal(8, LATENTS)
    images, flagged = edited_images(generator, direction, noise)
    original = generator(noise)
    assert 0 < flagged.sum() < 8
    assert torch.equal(images[~flagged], original[~flagged])
    assert (images[flagged] - original[flagged]).abs().amax() > 1e-4


def test_grey_images_and_official_structure():
    grey = disturbed(opened(image_shape=(1, 16, 16), learned_jumps=0, no_bias_above=4)).generator
    images = grey(normal(2, LATENTS))
    assert images.shape == (2, 1, 16, 16) and len(grey.bias_xs) == 2 and len(grey.learned) == 0


# --- the bound ----------------------------------------------------------------------------------------


def test_kl_is_the_closed_form():
    q_mean, q_log, p_mean, p_log = normal(4, 200).unbind(0)
    expected = kl_divergence(Normal(q_mean, q_log.exp()), Normal(p_mean, p_log.exp()))
    torch.testing.assert_close(gaussian_kl(q_mean, q_log, p_mean, p_log), expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(gaussian_kl(q_mean, q_log, q_mean, q_log), torch.zeros(200))


def test_the_bound_per_image_does_not_depend_on_the_batch():
    networks = disturbed(opened())
    images, noise = blobs(4), normal(4, LATENTS)
    with torch.no_grad():
        together = bound(networks.generator, networks.encoder, images, noise)
        singles = [
            bound(networks.generator, networks.encoder, images[i : i + 1], noise[i : i + 1]).bits_per_dimension()
            for i in range(4)
        ]
    assert set(together.rates) == {1, 4, 8} and together.dimensions == 768
    torch.testing.assert_close(together.bits_per_dimension(), torch.cat(singles), atol=1e-4, rtol=0)


def test_closed_resolutions_cost_nothing():
    networks = micro()
    parts = bound(networks.generator, networks.encoder, blobs(2), normal(2, LATENTS))
    assert set(parts.rates) == {1, 4}


def test_bits_per_dimension_by_hand():
    parts = Bound(torch.tensor([math.log(2) * 30]), {1: torch.tensor([math.log(2) * 6]), 4: torch.tensor([0.0])}, 12)
    assert parts.bits_per_dimension().item() == pytest.approx(3)


def test_weights_of_the_training_loss():
    parts = Bound(torch.tensor([10.0, 30.0]), {1: torch.tensor([1.0, 3.0]), 4: torch.tensor([6.0, 6.0])}, 10)

    def loss(progress=0.0, **fields):
        return training_loss(parts, MODEL.Config(**MICRO | fields), progress).item()

    assert loss() == pytest.approx((20 + 2 + 6) / 10)
    assert loss(free_nats="1:5,4:5") == pytest.approx((20 + 5 + 6) / 10)
    assert loss(kl_factors="1:0.5,32:0.1") == pytest.approx((20 + 1 + 6) / 10)
    assert loss(kl_start=0.5, kl_until=0.5) == pytest.approx((20 + 4) / 10)
    assert loss(0.25, kl_start=0.5, kl_until=0.5) == pytest.approx((20 + 6) / 10)
    assert kl_weight(MODEL.Config(kl_start=0.5, kl_until=0.5), 0.9) == 1
    falling = MODEL.Config(kl_start=0.5, kl_end=0.1, kl_until=0.5)
    assert [kl_weight(falling, progress) for progress in (0, 0.25, 0.5, 1)] == pytest.approx([0.5, 0.3, 0.1, 0.1])
    shares = 2 * 2 / 8 * 2 + 2 * 6 / 8 * 6  # each rate times its share of the whole, mean share 1
    assert loss(kl_start=0.5, kl_until=0.5, kl_balance=True) == pytest.approx((20 + 0.5 * shares) / 10)
    assert loss(0.6, kl_start=0.5, kl_until=0.5, kl_balance=True) == pytest.approx(2.8)


# --- training -----------------------------------------------------------------------------------------


def test_the_bound_falls_in_training():
    training = stepper(opened(lr=3e-3, decay_from=1.0), blobs(16))
    bits = [training.step(i)["bits_per_dim"].item() for i in range(25)]
    assert all(map(math.isfinite, bits))
    assert bits[0] == pytest.approx(8, abs=2)  # as good as a guess before training
    assert sum(bits[-3:]) / 3 < bits[0] - 0.5


def test_the_deployed_networks_are_the_moving_average():
    networks = opened(average=0.9, decay_from=1.0)
    training = stepper(networks, blobs(2))
    before = deepcopy(networks.generator.gain)
    expected = before.detach().clone()
    for i in range(4):
        training.step(i)
        decay = min(0.9, (i + 1) / (i + 11))
        expected = decay * expected + (1 - decay) * training.optimisers["live generator"].gain.detach()
    torch.testing.assert_close(networks.generator.gain.detach(), expected)
    assert not torch.allclose(expected, before)


def test_a_step_in_bfloat16():
    exact, rounded = (stepper(opened(bfloat16=b), blobs(4)).step(0)["bits_per_dim"] for b in (False, True))
    assert rounded.dtype == torch.float32 and rounded.item() == pytest.approx(exact.item(), abs=0.1)


def test_an_exploding_gradient_is_skipped():
    networks = opened(skip_threshold=1e-9)
    before = deepcopy(networks.generator.state_dict())
    training = stepper(networks, blobs(2))
    live = deepcopy(training.optimisers["live generator"].state_dict())
    for i in range(2):
        values = training.step(i)
        assert values["skipped"] == i + 1 and values["bits_per_dim"].isfinite()
    assert all(torch.equal(before[n], t) for n, t in networks.generator.state_dict().items())
    assert all(torch.equal(live[n], t) for n, t in training.optimisers["live generator"].state_dict().items())


def test_a_step_without_a_number_is_skipped_and_many_end_the_training():
    networks = opened()
    training = stepper(networks, torch.full((2, 3, 16, 16), math.nan))
    values = training.step(0)
    assert values["skipped"] == 1 and "loss" not in values
    assert all(value.isfinite() for value in values.values())
    training.optimisers["counters"].skipped.fill_(PLUGIN.PATIENCE - 1)
    assert not training.step(1)["gradient_norm"].isfinite()
    assert all(p.isfinite().all() for p in training.optimisers["live generator"].parameters())


def test_training_resumes_to_the_last_bit():
    whole, half = stepper(micro(), blobs(4)), stepper(micro(), blobs(4))
    for i in range(4):
        whole.step(i, i / 4)
    for i in range(2):
        half.step(i, i / 4)
    resumed = stepper(micro(), blobs(4))
    for name, part in half.optimisers.items():
        resumed.optimisers[name].load_state_dict(deepcopy(part.state_dict()))
    for i in (2, 3):
        resumed.step(i, i / 4)
    for name in ("live generator", "live encoder", "counters"):
        ended = resumed.optimisers[name].state_dict()
        assert all(torch.equal(ended[n], t) for n, t in whole.optimisers[name].state_dict().items()), name


def test_the_learning_rate_rises_and_falls():
    config = MODEL.Config(lr=1.0, warmup_steps=9, decay_from=0.5)
    assert PLUGIN.learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert PLUGIN.learning_rate(config, 50, 0.5) == pytest.approx(1)
    assert PLUGIN.learning_rate(config, 50, 0.75) == pytest.approx(0.5)
    never = MODEL.Config(lr=1.0, decay_from=1.0)
    assert PLUGIN.learning_rate(never, 500, 0.999) == pytest.approx(1)


def test_unlearning_needs_the_generator_only():
    networks = opened()
    assert not any("posterior" in name for name in networks.generator.state_dict())
    generator = networks.generator.requires_grad_(True)
    generator(normal(2, LATENTS)).sum().backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None] == []


# --- the published sizes ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "gigabytes"), [("imagenet64", 8), ("ffhq256", 14)])
def test_a_step_at_a_published_size(preset, gigabytes, capsys):
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    if free < gigabytes:
        pytest.skip(f"needs about {gigabytes} GB of free memory, {free:.1f} are free")
    config = MODEL.Config(preset=preset, batch_size=1)
    training = stepper(build(MODEL(), config, "test"), blobs(1, config.image_shape))
    weight = training.optimisers["live generator"].gain
    before, began = weight.detach().clone(), time.perf_counter()
    values = training.step(0)
    took, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    with capsys.disabled():
        sys.stdout.write(
            f"\n{preset}: one step of batch 1 took {took:.0f} s on {torch.get_num_threads()} thread(s), peak memory "
            f"{peak:.1f} GB, {values['bits_per_dim']:.2f} bits per dimension\n"
        )
    assert values["bits_per_dim"].isfinite() and values["skipped"] == 0
    assert not torch.equal(weight.detach(), before)
