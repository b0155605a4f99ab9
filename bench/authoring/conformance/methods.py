"""Checks of a method on a tiny generator, and its facts for ``bench show``."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench import api
from bench.authoring.conformance.plugins import CONFIG_CHECKS
from bench.authoring.conformance.recording import RecordingContext
from bench.authoring.conformance.resuming import require_resumable, tensors_of
from bench.authoring.conformance.toys import IMAGE_SHAPE
from bench.authoring.conformance.trials import Trial, reloaded, toy_networks, try_method
from bench.authoring.conformance.variants import OTHER, quick, variants
from bench.errors import BenchError


def facts(cls: type[Any]) -> list[str]:
    """Say what a method needs."""
    needs = ", ".join(sorted(cls.needs)) or "nothing but the generator and the feedback"
    return [f"needs: {needs}", f"reads feedback: {'yes' if cls.reads_feedback else 'no'}"]


def needs_are_known(cls: type[Any]) -> None:
    """``needs`` names only inputs that the contract offers."""
    assert cls.needs <= api.NEEDS, f"needs {sorted(cls.needs - api.NEEDS)}; allowed: {sorted(api.NEEDS)}"


def sweep_is_of_its_config(cls: type[Any]) -> None:
    """``sweep`` names fields of the method's Config, with values that they accept."""
    for name, values in cls.sweep().items():
        assert name in cls.Config.model_fields, f"sweep names '{name}', which is not a field of its Config"
        for value in values:
            cls.Config.model_validate({name: value})


def original_is_left_alone(cls: type[Any]) -> None:
    """The original is frozen; the student is a copy. So are the encoder and the discriminator."""
    before, trial = toy_networks().modules(), try_method(cls)
    unlearned = trial.unlearned
    assert isinstance(unlearned, api.Unlearned), f"unlearn returned {type(unlearned).__name__}, not bench.api.Unlearned"
    assert unlearned.generator is not trial.original, "unlearn returned the original itself, not a copy"
    for part, module in trial.networks.modules().items():
        what = "the original" if part == "generator" else f"the original's {part}"
        was, now = before[part].state_dict(), module.state_dict()
        changed = [name for name in was if name not in now or not torch.equal(was[name], now[name])]
        assert not changed, f"unlearn changed {what}: {', '.join(changed)}"
        has, had = set(outfit_of(module)), set(outfit_of(before[part]))
        differing = [*sorted(has - had), *sorted(had - has)]
        assert not differing, f"unlearn changed {what}: {differing[0]}. Work on a deepcopy"


def outfit_of(module: nn.Module) -> Iterator[str]:
    """Yield everything about a network except its weights: hooks, attributes, modes, which tensors have gradients."""
    for name, part in module.named_modules():
        place = f" of {name}" if name else ""
        yield f"{'train' if part.training else 'eval'} mode{place}"
        for attribute, value in vars(part).items():
            if not isinstance(value, Mapping):
                yield f"attribute {attribute}{place}"
            elif attribute.endswith("_hooks") and value:
                yield f"{len(value)} {attribute.strip('_').replace('_', ' ')}{place}"
            elif not attribute.endswith("_hooks"):
                yield from (f"{attribute} {key}{place}" for key in value)
    yield from (f"gradient of {name}" for name, p in module.named_parameters() if p.requires_grad or p.grad is not None)


def unlearning_is_deterministic(cls: type[Any]) -> None:
    """Same seed, same weights."""
    first, second = (try_method(cls).unlearned.generator.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first), (
        "two runs differ: draw from context.noise or context.rng"
    )


def global_randomness_is_left_alone(cls: type[Any]) -> None:
    """A global seed would make other code's randomness depend on this method."""
    with torch.random.fork_rng(devices=[]), kept_random_states():
        torch.seed()  # states that no earlier run of the method has left behind
        np.random.seed()
        random.seed()
        before = random_states()
        try_method(cls)
        after = random_states()
    used = [library for library in before if before[library] != after[library]]
    assert not used, (
        f"unlearn uses the global random state of {' and '.join(used)}: draw from context.noise or "
        "context.rng, and set no global seed"
    )


