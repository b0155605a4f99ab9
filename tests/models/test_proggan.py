from __future__ import annotations

import math
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bench.api import Batch
from bench.core import randomness
from bench.models.proggan.equalised import (
    EqualisedConv2d,
    EqualisedLinear,
    downsample,
    minibatch_deviation,
    pixel_norm,
    upsample,
)
from bench.models.proggan.progressive import channel_widths, level_at, top_level
from bench.registry import Registry
from bench.toolkit.adversarial import gradient_penalty, logistic_loss, wasserstein_loss
from bench.toolkit.training import build
from bench.workspace import loading, saving

ProgGAN = Registry().get("models", "proggan")
MICRO = {"image_shape": (3, 16, 16), "latent_dim": 8, "fmap_base": 16, "fmap_max": 8, "batch_size": 8}
BOTH_LOSSES = pytest.mark.parametrize("loss", ["r1", "wgan-gp"])


def new(level: float | None = None, **settings):
    """Return a model, its networks in train mode and its optimisers; at a level, which is 0 if not given."""
    model = ProgGAN()
    networks = build(model, ProgGAN.Config(**(MICRO | settings)), "test")
    if level is not None:
        networks.generator.level = networks.discriminator.level = level
    return SimpleNamespace(model=model, networks=networks, optimisers=model.optimisers(networks))


def images(count=8, size=16):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def noise(count=5, dim=8):
    return randomness.draw("test", range(count), dim)


BATCH = Batch(images(), torch.empty(0))


def train(made, steps, first=0, total=8):
    """Train on the same images, with each step's own random generator; return the last losses."""
    for step in range(first, first + steps):
        losses = made.model.training_step(
            made.networks, made.optimisers, BATCH, randomness.generator("t", step), step / total
        )
    return losses


# --- the generator ------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0, 1.25, 2.0])
def test_images_have_full_size_at_every_level(level):
    made = new(level)
    generator, critic = made.networks.generator, made.networks.discriminator
    drawn = generator(noise())
    assert drawn.shape == (5, 3, 16, 16) and drawn.dtype == torch.float32 and drawn.is_contiguous()
    assert generator.signed(noise()).shape[-1] == 4 * 2 ** math.ceil(level)
    assert critic(drawn).shape == (5,) and critic.prepare(drawn).shape == generator.signed(noise()).shape


@pytest.mark.parametrize(("size", "channels"), [(4, 1), (8, 3), (32, 1)])
def test_other_sizes(size, channels):
    made = new(image_shape=(channels, size, size))
    made.networks.generator.level = float(made.networks.generator.top)
    assert made.networks.generator(noise()).shape == (5, channels, size, size)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 16, 8), (0, 16, 16), (3, 2048, 2048), (3, 2, 2)])
def test_a_size_it_cannot_have_is_refused(shape):
    with pytest.raises(ValidationError, match="must have H = W in"):
        ProgGAN.Config(image_shape=shape)


def test_same_noise_same_image_whatever_the_batch():
    generator = new(2.0).networks.generator.eval()
    drawn = generator(noise())
    assert torch.equal(drawn, generator(noise()))
    assert torch.allclose(drawn, torch.cat([generator(row[None]) for row in noise()]), atol=1e-5)
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-2)


def test_the_latent_is_normalised():
    generator = new(2.0).networks.generator
    assert torch.allclose(generator(noise()), generator(7.5 * noise()), atol=1e-5)


def test_default_sizes():
    networks = build(ProgGAN(), ProgGAN.Config(), "test")
    assert networks.generator.image_shape == (3, 64, 64) and networks.generator.latent_dim >= 128
    assert sum(p.numel() for p in networks.generator.parameters()) == 1_141_999


def test_published_widths():
    assert channel_widths(1024, 8192, 512) == (512, 512, 512, 512, 256, 128, 64, 32, 16)
    assert [top_level(size) for size in (4, 64, 1024)] == [0, 4, 8]


@pytest.mark.parametrize("level", [1, 2])
def test_fade_in(level):
    generator = new().networks.generator
    generator.level = level - 1.0
    lower = upsample(generator.signed(noise()))
    generator.level = level - 1 + 1e-9
    assert torch.allclose(generator.signed(noise()), lower, atol=1e-6)
    generator.level = float(level)
    before = generator.signed(noise())
    generator.level = level - 0.25
    assert torch.allclose(generator.signed(noise()), torch.lerp(lower, before, 0.75), atol=1e-5)
    generator.level = float(level)
    nn.init.normal_(generator.to_rgb[level - 1].weight, 5.0)
    assert torch.equal(generator.signed(noise()), before), "at alpha 1 it depends on the lower resolution's colours"


