from __future__ import annotations

import itertools
from copy import deepcopy

import pytest
import torch
from pydantic import ValidationError
from pytorch_msssim import ms_ssim
from torch import nn

from bench.api import NoiseLatentGenerator
from bench.api.context import Context
from bench.toolkit import student as students
from bench.toolkit.latent import Direction, edited_images
from bench.toolkit.losses import l1, ms_ssim_dissimilarity, ms_ssim_window
from bench.toolkit.student import StudentParams, loss_terms, total_loss, train_student


def pictures(count, side=28, channels=1, seed=0):
    rng = torch.Generator().manual_seed(seed)
    smooth = torch.rand(count, channels, side // 4, side // 4, generator=rng)
    return nn.functional.interpolate(smooth, size=(side, side), mode="bilinear")


# --- the terms ----------------------------------------------------------------------------------------


def test_l1_by_hand():
    images = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]], [[[1.0, 1.0], [1.0, 1.0]]]])
    targets = torch.zeros(2, 1, 2, 2)
    assert l1(images, targets).tolist() == [0.4375, 1.0]
    assert l1(images, targets, "sum").tolist() == [1.75, 4.0]
    assert l1(images, images).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64, 176])
def test_ms_ssim_of_equal_images_is_0_and_of_others_is_not(side, channels):
    images = pictures(3, side, channels)
    assert torch.equal(ms_ssim_dissimilarity(images, images.clone()), torch.zeros(3))
    other = ms_ssim_dissimilarity(images, pictures(3, side, channels, seed=1))
    assert other.shape == (3,) and (other > 0.05).all() and (other <= 1).all()
    nearer = ms_ssim_dissimilarity(images, images.lerp(pictures(3, side, channels, seed=1), 0.2))
    assert (nearer < other).all() and (nearer > 0).all()


def test_ms_ssim_is_the_library_s_wherever_that_works():
    a, b = pictures(2, 176), pictures(2, 176, seed=1)
    torch.testing.assert_close(1 - ms_ssim_dissimilarity(a, b), ms_ssim(a, b, data_range=1.0, size_average=False))
    assert [ms_ssim_window(side) for side in (28, 32, 33, 64, 65, 128, 160, 161, 256)] == [0, 0, 3, 3, 5, 7, 9, 11, 11]


def test_ms_ssim_per_sample_does_not_depend_on_the_batch():
    a, b = pictures(4), pictures(4, seed=1)
    singles = torch.cat([ms_ssim_dissimilarity(x[None], y[None]) for x, y in zip(a, b, strict=True)])
    torch.testing.assert_close(ms_ssim_dissimilarity(a, b), singles, atol=1e-6, rtol=0)


def test_ms_ssim_takes_images_that_are_not_square():
    a = pictures(2, 64)[..., :28]
    assert torch.equal(ms_ssim_dissimilarity(a, a), torch.zeros(2))


@pytest.mark.parametrize("targets", ["same", "inverted", "blank", "full"])
def test_gradients_are_finite_even_at_the_ends(targets):
    images = pictures(2).requires_grad_(True)
    wanted = {
        "same": images.detach().clone(), "inverted": 1 - images.detach(),
        "blank": torch.zeros(2, 1, 28, 28), "full": torch.ones(2, 1, 28, 28),
    }[targets]  # fmt: skip
    (l1(images, wanted) + ms_ssim_dissimilarity(images, wanted)).sum().backward()
    assert torch.isfinite(images.grad).all()


# --- Eq. 5 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_loss_is_equation_five_by_hand(reduction):
    images, targets = pictures(5), pictures(5, seed=1)
    flagged = torch.tensor([True, False, True, False, False])
    params = StudentParams(alpha=3.0, l1=reduction)
    expected = 0.0
    for i in range(5):
        difference = (images[i] - targets[i]).abs()
        distance = float(difference.mean() if reduction == "mean" else difference.sum())
        percep = float(ms_ssim_dissimilarity(images[i : i + 1], targets[i : i + 1])) if flagged[i] else 0.0
        expected += (3.0 if flagged[i] else 1.0) * distance + 3.0 * percep
    loss = total_loss(loss_terms(images, targets, flagged, params), params.alpha)
    assert float(loss) == pytest.approx(expected / 5, rel=1e-5)


