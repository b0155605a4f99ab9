"""Options of every student: which weights move, and which way."""

from __future__ import annotations

from copy import deepcopy

import proggan_toys
import pytest
import torch
import vdvae_toys
from student_toys import Brightness, context, upward
from torch import nn

from bench.api import NoiseLatentGenerator
from bench.toolkit import student_options
from bench.toolkit.gradients import gradients_of, inner, saliency_mask
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.student_options import StudentOptions, Trainee, by_use, fisher

QUICK = {"epochs": 15, "batch_size": 32, "lr": 0.02}


def moved(teacher, **options):
    """Return by how much each weight of a student moved."""
    student = train_student(teacher, upward(), StudentParams(**QUICK, **options), context())
    return [b - a for a, b in zip(teacher.parameters(), student.parameters(), strict=True)]


def teacher():
    return Brightness().requires_grad_(False)


def test_the_options_are_off_by_default():
    plain = moved(teacher())
    written_out = moved(teacher(), mask_share=0, surgery="none", ewc=0, lora_rank=0)
    assert all(torch.equal(a, b) for a, b in zip(plain, written_out, strict=True))


def test_the_mask_freezes_its_share():
    frozen = torch.cat([(m == 0).flatten() for m in moved(teacher(), mask_share=0.75)])
    assert float(frozen.float().mean()) == pytest.approx(0.75, abs=0.01)
    assert float(torch.cat([(m == 0).flatten() for m in moved(teacher())]).float().mean()) < 0.01