@pytest.mark.parametrize("level", [1, 2])
def test_fade_in_of_the_discriminator(level):
    critic = new().networks.discriminator
    critic.level = level - 1.0
    below, lower = critic(images()), critic.prepare(images())
    critic.level = level - 1 + 1e-9
    assert torch.allclose(critic.prepare(images()), upsample(lower), atol=1e-6)
    assert torch.allclose(critic(images()), below, atol=1e-5)
    critic.level = float(level)
    scores = critic(images())
    nn.init.normal_(critic.from_rgb[level - 1].weight, 5.0)
    assert torch.equal(critic(images()), scores)


def test_reals_are_pooled():
    critic = new(1.0).networks.discriminator
    assert torch.allclose(critic.prepare(images()), 2 * downsample(images()) - 1, atol=1e-6)


# --- layers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sizes", "fan_in"), [(EqualisedConv2d, (32, 64, 3), 32 * 9), (EqualisedLinear, (256, 64), 256)]
)
@torch.no_grad()
def test_equalised_learning_rate(kind, sizes, fan_in):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = kind(*sizes)
    assert layer.scale == pytest.approx(math.sqrt(2 / fan_in))
    assert abs(layer.weight.mean()) < 0.03 and layer.weight.std() == pytest.approx(1, abs=0.03)
    assert not layer.bias.any()
    x = torch.randn(2, sizes[0], *layer.weight.shape[2:], generator=torch.Generator().manual_seed(0))
    centre = layer(x)[:, :, 1, 1] if kind is EqualisedConv2d else layer(x)
    assert torch.allclose(centre, x.flatten(1) @ layer.weight.flatten(1).T * math.sqrt(2 / fan_in), atol=1e-4)


def test_a_convolution_after_upsampling_in_one():
    layer = EqualisedConv2d(6, 5, 3)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer.upsampled(x), layer(upsample(x)), atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 7), (4, 7, 3, 3)])
def test_pixel_norm_has_unit_rms(shape):
    x = 100 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(pixel_norm(x).square().mean(1), torch.ones(1), atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 4, 7, 8, 12])
def test_minibatch_deviation_of_any_batch(count):
    x = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    appended = minibatch_deviation(x, 4)
    assert appended.shape == (count, 4, 4, 4) and torch.equal(appended[:, :3], x)
    assert (appended[:, 3] == appended[:, 3, :1, :1]).all()
    assert minibatch_deviation(x[:1].expand(count, -1, -1, -1), 4)[:, 3].abs().max() <= 1.01e-4  # sqrt(epsilon)


def test_minibatch_deviation_by_hand():
    x = torch.tensor([0.0, 10.0, 2.0, 10.0]).view(4, 1, 1, 1).expand(4, 2, 4, 4)
    assert torch.allclose(minibatch_deviation(x, 2)[:, -1, 0, 0], torch.tensor([1.0, 0, 1, 0]), atol=2e-4)
    assert torch.allclose(minibatch_deviation(x[:3], 2)[:, -1], x[:3, 0, 0, 0].std(correction=0))


# --- losses -------------------------------------------------------------------------------------------


def linear_critic(norm):
    direction = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0))
    direction *= norm / direction.norm()
    return lambda x: (x * direction).sum((1, 2, 3))


