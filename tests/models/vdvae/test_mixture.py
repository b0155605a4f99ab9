"""The likelihood: a mixture of logistic distributions over grey levels."""

from __future__ import annotations

import pytest
import torch
from vdvae_toys import normal

from bench.models.vdvae import mixture


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