def random_states() -> dict[str, Any]:
    """Return the global random states, by library."""
    return {
        "torch": torch.get_rng_state().tolist(),
        "NumPy": repr(np.random.get_state(legacy=False)),
        "Python": random.getstate(),
    }


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Put the global random states of NumPy and of Python back."""
    kept, plain = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(kept)
        random.setstate(plain)


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
    """The student's ``decode``, on the latents that ``sample`` returned, draws the same images as ``sample``."""
    trial = try_method(cls)
    noise, student = trial.noise(), trial.unlearned.generator
    latents, images = student.sample(noise)
    assert torch.allclose(student.decode(latents, noise), images, atol=1e-4), (
        "decode(latents, noise) draws other images than sample(noise) did"
    )


def rebuild_gives_the_same_back(cls: type[Any]) -> None:
    """After storing and rebuilding, the student draws the same images, and its identifier gives the same numbers."""
    require_same(try_method(cls))


def an_interrupted_run_is_resumed(cls: type[Any]) -> None:
    """A run that is interrupted in any phase, after any step, and started again ends with the same weights.

    A method without a loop over ``context.steps`` starts from the beginning.
    """
    require_resumable(lambda context: made_by(try_method(cls, context=context)))


def made_by(trial: Trial) -> Mapping[str, Tensor]:
    """Return the tensors of what a method made."""
    unlearned = trial.unlearned
    return tensors_of({"student": unlearned.generator, "identifier": unlearned.identifier})


def steps_are_those_of_the_main_loop(cls: type[Any]) -> None:
    """The main loop, whose steps ``--evaluate-at`` counts, takes as many steps as ``step_count`` says."""
    count = cls(quick(cls.Config)).step_count()
    if count is None:
        return
    context = RecordingContext("check", torch.device("cpu"))
    try_method(cls, context=context)
    says = f"step_count() says {count} steps"
    remedy = "context.steps(total, state, name, main=True)"
    assert context.phases_to_main(), f"{says}, and no loop is the main one: {remedy}"
    taken = sum(stop.phase == context.phases_to_main()[-1] for stop in context.taken)
    assert taken == count, f"{says}, and the main loop takes {taken}: override step_count"


def every_option_works(cls: type[Any]) -> None:
    """With any one option changed from its default, the method can still be stored, rebuilt and resumed."""
    settings: dict[str, list[str]] = {}
    for setting, config in variants(quick(cls.Config)):
        if problem := problem_with(cls, setting, config):
            settings.setdefault(problem, []).append(setting)
    assert not settings, "; ".join(f"{_few(found)}{problem}" for problem, found in settings.items())


def _few(settings: Sequence[str], most: int = 3) -> str:
    """Return the first settings with one problem, and how many more have it."""
    more = f" and {len(settings) - most} more" if len(settings) > most else ""
    return ", ".join(settings[:most]) + more


def problem_with(cls: type[Any], setting: str, config: api.Params) -> str | None:
    """Return why a method fails with a setting, to be read after it; None if it works, or declines with a message."""
    try:
        trial = try_method(cls, config)
    except BenchError as error:
        if f"={OTHER}" not in setting:
            return None  # a toy world cannot meet every condition
        return f" is refused ({error}). Return attributes that must be clicked from also_asks"
    except Exception as error:
        return f" raises {type(error).__name__}: {error}"
    try:
        require_same(trial)
        require_resumable(lambda context: made_by(try_method(cls, config, context)))
    except Exception as error:
        return f": {error}"
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
    sweep_is_of_its_config,
    original_is_left_alone,
    unlearning_is_deterministic,
    global_randomness_is_left_alone,
    unlearned_keeps_the_contract,
    sampled_latents_decode_to_the_sampled_images,
    rebuild_gives_the_same_back,
    an_interrupted_run_is_resumed,
    steps_are_those_of_the_main_loop,
    every_option_works,
]