def test_the_mask_keeps_the_most_salient():
    gradients = [torch.tensor([0.1, -5.0, 0.3]), torch.tensor([-0.2, 4.0, 3.0])]
    assert [m.tolist() for m in saliency_mask(gradients, 0.5)] == [[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]


@pytest.mark.parametrize(("share", "trained"), [(0.5, [0, 0, 0, 1, 1, 1]), (0.75, [0, 0, 0, 0, 1, 1]), (0.0, [1] * 6)])
def test_the_mask_freezes_its_share_of_equal_gradients(share, trained):
    gradients = [torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([5.0, 0.1])]
    mask = saliency_mask(gradients, share)
    assert torch.cat([m.flatten() for m in mask]).tolist() == trained
    assert [m.shape for m in mask] == [g.shape for g in gradients]


def test_a_mask_of_the_weights_that_lora_does_not_train_is_refused():
    """At the start LoRA's first factors have no gradient at all, and the generator's weights are not trained."""
    with pytest.raises(ValueError, match=r"mask_share=0.5 freezes weights .* lora_rank=2 trains none of them; leave"):
        StudentOptions(mask_share=0.5, lora_rank=2)


def test_consolidation_holds_the_weights_back():
    size = [sum(float(m.square().sum()) for m in moved(teacher(), ewc=weight)) for weight in (0, 1e6)]
    assert size[1] < 0.5 * size[0]


def test_the_fisher_information_is_that_of_the_image():
    """For a linear image w z the information of N(w z, 1) about w is z^2, about a bias 1."""

    class Line(Brightness):
        def render(self, latents):
            return self.layer(latents).view(-1, 1, 28, 28)

    found = fisher(Trainee(Line(), StudentOptions(), torch.Generator), context(), 256)
    weight, bias = found
    assert float(bias.mean()) == pytest.approx(1, rel=0.1) and float(weight.mean()) == pytest.approx(1, rel=0.1)


def test_lora_moves_the_last_weights_by_a_low_rank():
    weight, bias = moved(teacher(), lora_rank=1)
    singular = torch.linalg.svdvals(weight)
    assert float(singular[0]) > 1e-3 and float(singular[1]) < 1e-4 * float(singular[0])
    assert not bias.any()


def test_lora_starts_at_the_original():
    trainee = Trainee(deepcopy(teacher()), StudentOptions(lora_rank=2), lambda: torch.Generator().manual_seed(0))
    noise = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(trainee(noise), teacher()(noise))
    assert [tuple(p.shape) for p in trainee.trained] == [(2, 3), (784, 2)]


@pytest.mark.parametrize("kind", ["conflicts", "orthogonal"])
def test_surgery_takes_what_opposes_the_reconstruction(monkeypatch, kind):
    seen = []

    def spy(parameters, away, back):
        seen.append(float(inner(away, back) / inner(back, back).clamp(min=1e-20)))
        for parameter, a, b in zip(parameters, away, back, strict=True):
            parameter.grad = a + b

    monkeypatch.setattr(student_options, "assign", spy)
    moved(teacher(), surgery=kind)
    after = seen[1:]  # at first the reconstruction term has no gradient
    assert min(after) > -1e-3 and (kind == "conflicts" or max(after) < 1e-3)


def test_gradients_of_what_does_not_depend_on_a_parameter_are_zero():
    used, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    assert [g.tolist() for g in gradients_of(used.sum(), [used, unused])] == [[1, 1], [0, 0, 0]]
    assert [g.tolist() for g in gradients_of(torch.zeros(()), [used])] == [[0, 0]]


# --- LoRA's weights are the last that a pass uses -------------------------------------------------------


class Crossed(NoiseLatentGenerator):
    """Registered last to first; one layer runs twice, one only beside the image, one never, one without a call."""

    image_shape, noise_dim, latent_dim = (1, 4, 4), 3, 3

    def __init__(self):
        super().__init__()
        self.last = nn.utils.parametrizations.weight_norm(nn.Linear(5, 16), dim=0)
        self.uncalled = nn.Linear(5, 5)
        self.twice = nn.Linear(5, 5)
        self.first = nn.Linear(3, 5)
        self.never, self.beside = nn.Linear(5, 16), nn.Linear(5, 16)

    def render(self, latents):
        x = self.twice(torch.tanh(self.first(latents)))
        x = torch.tanh(x @ self.uncalled.weight)
        x = torch.tanh(self.twice(x))
        self.beside(x)
        return self.last(x).view(-1, 1, 4, 4)


def test_the_order_of_use_is_that_of_the_pass():
    assert by_use(Crossed()) == [
        "first.weight",
        "uncalled.weight",
        "twice.weight",
        "last.parametrizations.weight.original1",
    ]


def gradients_of_sums(generator):
    """Return the gradient of each of LoRA's matrices, by its name, once the second factors have left 0."""
    trainee = Trainee(generator, StudentOptions(lora_rank=2), lambda: torch.Generator().manual_seed(0))
    with torch.no_grad():
        for up in trainee.up.values():
            up.add_(0.01)
    noise = torch.randn(4, generator.noise_dim, generator=torch.Generator().manual_seed(1))
    (trainee(noise) - generator(noise).detach() + 0.1).square().sum().backward()
    assert all(p.grad is None for p in generator.parameters())
    return {name: p.grad for name, p in trainee.named_parameters() if p.requires_grad}


LAST = {
    "proggan": ["scales/2/0/weight", "scales/2/1/weight", "to_rgb/2/weight"],
    "proggan fading": ["scales/2/1/weight", "to_rgb/1/weight", "to_rgb/2/weight"],
    "vdvae": ["dec_blocks/6/resnet/c3/weight", "dec_blocks/6/resnet/c4/weight", "out_net/out_conv/weight"],
}


def architecture(name):
    if name == "vdvae":
        return vdvae_toys.disturbed(vdvae_toys.opened()).generator
    return proggan_toys.new(1.5 if name == "proggan fading" else 2.0).networks.generator


@pytest.mark.parametrize("name", LAST)
def test_each_matrix_of_lora_changes_the_image(name):
    """The last registered weights of ProgGAN are 1x1 convolutions, of which full size uses one."""
    found = gradients_of_sums(architecture(name).eval().requires_grad_(False))
    assert sorted(found) == sorted(f"{part}.{key}" for part in ("down", "up") for key in LAST[name])
    assert [each for each, gradient in found.items() if not gradient.any()] == []


def test_choosing_leaves_the_students_weights_and_buffers():
    generator = architecture("vdvae")
    before = deepcopy(generator.state_dict())
    trainee = Trainee(generator, StudentOptions(lora_rank=1), lambda: torch.Generator().manual_seed(0))
    assert all(torch.equal(before[name], each) for name, each in generator.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in trainee.student.parameters())
