"""Generators and feedback that a caller hands over, checked before they are used; errors name the argument."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bench.api import Feedback, Generator
from bench.api.checks import require_contract, require_drawable, require_float32
from bench.api.noise import leaves_prior
from bench.api.repeatable import require_repeatable
from bench.errors import PluginError, UsageError
from bench.library.known import KnownGenerator, known


def require_trainable(given: KnownGenerator, argument: str) -> None:
    """Raise UsageError unless a generator keeps the contract. Leaves it in eval mode, gradients off."""
    with _named(argument):
        _require_trainable_tensors(given, argument)
        require_contract(given.generator)


def measurable(value: KnownGenerator | Generator, argument: str) -> KnownGenerator:
    """Return a generator with its origin; raises UsageError unless it gives the same image for the same noise."""
    given = known(value, argument)
    require_shown(given, argument)
    with _named(argument):
        require_repeatable(given.generator)
    return given


def require_shown(given: KnownGenerator, argument: str) -> None:
    """Raise UsageError unless a generator draws what it declares.

    For generators from ``bench.load`` or ``bench.unlearn``, only the tensors are checked: float32, and not made in
    inference mode.
    """
    with _named(argument):
        _require_trainable_tensors(given, argument)
        if type(given) is KnownGenerator:
            require_drawable(given.generator)
        else:
            require_float32(given.generator)


def fitting_feedback(feedback: Feedback, generator: Generator, call: str) -> Feedback:
    """Return feedback with the prior of a generator; raises UsageError if it is not feedback on such a generator."""
    if not isinstance(feedback, Feedback):
        raise UsageError(f"{call}: feedback is a {type(feedback).__name__}; bench.make_feedback(labels, ...) makes it")
    if feedback.noise_array is not None and feedback.noise_array.shape[1] != generator.noise_dim:
        raise UsageError(
            f"{call}: the feedback's noise has {feedback.noise_array.shape[1]} numbers a sample; the generator draws "
            f"from {generator.noise_dim}"
        )
    if feedback.noise_array is not None and leaves_prior(generator, torch.from_numpy(feedback.noise_array)):
        raise UsageError(
            f"{call}: the feedback's noise leaves [-1, 1], but the generator's prior is uniform on it. Give the noise "
            "that the samples were drawn from"
        )
    return feedback.of(generator)


def _require_trainable_tensors(given: KnownGenerator, argument: str) -> None:
    """Raise UsageError for weights that can never be trained."""
    module = given.generator
    for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if tensor.is_inference():
            raise UsageError(f"{argument}: its {name} was made under torch.inference_mode(); build or load it outside")


@contextmanager
def _named(argument: str) -> Iterator[None]:
    try:
        yield
    except PluginError as error:
        raise UsageError(f"{argument}: {error}") from error
