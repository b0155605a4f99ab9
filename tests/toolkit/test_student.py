"""The student: its loss (Eq. 5), and its training."""

from __future__ import annotations

import itertools
from copy import deepcopy

import pytest
import torch
from pictures import pictures
from pydantic import ValidationError
from student_toys import Brightness, context, upward

from bench.toolkit import student as students
from bench.toolkit.latent import edited_images
from bench.toolkit.losses import l1, ms_ssim_dissimilarity
from bench.toolkit.student import StudentParams, loss_terms, total_loss, train_student

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
