from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from bench.api import Generator, LatentLayer, NoiseLatentGenerator
from bench.api.feedback import Feedback
from bench.core import randomness
from bench.errors import UsageError
from bench.toolkit.latent import Direction, DirectionParams, edited_images, fit_direction

STREAM = "test"
DIM = 8


class Identity(NoiseLatentGenerator):
    """Draws its latent as 'pixels', so that an image says which latent it was drawn from."""

    image_shape, noise_dim, latent_dim = (1, 1, DIM), DIM, DIM

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.passes = []

    def render(self, latents):
        self.passes.append(len(latents))
        return (self.scale * latents).view(-1, *self.image_shape)


class Layered(Generator):
    """Its latent is not the noise, and the rest of the noise enters the image by itself, as per-layer noise does."""

    image_shape, noise_dim, latent_dim = (1, 2, 4), DIM, 4

    def __init__(self):
        super().__init__()
        self.mapping = nn.Parameter(torch.linspace(-1, 1, 16).view(4, 4) + torch.eye(4))
        self.decoded = []

    def decode(self, latents, noise):
        self.decoded.append(len(latents))
        return torch.stack([latents, noise[:, 4:]], dim=1)[:, None]

    def sample(self, noise):
        latents = noise[:, :4] @ self.mapping
        return latents, torch.stack([latents, noise[:, 4:]], dim=1)[:, None]


def clicks(direction, count, share=0.2, seed=STREAM, flip=0.0):
    """Label the upper ``share`` of a stream's samples along a direction."""
    noise = randomness.draw(seed, range(count), len(direction))
    scores = (noise @ direction).numpy()
    labels = scores >= np.quantile(scores, 1 - share)
    return Feedback(labels ^ (np.random.default_rng(0).random(count) < flip), seed)


def planted():
    direction = torch.tensor([3.0, -1.0, 0.5, 0, 0, 0, 2.0, 0])
    return direction / direction.norm()


def params(**given):
    return DirectionParams(**given)


# --- the direction ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
@pytest.mark.parametrize("flip", [0.0, 0.05])
def test_a_planted_direction_is_recovered(kind, flip):
    found = fit_direction(Identity(), clicks(planted(), 2000, flip=flip), params(direction=kind))
    assert float(found.unit @ planted()) > (0.99 if flip == 0 else 0.97)
    assert float(found.unit.norm()) == pytest.approx(1, abs=1e-6)


def test_a_planted_direction_is_recovered_in_latents_that_are_not_the_noise():
    generator = Layered()
    noise = randomness.draw(STREAM, range(4000), DIM)
    feature = torch.tensor([0.0, 1.0, 0.0, 0.0])
    scores = (generator.sample(noise)[0] @ feature).detach().numpy()
    found = fit_direction(generator, Feedback(scores >= np.quantile(scores, 0.8), STREAM), params())
    wanted = generator.mapping.detach().T @ generator.mapping.detach() @ feature  # covariance times the rule's normal
    assert float(wanted @ feature / wanted.norm()) < 0.9
    assert float(found.unit @ wanted / wanted.norm()) > 0.995


def test_mean_difference_by_hand():
    feedback = clicks(planted(), 300)
    noise = randomness.draw(STREAM, range(300), DIM).double().numpy()
    difference = noise[feedback.labels].mean(0) - noise[~feedback.labels].mean(0)
    found = fit_direction(Identity(), feedback, params())
    np.testing.assert_allclose(found.unit, difference / np.linalg.norm(difference), atol=1e-6)


