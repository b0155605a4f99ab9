"""Run by ``torchrun``: compare gradients and weights of trainings in shares with those of this process alone.

    torchrun --standalone --nproc-per-node 2 tests/support/gradients_in_shares.py OUT.json

Each training starts anew for either, from the same seed. The first process writes the largest relative differences.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from vdvae_toys import MICRO

from bench.api import Batch, Context, Model
from bench.core import together
from bench.models.dcgan import DCGAN
from bench.models.proggan import ProgGAN
from bench.models.vae import VAE
from bench.models.vdvae import VDVAE
from bench.toolkit.latent import Direction
from bench.toolkit.sharing import shared
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.training import build

STEPS = 4
CPU = torch.device("cpu")
NETWORKS = {"image_shape": (3, 16, 16), "latent_dim": 8, "fmap_base": 64, "fmap_max": 16, "precision": "float32"}
MODELS = {
    "vae": (VAE(), {"image_shape": (1, 28, 28), "encoder_widths": (32,), "decoder_width": 32}),
    "dcgan": (DCGAN(), {"image_shape": (1, 28, 28), "generator_channels": 16, "discriminator_channels": 16, "precision": "float32"}),
    "proggan": (ProgGAN(), {**NETWORKS, "augmentation": 0.6}),
    "proggan wgan-gp": (ProgGAN(), {**NETWORKS, "loss": "wgan-gp", "flip": True}),
    "vdvae": (VDVAE(), {**MICRO, "bfloat16": False, "kl_start": 0.5}),
}  # fmt: skip
STUDENTS = {
    "ours": {},
    "ours, conflicts": {"surgery": "conflicts"},
    "ours, mask": {"surgery": "orthogonal", "mask_share": 0.3},
    "ours, low rank": {"surgery": "orthogonal", "ewc": 1.0, "lora_rank": 2},
}  # fmt: skip
Found = dict[str, Tensor]  # gradients or weights, by name


def steps_of(model: Model, options: dict, batch_size: int = 24) -> Iterator[Found]:
    """Yield the gradients of each step, then the weights."""
    networks = build(model, model.Config(batch_size=batch_size, **options), "test")
    modules = networks.modules()
    for module in modules.values():
        module.train().requires_grad_(True)
    optimisers = model.optimisers(networks)
    modules = {**modules, **{name: each for name, each in optimisers.items() if isinstance(each, nn.Module)}}
    rng = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        batch = Batch(
            torch.rand(batch_size, *networks.config.image_shape, generator=rng), torch.zeros(batch_size, 0), ()
        )
        progress = 0.3 + step / 10  # of proggan: while 8x8 and 16x16 fade in
        model.training_step(networks, optimisers, batch, torch.Generator().manual_seed(step), progress)
        named = {f"{name} {p}": each for name, module in modules.items() for p, each in module.named_parameters()}
        yield {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
    yield {f"{name} {p}": each.clone() for name, module in modules.items() for p, each in module.state_dict().items()}


def student_of(options: dict) -> Iterator[Found]:
    """Yield the gradients of each step of a student, then its weights."""
    config = VAE.Config(image_shape=(1, 28, 28), decoder_width=32)
    generator = build(VAE(), config, "test").generator.eval().requires_grad_(False)
    params = StudentParams(epochs=STEPS, batch_size=15, **options)
    editor, found = Direction(generator.latent_dim), []
    for name, value in {
        "unit": torch.eye(generator.latent_dim)[0],
        "length": 1.0,
        "threshold": 0.3,
        "landing": -0.5,
    }.items():
        editor.get_buffer(name).copy_(torch.as_tensor(value))

    class Watched(torch.optim.Adam):
        def step(self, closure=None):
            found.append({f"{i}": p.grad.clone() for i, p in enumerate(self.param_groups[0]["params"])})
            return super().step(closure)

    before, torch.optim.Adam = torch.optim.Adam, Watched
    try:
        student = train_student(generator, editor, params, Context("unlearn/0", CPU))
    finally:
        torch.optim.Adam = before
    yield from found
    yield {name: each.clone() for name, each in student.state_dict().items()}


def penalty() -> Iterator[Found]:
    """Yield the second derivatives of a critic with batch norm, through what divides the batch."""
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Softplus(), nn.Linear(7, 1))
    images = torch.randn(12, 5, requires_grad=True)
    (gradients,) = torch.autograd.grad(shared(critic)(images).square().sum(), images, create_graph=True)
    (gradients.norm(dim=1) - 1).square().mean().backward()
    yield {name: p.grad for name, p in critic.named_parameters() if p.grad is not None}
    yield {name: each for name, each in critic.state_dict().items()}


def difference(alone: Found, together: Found) -> float:
    """Return |a - b| / |a| of all tensors as one; infinite if others are there."""
    if alone.keys() != together.keys():
        return float("inf")
    a, b = (torch.cat([each.double().flatten() for each in found.values()]) for found in (alone, together))
    return float((a - b).norm() / a.norm())


@contextmanager
def as_a_team(number: int) -> Iterator[None]:
    with together.offered("none", "") if together.rank() == 0 else together.joined(number):
        yield
        assert together.processes() == 2


def main() -> None:
    torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    together.begin()
    trainings: dict[str, Callable[[], Iterator[Found]]] = {"penalty": penalty}
    trainings |= {name: lambda m=model, o=options: steps_of(m, o) for name, (model, options) in MODELS.items()}
    trainings |= {name: lambda o=options: student_of(o) for name, options in STUDENTS.items()}
    found = {}
    for number, (name, training) in enumerate(trainings.items(), 1):
        *gradients, weights = [deepcopy(each) for each in training()]
        with as_a_team(number):
            *gradients_in_shares, weights_in_shares = training()
        assert len(gradients) == len(gradients_in_shares)
        found[name] = {
            "gradients": difference(gradients[0], gradients_in_shares[0]),
            "weights": difference(weights, weights_in_shares),
        }
    if together.rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
