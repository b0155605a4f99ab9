"""Checks of a method, on a tiny generator; and what ``bench show`` says of one."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from bench import api
from bench.authoring.conformance.plugins import CONFIG_CHECKS
from bench.authoring.conformance.toys import IMAGE_SHAPE
from bench.authoring.conformance.trials import Trial, reloaded, toy_networks, try_method
from bench.authoring.conformance.variants import OTHER, quick, variants
from bench.errors import BenchError


def facts(cls: type[Any]) -> list[str]:
    """Say what a method needs."""
    needs = ", ".join(sorted(cls.needs)) or "nothing but the generator and the feedback"
    return [f"needs: {needs}", f"reads feedback: {'yes' if cls.reads_feedback else 'no'}"]


def needs_are_known(cls: type[Any]) -> None:
    """Only what the contract can hand over may be asked for."""
    assert cls.needs <= api.NEEDS, f"needs {sorted(cls.needs - api.NEEDS)}; allowed: {sorted(api.NEEDS)}"


def original_is_left_alone(cls: type[Any]) -> None:
    """The original is frozen; the student is a copy."""
    before, trial = toy_networks().generator, try_method(cls)
    assert before is not None
    assert trial.unlearned.generator is not trial.original, "unlearn returned the original itself, not a copy"
    now = before.state_dict()
    changed = [name for name, tensor in trial.original.state_dict().items() if not torch.equal(tensor, now[name])]
    assert not changed, f"unlearn changed the original: {', '.join(changed)}"


def unlearning_is_deterministic(cls: type[Any]) -> None:
    """Same seed, same weights."""
    first, second = (try_method(cls).unlearned.generator.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first), (
        "two runs differ: draw from context.noise or context.rng"
    )


def global_randomness_is_left_alone(cls: type[Any]) -> None:
    """A global seed would make other code's randomness depend on this method."""
    with torch.random.fork_rng(devices=[]):
        torch.seed()  # a state that no earlier run of the method has left behind
        before = torch.get_rng_state()
        try_method(cls)
        after = torch.get_rng_state()
    assert torch.equal(before, after), (
        "unlearn uses the global random state: draw from context.noise or context.rng, and set no global seed"
    )


def unlearned_keeps_the_contract(cls: type[Any]) -> None:
    """The student draws images like the original's; its identifier gives one number per latent."""
    unlearned = try_method(cls).unlearned
    assert isinstance(unlearned, api.Unlearned) and isinstance(unlearned.generator, api.Generator), (
        "unlearn must return bench.api.Unlearned"
    )
    noise = Trial.noise(try_method(cls))
    images = unlearned.generator(noise)
    assert images.shape == (6, *IMAGE_SHAPE) and torch.isfinite(images).all(), (
        "the student's images have another shape, or NaN"
    )
    if unlearned.identifier is not None:
        assert isinstance(unlearned.identifier, nn.Module), "the identifier must be an nn.Module, so it can be stored"
        assert unlearned.identifier(noise).shape == (6,), "identifier(latents) must have shape (N,)"


def sampled_latents_decode_to_the_sampled_images(cls: type[Any]) -> None:
    """The student's ``decode`` renders the latents that its ``sample`` gave as ``sample`` did."""
    trial = try_method(cls)
    noise, student = trial.noise(), trial.unlearned.generator
    latents, images = student.sample(noise)
    assert torch.allclose(student.decode(latents, noise), images, atol=1e-4), (
        "decode(latents, noise) draws other images than sample(noise) did"
    )


def rebuild_gives_the_same_back(cls: type[Any]) -> None:
    """What is stored and rebuilt draws the same images, and its identifier gives the same numbers."""
    require_same(try_method(cls))


def every_option_works(cls: type[Any]) -> None:
    """What each option makes is stored and rebuilt as well; one option at a time is changed from its default."""
    problems = [
        found for setting, config in variants(quick(cls.Config)) if (found := problem_with(cls, setting, config))
    ]
    assert not problems, "; ".join(problems)


def problem_with(cls: type[Any], setting: str, config: api.Params) -> str | None:
    """Return why a method does not work as configured; None if it does, or declines in words."""
    try:
        trial = try_method(cls, config)
    except BenchError as error:
        if f"={OTHER}" not in setting:
            return None  # a toy world cannot meet every condition
        return f"{setting} is refused ({error}). Return attributes that must be clicked from also_asks"
    except Exception as error:
        return f"{setting} raises {type(error).__name__}: {error}"
    try:
        require_same(trial)
    except Exception as error:
        return f"{setting}: {error}"
    return None


def require_same(trial: Trial) -> None:
    """Raise AssertionError unless what is stored and rebuilt is the same."""
    rebuilt, noise = reloaded(trial), trial.noise()
    assert torch.equal(rebuilt.generator.eval()(noise), trial.unlearned.generator.eval()(noise)), (
        "the rebuilt generator draws other images"
    )
    if rebuilt.identifier is not None and trial.unlearned.identifier is not None:
        latents = trial.original.sample(noise)[0]
        assert torch.equal(rebuilt.identifier(latents), trial.unlearned.identifier.eval()(latents)), (
            "the rebuilt identifier gives other numbers"
        )


CHECKS = [
    *CONFIG_CHECKS,
    needs_are_known,
    original_is_left_alone,
    unlearning_is_deterministic,
    global_randomness_is_left_alone,
    unlearned_keeps_the_contract,
    sampled_latents_decode_to_the_sampled_images,
    rebuild_gives_the_same_back,
    every_option_works,
]