def test_the_raw_step_is_the_printed_equation_three():
    feedback = clicks(planted(), 300)
    noise = randomness.draw(STREAM, range(300), DIM).double().numpy()
    z_e = noise[feedback.labels].mean(0) - noise[~feedback.labels].mean(0)
    t = (noise @ z_e / np.linalg.norm(z_e)).mean()
    found = fit_direction(Identity(), feedback, params(step="raw"))
    z = randomness.draw("fresh", range(50), DIM)
    projection = z.double().numpy() @ z_e / np.linalg.norm(z_e)
    literal = z.double().numpy() - (projection - t)[:, None] * z_e
    np.testing.assert_allclose(found.erase(z), literal, atol=1e-5)
    assert np.linalg.norm(z_e) > 1.3
    assert not torch.allclose(found(found.erase(z)), found.threshold, atol=1e-2), "it lands on t only if |z_e| = 1"


def test_a_raw_step_of_length_one_lands_on_the_threshold():
    direction = Direction(DIM)
    direction.unit.copy_(planted())
    direction.threshold.fill_(0.3)
    direction.landing.fill_(0.3)
    direction.length.fill_(1.0)
    z = randomness.draw("fresh", range(50), DIM)
    torch.testing.assert_close(direction(direction.erase(z)), torch.full((50,), 0.3), atol=1e-6, rtol=0)


# --- thresholds and landings --------------------------------------------------------------------------


def projections(feedback, found):
    return found(randomness.draw(STREAM, range(len(feedback)), DIM)).double().numpy()


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
def test_threshold_readings(kind):
    feedback = clicks(planted(), 500)
    by_name = {
        t: fit_direction(Identity(), feedback, params(direction=kind, threshold=t))
        for t in ("mean", "midpoint", "quantile")
    }
    p = projections(feedback, by_name["mean"])
    positive, negative = p[feedback.labels], p[~feedback.labels]
    assert float(by_name["mean"].threshold) == pytest.approx(p.mean(), abs=1e-6)
    assert float(by_name["midpoint"].threshold) == pytest.approx((positive.mean() + negative.mean()) / 2, abs=1e-6)
    t = float(by_name["quantile"].threshold)
    assert abs((p >= t).sum() - feedback.positives) <= 1, "as many flagged as were clicked"
    assert by_name["mean"].threshold < by_name["midpoint"].threshold


