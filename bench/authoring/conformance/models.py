"""Checks of a model: shapes, determinism, gradients, and that its recipe trains; what ``bench show`` says of one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench import api
from bench.api.checks import drawn, require_copies, require_float32, require_range
from bench.authoring.conformance.plugins import CONFIG_CHECKS, stored
from bench.authoring.conformance.toys import frozen, toy_split, untrained
from bench.core import randomness
from bench.toolkit.training import build, train


def facts(cls: type[Any]) -> list[str]:
    """Say where a model's weights come from."""
    trained = "never here; it comes with its weights" if issubclass(cls, api.Pretrained) else "bench pretrain --model"
    return [f"trained: {trained}"]


def _generator(cls: type[Any]) -> api.Generator:
    generator = untrained(cls).generator
    assert isinstance(generator, api.Generator), "build() must return Networks whose generator is a bench.api.Generator"
    return generator


def generator_keeps_its_shapes(cls: type[Any]) -> None:
    """Shapes and types of sample, decode and forward are those the generator declares."""
    generator = _generator(cls)
    noise, latents, images = drawn(generator, 5)
    assert torch.allclose(generator(noise), images, atol=1e-6), "forward(noise) differs from sample(noise)[1]"
    assert torch.allclose(generator.decode(latents, noise), images, atol=1e-4), (
        "decode(latents, noise) does not give sample's images back"
    )


def parameters_are_float32(cls: type[Any]) -> None:
    """Half precision does not train."""
    require_float32(_generator(cls))


def images_are_in_range(cls: type[Any]) -> None:
    """Nominally in [0, 1]: what lies outside is clamped before anybody sees it."""
    require_range(drawn(_generator(cls), 5)[2], trained=False)


def generator_can_be_copied(cls: type[Any]) -> None:
    """Methods train a copy."""
    require_copies(_generator(cls))


def same_noise_gives_the_same_image(cls: type[Any]) -> None:
    """No hidden randomness, and an image does not depend on its batch."""
    generator = _generator(cls)
    noise = randomness.draw("check", range(4), generator.noise_dim)
    first = generator(noise)
    assert torch.equal(first, generator(noise)), "two calls on the same noise differ: hidden randomness, or train mode"
    singles = torch.cat([generator(row[None]) for row in noise])
    assert torch.allclose(first, singles, atol=1e-4), "images depend on the batch they are drawn in"


def generator_is_differentiable(cls: type[Any]) -> None:
    """The student is trained through its images."""
    generator = _generator(cls).requires_grad_(True)
    generator(randomness.draw("check", range(2), generator.noise_dim)).sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in generator.parameters()), (
        "no gradient reaches the parameters"
    )


def state_round_trips(cls: type[Any]) -> None:
    """Weights loaded into fresh networks, built by the stored configuration, give the same images."""
    first = untrained(cls)
    second = frozen(build(cls(), stored(first.config), "check another"))
    assert first.generator is not None and second.generator is not None
    second.generator.load_state_dict(first.generator.state_dict())
    noise = randomness.draw("check", range(3), first.generator.noise_dim)
    assert torch.equal(first.generator(noise), second.generator(noise)), (
        "state_dict does not hold all that an image depends on"
    )


def training_step_trains(cls: type[Any]) -> None:
    """A few steps change the weights, keep them finite, and are the same twice."""
    if issubclass(cls, api.Pretrained):
        return  # it has no recipe
    states = [_trained(cls) for _ in range(2)]
    before = untrained(cls).generator
    assert before is not None
    assert any(not torch.equal(states[0][name], tensor) for name, tensor in before.state_dict().items()), (
        "training changed nothing"
    )
    assert all(torch.isfinite(t).all() for t in states[0].values() if t.is_floating_point()), "training gave NaN"
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0]), (
        "training is not deterministic: use `rng` alone"
    )


def _trained(cls: type[Any]) -> dict[str, Tensor]:
    networks: api.Networks[Any] = build(cls(), cls.Config(), "check")
    context = api.Context(stream="check", device=torch.device("cpu"))
    train(cls(), networks, toy_split(networks.config.image_shape), context, epochs=1, batch_size=8)
    assert networks.generator is not None
    return networks.generator.state_dict()


CHECKS = [
    *CONFIG_CHECKS,
    parameters_are_float32,
    generator_keeps_its_shapes,
    images_are_in_range,
    generator_can_be_copied,
    same_noise_gives_the_same_image,
    generator_is_differentiable,
    state_round_trips,
    training_step_trains,
]
