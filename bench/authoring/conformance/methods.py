"""Checks of a method, on a tiny generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from bench import api
from bench.api.context import Context, TrainingData
from bench.api.feedback import Feedback
from bench.authoring.conformance.plugins import config_has_defaults, config_is_strict
from bench.authoring.conformance.toys import (
    IMAGE_SHAPE,
    STEPS,
    ToyClassifier,
    ToyModel,
    toy_split,
)
from bench.core import randomness
from bench.toolkit.training import build


def _quick(cls: type[Any]) -> Any:
    """Build the method with as little work as its fields allow."""
    fields = cls.Config.model_fields
    return cls(cls.Config(**{name: value for name, value in (("epochs", STEPS), ("batch_size", 16)) if name in fields}))


def _toy() -> tuple[api.Networks[Any], Feedback, api.Oracle]:
    networks = build(ToyModel(), api.TrainingConfig(), "check")
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    assert networks.generator is not None
    brightness = networks.generator(randomness.draw("check", range(100), 4)).mean(dim=(1, 2, 3)).numpy()
    labels = brightness >= np.quantile(brightness, 0.8)
    oracle = api.Oracle(ToyClassifier(), "toy", "bright", float(np.quantile(brightness, 0.8)))
    return networks, Feedback(labels, "check"), oracle


def _unlearned(cls: type[Any]) -> tuple[api.Networks[Any], api.Unlearned, Any, api.Oracle]:
    networks, feedback, oracle = _toy()
    assert networks.generator is not None
    method, split = _quick(cls), toy_split(IMAGE_SHAPE)
    context = Context(
        stream="check",
        device=torch.device("cpu"),
        oracle=oracle if "oracle" in cls.needs else None,
        encoder=networks.encoder if "encoder" in cls.needs else None,
        discriminator=networks.discriminator if "discriminator" in cls.needs else None,
        training_data=TrainingData(split, split.attributes["bright"].to_numpy() == 1, ToyModel(), networks)
        if "training_data" in cls.needs
        else None,
    )
    given = feedback if cls.reads_feedback else Feedback(feedback.labels[:0], feedback.stream)
    return networks, method.unlearn(networks.generator, given, context), method, oracle


def needs_are_known(cls: type[Any]) -> None:
    """Only what the contract can hand over may be asked for."""
    assert cls.needs <= api.NEEDS, f"needs {sorted(cls.needs - api.NEEDS)}; allowed: {sorted(api.NEEDS)}"


def original_is_left_alone(cls: type[Any]) -> None:
    """The original is frozen; the student is a copy."""
    before = _toy()[0].generator
    networks, unlearned, _, _ = _unlearned(cls)
    assert before is not None and networks.generator is not None
    assert unlearned.generator is not networks.generator, "unlearn returned the original itself, not a copy"
    changed = [n for n, t in networks.generator.state_dict().items() if not torch.equal(t, before.state_dict()[n])]
    assert not changed, f"unlearn changed the original: {', '.join(changed)}"


def unlearning_is_deterministic(cls: type[Any]) -> None:
    """Same seed, same weights."""
    first, second = (_unlearned(cls)[1].generator.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first), (
        "two runs differ: draw from context.noise or context.rng"
    )


def global_randomness_is_left_alone(cls: type[Any]) -> None:
    """A global seed would make other code's randomness depend on this method."""
    with torch.random.fork_rng(devices=[]):
        torch.seed()  # a state that no earlier run of the method has left behind
        before = torch.get_rng_state()
        _unlearned(cls)
        after = torch.get_rng_state()
    assert torch.equal(before, after), (
        "unlearn uses the global random state: draw from context.noise or context.rng, and set no global seed"
    )


def unlearned_keeps_the_contract(cls: type[Any]) -> None:
    """The student draws images like the original's; its identifier gives one number per latent."""
    _, unlearned, _, _ = _unlearned(cls)
    assert isinstance(unlearned, api.Unlearned) and isinstance(unlearned.generator, api.Generator), (
        "unlearn must return bench.api.Unlearned"
    )
    noise = randomness.draw("check", range(6), unlearned.generator.noise_dim)
    images = unlearned.generator(noise)
    assert images.shape == (6, *IMAGE_SHAPE) and torch.isfinite(images).all(), (
        "the student's images have another shape, or NaN"
    )
    if unlearned.identifier is not None:
        assert isinstance(unlearned.identifier, nn.Module), (
            "the identifier must be an nn.Module, so that it can be stored"
        )
        assert unlearned.identifier(noise).shape == (6,), "identifier(latents) must have shape (N,)"


def sampled_latents_decode_to_the_sampled_images(cls: type[Any]) -> None:
    """The student's ``decode`` renders the latents that its ``sample`` gave as ``sample`` did."""
    _, unlearned, _, _ = _unlearned(cls)
    noise = randomness.draw("check", range(6), unlearned.generator.noise_dim)
    latents, images = unlearned.generator.sample(noise)
    assert torch.allclose(unlearned.generator.decode(latents, noise), images, atol=1e-4), (
        "decode(latents, noise) draws other images than sample(noise) did"
    )


def rebuild_gives_the_same_back(cls: type[Any]) -> None:
    """What is stored and rebuilt draws the same images and scores the same."""
    networks, unlearned, method, oracle = _unlearned(cls)
    rebuilt = method.rebuild(networks.generator, oracle if "oracle" in cls.needs else None)
    assert (rebuilt.identifier is None) == (unlearned.identifier is None), (
        "unlearn returns an identifier and rebuild does not, or the other way round: override rebuild"
    )
    rebuilt.generator.load_state_dict(unlearned.generator.state_dict())
    noise = randomness.draw("check", range(6), unlearned.generator.noise_dim)
    assert torch.equal(rebuilt.generator.eval()(noise), unlearned.generator.eval()(noise)), (
        "the rebuilt generator draws other images"
    )
    if rebuilt.identifier is not None and unlearned.identifier is not None:
        rebuilt.identifier.load_state_dict(unlearned.identifier.state_dict())
        rebuilt.identifier.eval()
        assert torch.equal(rebuilt.identifier(noise), unlearned.identifier(noise)), "the rebuilt identifier differs"


METHOD_CHECKS: list[Callable[[Any], None]] = [
    config_is_strict,
    config_has_defaults,
    needs_are_known,
    original_is_left_alone,
    unlearning_is_deterministic,
    global_randomness_is_left_alone,
    unlearned_keeps_the_contract,
    sampled_latents_decode_to_the_sampled_images,
    rebuild_gives_the_same_back,
]