@pytest.mark.parametrize("threshold", ["mean", "midpoint", "quantile"])
def test_landings(threshold):
    feedback = clicks(planted(), 500)
    z = randomness.draw("fresh", range(200), DIM)
    lands = {
        landing: fit_direction(Identity(), feedback, params(threshold=threshold, landing=landing))
        for landing in ("threshold", "negative_mean", "reflect")
    }
    t = float(lands["threshold"].threshold)
    p = projections(feedback, lands["threshold"])
    before = lands["threshold"](z)
    after = {name: each(each.erase(z)) for name, each in lands.items()}
    torch.testing.assert_close(after["threshold"], torch.full((200,), t), atol=1e-5, rtol=0)
    wanted = torch.full((200,), float(p[~feedback.labels].mean()))
    torch.testing.assert_close(after["negative_mean"], wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(after["reflect"], 2 * t - before, atol=1e-5, rtol=0)
    assert {float(each.threshold) for each in lands.values()} == {t}, "landing must not move the threshold"


def test_erasing_changes_nothing_across_the_direction():
    found = fit_direction(Identity(), clicks(planted(), 500), params())
    z = randomness.draw("fresh", range(50), DIM)
    moved = found.erase(z) - z
    torch.testing.assert_close(
        moved - (moved @ found.unit)[:, None] * found.unit, torch.zeros(50, DIM), atol=1e-6, rtol=0
    )


def test_edit_erases_the_flagged_alone():
    found = fit_direction(Identity(), clicks(planted(), 500), params(threshold="midpoint"))
    z = randomness.draw("fresh", range(200), DIM)
    flagged = found.flag(z)
    assert 5 < int(flagged.sum()) < 195
    assert torch.equal(flagged, found(z) >= found.threshold)
    edited = found.edit(z)
    assert torch.equal(edited[~flagged], z[~flagged])
    assert torch.equal(edited[flagged], found.erase(z)[flagged])
    at_threshold = found.threshold * found.unit[None]
    found.threshold.copy_(found(at_threshold)[0])
    assert bool(found.flag(at_threshold)), "flagged means at or above"


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mean_difference", "logistic", "svm"])
@pytest.mark.parametrize(("value", "what"), [(False, "no positives among 20 samples"), (True, "no negatives among 20")])
def test_one_class_only_is_an_error(kind, value, what):
    with pytest.raises(UsageError, match=what) as error:
        fit_direction(Identity(), Feedback(np.full(20, value), STREAM), params(direction=kind))
    assert "--set feedback.count" in str(error.value) and "--feedback" in str(error.value)


def test_equal_means_are_an_error():
    noise = np.ones((4, DIM), dtype=np.float32)
    with pytest.raises(UsageError, match="no direction"):
        fit_direction(Identity(), Feedback(np.array([True, False, True, False]), noise_array=noise), params())


@pytest.mark.parametrize("kind", ["logistic", "svm"])
def test_a_raw_step_wants_the_mean_difference(kind):
    with pytest.raises(ValidationError, match="step=raw needs direction=mean_difference"):
        params(direction=kind, step="raw")


def test_shrinkage_wants_the_mean_difference():
    with pytest.raises(ValidationError, match="shrink=true needs direction=mean_difference"):
        params(direction="svm", shrink=True)


def test_layers_want_a_layered_generator():
    with pytest.raises(UsageError, match="-p layers: this generator's latent has no layers"):
        fit_direction(Identity(), clicks(planted(), 100), params(layers=(1, 4)))


def test_differences_that_noise_explains_are_no_direction():
    labels = np.arange(200) < 100
    noise = np.tile(randomness.draw(STREAM, range(100), DIM).numpy(), (2, 1)) + 0.01 * labels[:, None].astype(
        np.float32
    )
    fit_direction(Identity(), Feedback(labels, noise_array=noise), params())
    with pytest.raises(UsageError, match="but for sampling noise"):
        fit_direction(Identity(), Feedback(labels, noise_array=noise), params(shrink=True))


# --- attributes that are kept -------------------------------------------------------------------------

MALE, BEARD = torch.eye(DIM)[0], torch.eye(DIM)[1]


def men(count, seed=STREAM):
    """42 % men, two in five of them bearded, no bearded woman: what the labels of (N, D) latents are."""
    z = randomness.draw(seed, range(count), DIM)
    return z, *who(z)


def who(z):
    male = z @ MALE > 0.2
    return (male & (z @ BEARD > 0.25)).numpy(), male.numpy()


def bearded(count, **also):
    _, beard, male = men(count)
    return Feedback(beard, STREAM, also={"Male": male, **also})


@pytest.mark.parametrize("direction", ["mean_difference", "logistic"])
def test_the_beard_goes_and_the_man_stays(direction):
    z, beard, male = men(4000, "fresh")
    dragging = fit_direction(Identity(), bearded(5000), params(direction=direction))
    keeping = fit_direction(Identity(), bearded(5000), params(direction=direction, keep=("Male",)))
    plain, kept = who(dragging.edit(z)), who(keeping.edit(z))
    assert plain[0].mean() < 0.1 * beard.mean() and kept[0].mean() < 0.1 * beard.mean()
    assert plain[1].mean() < 0.75 * male.mean(), "the plain direction drags the man along"
    assert kept[1].mean() == pytest.approx(male.mean(), rel=0.05)
    assert torch.equal(keeping.unit, dragging.unit) and keeping.threshold == dragging.threshold, "the same are flagged"


@pytest.mark.parametrize("direction", ["mean_difference", "logistic", "svm"])
def test_kept_projections_stay_what_they_are(direction):
    feedback = bearded(2000, old=(randomness.draw(STREAM, range(2000), DIM)[:, 5] > 1).numpy())
    found = fit_direction(Identity(), feedback, params(direction=direction, keep=("Male", "old")))
    z = randomness.draw("fresh", range(100), DIM)
    erased = found.erase(z)
    torch.testing.assert_close(found(erased), found.threshold.expand(100), atol=1e-5, rtol=0)
    for name in ("Male", "old"):
        kept = fit_direction(Identity(), Feedback(feedback.also[name], STREAM), params(direction=direction))
        torch.testing.assert_close(kept(erased), kept(z), atol=1e-5, rtol=0)


def test_the_kept_way_is_the_shortest():
    feedback = bearded(2000)
    found = fit_direction(Identity(), feedback, params(keep=("Male",)))
    male = fit_direction(Identity(), Feedback(feedback.also["Male"], STREAM), params())
    span = torch.stack([found.unit, male.unit], dim=1)  # a longer way would leave the span of the two
    inside = span @ torch.linalg.lstsq(span, found.move[:, None]).solution
    torch.testing.assert_close(inside[:, 0], found.move, atol=1e-5, rtol=0)
    assert float(found.unit @ found.move) == pytest.approx(1, abs=1e-6) and found.move.norm() > 1


def test_keeping_what_is_unrelated_changes_little():
    feedback = bearded(5000, chance=np.random.default_rng(0).random(5000) < 0.5)
    found = fit_direction(Identity(), feedback, params(keep=("chance",)))
    assert float(found.move.norm()) == pytest.approx(1, abs=0.1)


def test_keeping_twice_is_keeping_once():
    feedback = bearded(500)
    once, twice = (fit_direction(Identity(), feedback, params(keep=k)) for k in (("Male",), ("Male", "Male")))
    torch.testing.assert_close(twice.move, once.move, atol=1e-6, rtol=0)


def test_every_threshold_and_landing_goes_with_keep():
    feedback, z = bearded(1000), randomness.draw("fresh", range(50), DIM)
    for given in ({"threshold": "quantile"}, {"landing": "negative_mean"}, {"threshold_shift": 0.5}):
        plain, found = (fit_direction(Identity(), feedback, params(keep=k, **given)) for k in ((), ("Male",)))
        assert (plain.threshold, plain.landing) == (found.threshold, found.landing)
        torch.testing.assert_close(found(found.erase(z)), plain(plain.erase(z)), atol=1e-5, rtol=0)
    raw = fit_direction(Identity(), feedback, params(keep=("Male",), step="raw"))
    plain = fit_direction(Identity(), feedback, params(step="raw"))
    torch.testing.assert_close(raw(raw.erase(z)), plain(plain.erase(z)), atol=1e-5, rtol=0)


def test_kept_attributes_need_clicks():
    with pytest.raises(UsageError, match="-p keep=Old: the feedback holds no clicks on 'Old'.*Male"):
        fit_direction(Identity(), bearded(100), params(keep=("Old",)))
    with pytest.raises(UsageError, match="-p keep=Hat: no sample of 100 was clicked for 'Hat'"):
        fit_direction(Identity(), bearded(100, Hat=np.zeros(100, dtype=bool)), params(keep=("Male", "Hat")))
    feedback = bearded(100)
    with pytest.raises(UsageError, match="-p keep=Beard: the target differs in nothing else"):
        fit_direction(Identity(), bearded(100, Beard=feedback.labels), params(keep=("Beard",)))


# --- long latents: scale, shrink, layers --------------------------------------------------------------


class Stretched(Layered):
    """Latents that are the noise, stretched by five orders of magnitude; two never vary. The image undoes it."""

    image_shape, noise_dim, latent_dim = (1, 2, 4), DIM, DIM
    latent_layers = (LatentLayer(1, 4, 0), LatentLayer(2, 1, 4))

    def __init__(self, stretch=(1e-3, 1e2, 1, 10, 0, 1, 0.1, 0)):
        super().__init__()
        self.stretch = nn.Parameter(torch.tensor(stretch), requires_grad=False)

    def decode(self, latents, noise):
        return (latents / self.stretch.clamp(min=1e-9)).view(-1, 1, 2, 4)

    def sample(self, noise):
        self.decoded.append(len(noise))
        latents = noise * self.stretch
        return latents, self.decode(latents, noise)


@pytest.mark.parametrize("direction", ["mean_difference", "logistic"])
@pytest.mark.parametrize("keep", [(), ("Male",)])
def test_scaled_latents_do_not_depend_on_their_units(direction, keep):
    feedback, z = bearded(1000), randomness.draw("fresh", range(100), DIM)
    given = params(direction=direction, keep=keep, scale="deviation")
    stretch = torch.tensor([1e-3, 1e2, 1, 10, 2, 1, 0.1, 3])
    as_noise = fit_direction(Stretched([1.0] * 8), feedback, given)
    stretched = fit_direction(Stretched(stretch.tolist()), feedback, given)
    torch.testing.assert_close(stretched(z * stretch), as_noise(z), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(stretched.edit(z * stretch) / stretch, as_noise.edit(z), atol=2e-3, rtol=1e-3)


def test_the_scaled_rule_is_the_papers_on_scaled_latents():
    feedback = clicks(planted(), 500)
    noise = randomness.draw(STREAM, range(500), DIM).double().numpy()
    positive, negative = noise[feedback.labels], noise[~feedback.labels]
    deviation = np.sqrt((len(positive) * positive.var(0) + len(negative) * negative.var(0)) / 500)
    z_e = (positive.mean(0) - negative.mean(0)) / deviation
    u = z_e / np.linalg.norm(z_e)
    found = fit_direction(Identity(), feedback, params(scale="deviation"))
    z = randomness.draw("fresh", range(50), DIM)
    scaled = z.double().numpy() / deviation
    erased = (scaled - (scaled @ u - (noise / deviation).mean(0) @ u)[:, None] * u) * deviation
    np.testing.assert_allclose(found(z), scaled @ u, atol=1e-5)
    np.testing.assert_allclose(found.erase(z), erased, atol=1e-5)


@pytest.mark.parametrize(
    "given", [{}, {"scale": "deviation"}, {"shrink": True}, {"direction": "svm", "scale": "deviation"}]
)
def test_latents_that_never_vary_stay(given):
    found = fit_direction(Stretched(), bearded(500), params(keep=("Male",), **given))
    latents = Stretched().sample(randomness.draw("fresh", range(50), DIM))[0]
    assert all(torch.isfinite(tensor).all() for tensor in found.state_dict().values())
    erased = found.erase(latents)
    assert torch.equal(erased[:, [4, 7]], latents[:, [4, 7]]) and not torch.allclose(erased, latents)


def test_layers_alone_are_read_and_moved():
    noise = randomness.draw("fresh", range(50), DIM)
    feedback = clicks(planted(), 500)
    found = fit_direction(Stretched([1.0] * 8), feedback, params(layers=(2,)))
    assert torch.equal(found.unit[:4], torch.zeros(4)) and float(found.unit.norm()) == pytest.approx(1, abs=1e-6)
    whole = fit_direction(Stretched([1.0] * 8), feedback, params())
    torch.testing.assert_close(found.unit[4:], whole.unit[4:] / whole.unit[4:].norm(), atol=1e-5, rtol=0)
    assert torch.equal(found.erase(noise)[:, :4], noise[:, :4])


class Long(NoiseLatentGenerator):
    image_shape, noise_dim, latent_dim = (1, 1, 3000), 3000, 3000

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def render(self, latents):
        return latents.view(-1, 1, 1, 3000)


def test_shrinkage_finds_a_direction_that_drowns():
    wanted = torch.zeros(3000)
    wanted[:10] = 10**-0.5
    feedback = clicks(wanted, 1000)
    plain, shrunk = (fit_direction(Long(), feedback, params(shrink=each)) for each in (False, True))
    assert float(plain.unit @ wanted) < 0.6 < 0.9 < float(shrunk.unit @ wanted)


@pytest.mark.parametrize(
    ("given", "passes"), [({}, 1), ({"landing": "negative_mean", "keep": ("Male",)}, 1), ({"threshold": "quantile"}, 1)]
)
def test_every_sample_is_drawn_once(given, passes):
    generator = Stretched()
    fit_direction(generator, bearded(200), params(**given))
    assert sum(generator.decoded) == passes * 200


@pytest.mark.slow
def test_memory_does_not_grow_with_samples_times_latents():
    """5,000 samples of 300,000 latents would fill 6 GB; the process may grow by less than 1 GB."""
    code = """
import resource
import numpy as np, torch
from bench.api import Generator
from bench.api.feedback import Feedback
from bench.toolkit.latent import DirectionParams, fit_direction

class Fake(Generator):
    image_shape, noise_dim, latent_dim = (1, 1, 1), 300_000, 300_000
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
    def sample(self, noise):
        return noise, noise[:, :1, None, None]
    def decode(self, latents, noise):
        return latents[:, :1, None, None]

torch.set_num_threads(1)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
labels = np.random.default_rng(0).random(5000) < 0.17
found = fit_direction(Fake(), Feedback(labels, "shown"), DirectionParams(scale="deviation", shrink=True))
print(peak() - before)
"""
    grown = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
    assert grown < 1000


# --- the edited images --------------------------------------------------------------------------------


def test_edited_images_of_a_noise_latent_generator_are_one_pass():
    generator = Identity()
    found = fit_direction(generator, clicks(planted(), 500), params())
    noise = randomness.draw("fresh", range(64), DIM)
    generator.passes.clear()
    images, flagged = edited_images(generator, found, noise)
    assert generator.passes == [64]
    assert torch.equal(images, generator.decode(found.edit(noise), noise))
    assert torch.equal(flagged, found.flag(noise)) and 0 < int(flagged.sum()) < 64
    assert not images.requires_grad


def test_edited_images_keep_what_is_not_edited():
    generator = Layered()
    direction = Direction(4)
    direction.unit.copy_(torch.tensor([0.0, 0.6, 0.8, 0.0]))
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(64), DIM)
    images, flagged = edited_images(generator, direction, noise)
    latents, plain = generator.sample(noise)
    assert generator.decoded == [int(flagged.sum())] and 0 < int(flagged.sum()) < 64
    assert torch.equal(images[~flagged], plain[~flagged])
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))
    assert torch.equal(images[:, 0, 1], noise[:, 4:]), "per-layer noise is that of the same sample"