@pytest.mark.parametrize("norm", [0.0, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(norm):
    rng = torch.Generator().manual_seed(0)
    assert float(gradient_penalty(linear_critic(norm), images(), -images(), rng)) == pytest.approx(
        (norm - 1) ** 2, abs=1e-5
    )


def test_losses_of_a_linear_critic():
    critic, rng = linear_critic(3.0), torch.Generator().manual_seed(0)
    score = critic(images())
    wasserstein = wasserstein_loss(critic, images(), -images(), rng, weight=10, drift=0.5)
    assert torch.allclose(wasserstein, -2 * score.mean() + 0.5 * score.square().mean() + 10 * 4, atol=1e-3)
    plain = logistic_loss(critic, images(), -images(), 0.0)
    assert torch.allclose(plain, 2 * torch.log1p(torch.exp(-score)).mean(), atol=1e-4)
    assert torch.allclose(logistic_loss(critic, images(), -images(), 0.25), plain + 0.25 * 9, atol=1e-4)


def test_r1_is_paid_for_every_few_steps(monkeypatch):
    weights = []

    def recorded(critic, reals, fakes, weight):
        weights.append(weight)
        return logistic_loss(critic, reals, fakes, weight)

    monkeypatch.setitem(ProgGAN.training_step.__globals__, "logistic_loss", recorded)
    made = new(gamma=2.0, penalty_every=3)
    train(made, 7)
    assert weights == [3.0, 0, 0, 3.0, 0, 0, 3.0]


# --- the schedule -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("progress", "level"),
    [(0, 0), (0.0624, 0), (0.09375, 0.5), (0.125, 1), (0.1874, 1), (0.25, 2), (0.46875, 3.5), (0.5, 4), (0.99, 4)],
)
def test_each_resolution_fades_in_and_is_trained_on(progress, level):
    assert level_at(progress, top=4, growth=0.5, fade=0.5) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("top", [0, 1, 4, 8])
@pytest.mark.parametrize("fade", [0.1, 0.5, 1.0])
def test_the_schedule_never_falls_and_ends_at_the_top(top, fade):
    levels = [level_at(i / 1000, top, 0.7, fade) for i in range(1000)]
    assert levels == sorted(levels) and levels[0] == 0 and levels[700:] == [top] * 300
    assert max(b - a for a, b in zip(levels, levels[1:], strict=False)) <= top / 0.7 / 1000 / fade + 1e-9


# --- training -----------------------------------------------------------------------------------------


@BOTH_LOSSES
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_moves_the_weights_and_stays_finite(loss, precision):
    made = new(loss=loss, precision=precision)
    before = {name: deepcopy(module.state_dict()) for name, module in made.networks.modules().items()}
    losses = train(made, 8)
    assert all(torch.isfinite(value) for value in losses.values())
    for name, module in made.networks.modules().items():
        for key, tensor in module.state_dict().items():
            assert torch.isfinite(tensor).all() and tensor.dtype in (torch.float32, torch.float64)
            assert not torch.equal(tensor, before[name][key]), f"{name}.{key} was never trained"
    assert made.networks.generator.level == made.networks.discriminator.level == 2


def test_the_generator_that_is_kept_is_the_moving_average():
    made = new(average=0.75)
    for step in range(4):
        before = [p.clone() for p in made.networks.generator.parameters()]
        train(made, 1, first=step)
        decay = min(0.75, (1 + step) / (10 + step))
        pairs = zip(before, made.networks.generator.parameters(), made.optimisers["live"].parameters(), strict=True)
        assert all(torch.allclose(now, decay * old + (1 - decay) * live, atol=1e-6) for old, now, live in pairs)


def test_a_trained_generator_goes_on_at_full_size():
    made = new(2.0)
    train(made, 1)
    assert made.networks.generator.level == made.optimisers["live"].level == 2


def test_the_level_is_in_the_state():
    generator, another = new(1.25).networks.generator, new().networks.generator
    another.load_state_dict(generator.state_dict())
    assert another.level == 1.25 and torch.equal(another(noise()), generator(noise()))


def test_weights_files_keep_the_level(tmp_path):
    networks = new(1.25).networks
    saving.save_networks(tmp_path / "w.safetensors", "model", "proggan", networks, {"made": "by a test"})
    loaded = loading.load_original(Registry(), tmp_path / "w.safetensors").networks
    assert loaded.generator.level == loaded.discriminator.level == 1.25
    assert torch.equal(loaded.generator(noise()), networks.generator(noise()))


@BOTH_LOSSES
def test_a_resumed_training_gives_the_same_weights_to_the_last_bit(loss, tmp_path):
    def parts(made):
        return made.networks.modules() | {f"optimiser {name}": part for name, part in made.optimisers.items()}

    whole, first, second = (new(loss=loss, penalty_every=2) for _ in range(3))
    train(whole, 8)
    train(first, 3)
    torch.save({name: part.state_dict() for name, part in parts(first).items()}, tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    for name, part in parts(second).items():
        part.load_state_dict(stored[name])
    train(second, 5, first=3)
    for name, part in parts(whole).items():
        if isinstance(part, nn.Module):
            for key, tensor in part.state_dict().items():
                assert torch.equal(tensor, parts(second)[name].state_dict()[key]), f"{name}.{key}"
        else:
            ours, theirs = part.state_dict()["state"], parts(second)[name].state_dict()["state"]
            assert ours.keys() == theirs.keys() and ours
            assert all(torch.equal(ours[i][k], theirs[i][k]) for i in ours for k in ours[i])
