"""Like ``ours``, with a non-linear probe of the latent instead of a direction; not in the paper.

If a feature is not a straight direction (stroke thickness in a DCGAN), a linear rule finds and removes it badly. Here
an ensemble of small dropout networks learns from the same clicks, and flagged latents follow its gradient until their
score is safe. The student is then trained exactly as in the paper (arXiv 2303.05699, Eq. 2-5), with the same losses
and the same budget. For long latents (VDVAE), choose the layers to read: ``layers=1,4``.

Deviations from the paper: identifier (Eq. 1) and edit (the argument in Eq. 3) are the probe's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from bench.api import Context, Feedback, Generator, Method, Oracle, Unlearned, hookimpl
from bench.toolkit.latent_probe import Probe, ProbeParams, fit_probe
from bench.toolkit.student import StudentParams, train_student


class Config(ProbeParams, StudentParams):
    """Hyper-parameters of the probe, the edit and the student's training."""


class ProbeMethod(Method[Config]):
    """Unlearning along a non-linear probe's gradient."""

    Config = Config

    @classmethod
    def sweep(cls) -> Mapping[str, Sequence[Any]]:
        return {"safe_share": (0.4, 0.6, 0.7)}

    def unlearn(self, generator: Generator, feedback: Feedback, context: Context) -> Unlearned:
        probe = fit_probe(generator, feedback, self.config, context)
        return Unlearned(train_student(generator, probe, self.config, context), probe)

    def rebuild(self, original: Generator, oracle: Oracle | None) -> Unlearned:
        return Unlearned(deepcopy(original), Probe(original, self.config))


@hookimpl
def register_methods(register):  # type: ignore[no-untyped-def]
    register(ProbeMethod)