@pytest.mark.parametrize("threshold", [-100.0, 100.0])
def test_edited_images_when_all_or_none_are_flagged(threshold):
    generator, direction = Layered(), Direction(4)
    direction.unit[0] = 1.0
    direction.threshold.fill_(threshold)
    direction.length.fill_(1.0)
    noise = randomness.draw("fresh", range(8), DIM)
    images, flagged = edited_images(generator, direction, noise)
    assert flagged.all() if threshold < 0 else not flagged.any()
    latents = generator.sample(noise)[0]
    assert torch.equal(images, generator.decode(direction.edit(latents), noise))


def test_a_direction_is_stored_and_restored_whole():
    found = fit_direction(Identity(), clicks(planted(), 300), params(step="raw", landing="reflect"))
    again = Direction(DIM, reflect=True)
    again.load_state_dict(found.state_dict())
    z = randomness.draw("fresh", range(20), DIM)
    assert torch.equal(again.edit(z), found.edit(z)) and torch.equal(again(z), found(z))


@pytest.mark.parametrize("given", [{}, {"keep": ("Male",)}, {"scale": "deviation", "landing": "reflect"}])
def test_an_unfitted_direction_takes_a_fitted_ones_values(given):
    found = fit_direction(Identity(), bearded(300), params(**given))
    again = Direction.unfitted(DIM, params(**given))
    again.load_state_dict(found.state_dict())
    z = randomness.draw("fresh", range(20), DIM)
    assert torch.equal(again.edit(z), found.edit(z)) and torch.equal(again(z), found(z))
