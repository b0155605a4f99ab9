"""Arithmetic behind the times expected of the paper suites, which nobody has measured yet: prints TOML tables.

    python benchmarks/paper_times.py        # one image through each network, on a CPU, a minute; then paste

Floating-point operations of one sample are counted by torch's FlopCounterMode on networks of the suites' sizes with
random weights. A cell is then feedback (one sample each), unlearning (a student's step: two samples of the teacher and
one of the student, forward and backward; a retraining image as ``TRAINING`` says), evaluation (both generators, the
oracle's MobileNet and Inception on every sample). Assumed: a GPU does 10 % of an H100's 989e12 bfloat16 operations a
second in training and 10 % of its 494.7e12 TF32 operations elsewhere (NVIDIA's data sheet, dense); only training
is in bfloat16. Left out: Inception's statistics of the data set, once, a minute or so.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.api import Generator
from bench.experiments.pretrain import Recipe, configured
from bench.models.proggan.progressive import ProgressiveGenerator
from bench.registry import Registry
from bench.toolkit.training import build
from bench.workspace.store import Store
from bench.workspace.suites import ModelSettings, load_suite, method_params
from bench.workspace.workspace import Workspace

TRAINING_RATE, RATE = 0.1 * 989e12, 0.1 * 494.7e12
IMAGES = {"mnist": 60_000, "celeba": 202_599, "celeba128": 202_599, "celebahq": 30_000}
WITHOUT = 0.85  # share of the images that retraining sees
# One image in training, in samples. VDVAE: counted over a step (895 GFLOP, encoder and posteriors included). ProgGAN:
# four of the generator, fifteen of a critic as large (real, fake, mixed images, gradient penalty; both directions).
# VAE and DCGAN: six and twelve, generous.
TRAINING = {"vdvae": 5.7, "proggan": 19.0, "vae": 6.0, "dcgan": 12.0}
INCEPTION, MOBILENET = 11.4e9, 1.2e9  # one image at 299 and 224 px, two operations a multiplication; upper bounds
STEP = 0.01  # seconds a step takes at least: kernels are launched one by one
LEAST = 10  # seconds: whatever the arithmetic says, a cell starts, reads and writes


def main() -> None:
    workspace = Workspace(Registry(), Store(Path(mkdtemp())), torch.device("cpu"))
    for suite in ("paper", "paper-hq"):
        click.echo(f'[{suite}]\nbasis = "arithmetic at 10 % of an H100, never measured (benchmarks/paper_times.py)"')
        for model, settings in load_suite(suite).models.items():
            plugin, config = configured(workspace, Recipe("models", model, settings.dataset, settings.pretrain))
            sample = operations(build(plugin, config, "count").generator)
            found = seconds(workspace, model, settings, sample, config.batch_size)
            times = ", ".join(f"{what} = {max(LEAST, time):.0f}" for what, time in found.items())
            click.echo(
                f"{model} = {{ {times} }}  # {sample / 1e9:.3g} GFLOP a sample, {TRAINING[model]:g} times in training"
            )


def seconds(workspace: Workspace, model: str, settings: ModelSettings, sample: float, batch: int) -> dict[str, float]:
    """Return the time of each method's cell, and of pre-training where no weights are named."""

    def training(epochs: float, images: float) -> float:
        return epochs * images * max(TRAINING[model] * sample / TRAINING_RATE, STEP / batch)

    count, images = settings.evaluation.count, IMAGES[settings.dataset]
    looked = count * (2 * sample + INCEPTION + MOBILENET) / RATE
    shown = settings.feedback.count * (sample + MOBILENET) / RATE
    again = count * 2 * sample / RATE  # to draw what is edited, or drawn anew
    found = {"original": looked, "latent_edit": shown + looked + again, "reject": looked + again}
    for name in ("ours", "probe"):
        params = method_params(
            workspace.registry.get("methods", name).Config, settings.methods[name], {}, name
        ).model_dump()
        steps = params["epochs"] * params["steps_per_epoch"]
        found[name] = shown + steps * max(params["batch_size"] * (2 + 3) * sample / RATE, STEP) + looked
    if "retrain" in settings.methods:
        found["retrain"] = training(settings.methods["retrain"]["epochs"], WITHOUT * images) + looked
    if settings.weights is None:
        found["pretrain"] = training(settings.pretrain["epochs"], images)
    return found


def operations(generator: Generator | None) -> float:
    """Count the operations of one sample."""
    assert generator is not None
    generator.requires_grad_(False)
    if isinstance(generator, ProgressiveGenerator):
        generator.level = float(generator.top)  # full size
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        generator.sample(torch.randn(1, generator.noise_dim))
    return float(counted.get_total_flops())


if __name__ == "__main__":
    main()
