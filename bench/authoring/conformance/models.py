"""Checks of a model: shapes, determinism, gradients, and that its recipe trains; its facts for ``bench show``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench import api
from bench.api.checks import drawn, require_copies, require_float32, require_range
from bench.api.noise import stream_noise
from bench.api.repeatable import require_gradients, require_repeatable
from bench.authoring.conformance.plugins import CONFIG_CHECKS, stored
from bench.authoring.conformance.toys import frozen, toy_split, untrained
from bench.core import randomness
from bench.errors import PluginError
from bench.toolkit.training import build, train


def facts(cls: type[Any]) -> list[str]:
    """Say where a wrapped model's weights come from."""
    return ["trained: never here; it comes with its weights"] if issubclass(cls, api.Pretrained) else []


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
    """Images are nominally in [0, 1]; the engine clamps values outside before anything reads them."""
    require_range(drawn(_generator(cls), 5)[2], trained=False)


def generator_can_be_copied(cls: type[Any]) -> None:
    """Methods train a copy."""
    require_copies(_generator(cls))


def same_noise_gives_the_same_image(cls: type[Any]) -> None:
    """No hidden randomness, and an image does not depend on its batch, for initial and for trained weights."""
    require_repeatable(_generator(cls))
    try:
        require_repeatable(shaken(_generator(cls)))
    except PluginError as error:
        raise PluginError(f"with other weights, in place of those that are constant as built: {error}") from error


@torch.no_grad()
def shaken(generator: api.Generator) -> api.Generator:
    """Give parameters and buffers that are constant as built, such as a gate at 0, random values in [0.1, 0.5)."""
    rng = randomness.generator("check shaken", 0)
    for tensor in (*generator.parameters(), *generator.buffers()):
        if tensor.is_floating_point() and tensor.numel() and bool((tensor == tensor.flatten()[0]).all()):
            tensor.copy_(0.1 + 0.4 * torch.rand(tensor.shape, generator=rng))
    return generator


def generator_is_differentiable(cls: type[Any]) -> None:
    """The student is trained through its images, and methods edit latents."""
    require_gradients(_generator(cls))


def state_round_trips(cls: type[Any]) -> None:
    """Weights loaded into fresh networks, built by the stored configuration, give the same images."""
    first = untrained(cls)
    second = frozen(build(cls(), stored(first.config), "check another"))
    assert first.generator is not None and second.generator is not None
    second.generator.load_state_dict(first.generator.state_dict())
    noise = stream_noise(first.generator, "check", 0, 3)
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