TERMS = {"unlearn_term": "unlearn", "perception_term": "perception", "reconstruction_term": "reconstruction"}


@pytest.mark.parametrize("on", [c for n in (1, 2, 3) for c in itertools.combinations(TERMS, n)])
def test_every_term_can_be_switched(on):
    images, targets = pictures(4).requires_grad_(True), pictures(4, seed=1)
    flagged = torch.tensor([True, False, True, False])
    all_terms = loss_terms(images, targets, flagged, StudentParams())
    terms = loss_terms(images, targets, flagged, StudentParams(**{name: name in on for name in TERMS}))
    assert terms.keys() == {TERMS[name] for name in on}
    for name, term in terms.items():
        assert torch.equal(term, all_terms[name]) and float(term.detach()) > 0
    total_loss(terms, 3.0).backward()
    touched = images.grad.abs().flatten(1).sum(1) > 0
    assert touched[flagged].all() == (on != ("reconstruction_term",))
    assert touched[~flagged].all() == ("reconstruction_term" in on)


@pytest.mark.parametrize("on", TERMS)
@pytest.mark.parametrize("flagged", [True, False])
def test_a_batch_without_samples_for_the_only_term_costs_nothing(on, flagged):
    images, targets = pictures(4).requires_grad_(True), pictures(4, seed=1)
    mask = torch.full((4,), flagged)
    loss = total_loss(loss_terms(images, targets, mask, StudentParams(**{name: name == on for name in TERMS})), 3.0)
    loss.backward()
    loss = loss.detach()
    assert torch.isfinite(images.grad).all()
    if (on == "reconstruction_term") == flagged:
        assert float(loss) == 0 and not images.grad.any()
    else:
        assert float(loss) > 0 and images.grad.any()


def test_switching_every_term_off_is_refused():
    with pytest.raises(ValidationError, match="at least one"):
        StudentParams(**dict.fromkeys(TERMS, False))


# --- training the student -----------------------------------------------------------------------------


class Brightness(NoiseLatentGenerator):
    """The first latent is brightness."""

    image_shape, noise_dim, latent_dim = (1, 28, 28), 3, 3

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 784)
        with torch.no_grad():
            self.layer.weight.copy_(0.1 * torch.randn(784, 3, generator=torch.Generator().manual_seed(0)))
            self.layer.weight[:, 0] = 2.0
            self.layer.bias.zero_()

    def render(self, latents):
        return torch.sigmoid(self.layer(latents)).view(-1, 1, 28, 28)


def upward(dim=3):
    direction = Direction(dim)
    direction.unit[0] = 1.0
    direction.length.fill_(1.0)
    return direction


def context(stream="test"):
    return Context(stream=stream, device=torch.device("cpu"))


def test_the_student_comes_nearer_to_the_edit_and_the_teacher_stays():
    teacher = Brightness()
    before = deepcopy(teacher.state_dict())
    teacher.requires_grad_(False)
    run = context()
    student = train_student(teacher, upward(), StudentParams(epochs=40, batch_size=32, lr=0.02), run)
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    noise = torch.randn(200, 3, generator=torch.Generator().manual_seed(1))
    targets, flagged = edited_images(teacher, upward(), noise)
    untouched, trained = l1(teacher(noise), targets), l1(student(noise), targets)
    assert trained[flagged].mean() < 0.6 * untouched[flagged].mean()
    assert not any(p.requires_grad for p in student.parameters())
    losses = [row["loss"] for row in run.history]
    assert [row["step"] for row in run.history] == list(range(40))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    assert set(run.history[0]) == {"step", "loss", "unlearn", "perception", "reconstruction"}


def test_steps_per_epoch_and_schedule(monkeypatch):
    rates = []

    class Spy(torch.optim.Adam):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    monkeypatch.setattr(students.torch.optim, "Adam", Spy)
    given = {"epochs": 2, "steps_per_epoch": 3, "batch_size": 4, "lr": 0.01}
    train_student(Brightness(), upward(), StudentParams(**given), context())
    assert rates == [0.01] * 6
    rates.clear()
    train_student(Brightness(), upward(), StudentParams(**given, schedule="cosine"), context())
    assert rates[0] == 0.01 and rates[3] == pytest.approx(0.005) and 0 < rates[-1] < 0.001
    assert rates == sorted(rates, reverse=True)
