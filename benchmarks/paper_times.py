"""Arithmetic behind the times expected of suite ``paper``, which nobody has measured yet: prints a TOML table.

    python benchmarks/paper_times.py        # one image through each network, on a CPU, a minute; then paste

Floating-point operations of one sample are counted by torch's FlopCounterMode on networks of the suite's sizes with
random weights. A cell is then feedback (one sample each), unlearning (a student's step: two samples of the teacher and
one of the student, forward and backward; a retraining image as ``TRAINING`` says), evaluation (both generators, the
oracle's MobileNet and Inception on every sample). Assumed: a GPU does 10 % of an H100's 989e12 bfloat16 operations a
second (NVIDIA's data sheet, dense).
"""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.pretrain import configured
from bench.progressive import ProgressiveGenerator
from bench.registry import Registry
from bench.settings import ModelSettings, load_suite, method_params
from bench.store import Store
from bench.training import build
from bench.workshop import Workshop

RATE = 0.1 * 989e12
IMAGES = 202_599 * 0.85  # CelebA without one of the features
# One image in training, in samples. VDVAE: counted over a step (895 GFLOP, encoder and posteriors included). ProgGAN:
# four of the generator, fifteen of a critic as large (real, fake, mixed images, gradient penalty; both directions).
TRAINING = {"vdvae": 5.7, "proggan": 19.0}
INCEPTION, MOBILENET = 11.4e9, 1.2e9  # one image at 299 and 224 px, two operations a multiplication; upper bounds


def main() -> None:
    shop = Workshop(Registry(), Store(Path(mkdtemp())), torch.device("cpu"))
    click.echo('[paper]\nbasis = "arithmetic at 10 % of an H100, never measured (benchmarks/paper_times.py)"')
    for model in ("vdvae", "proggan"):
        settings = load_suite("paper").models[model]
        sample, training = operations(shop, model, settings)
        looked = settings.evaluation.count * (2 * sample + INCEPTION + MOBILENET)
        shown = settings.feedback.count * (sample + MOBILENET)
        ours = method_params(shop.registry.get("methods", "ours").Config, settings.methods["ours"], {}, "ours")
        fields = ours.model_dump()
        student = fields["epochs"] * fields["steps_per_epoch"] * fields["batch_size"] * (2 + 3) * sample
        cells = {
            "original": looked,
            "ours": shown + student + looked,
            "retrain": settings.methods["retrain"]["epochs"] * IMAGES * training + looked,
        }
        times = ", ".join(f"{method} = {total / RATE:.0f}" for method, total in cells.items())
        click.echo(
            f"{model} = {{ {times} }}  # {sample / 1e9:.1f} GFLOP a sample, {training / 1e9:.1f} a training image"
        )


def operations(shop: Workshop, model: str, settings: ModelSettings) -> tuple[float, float]:
    """Count the operations of one sample, and estimate those of one image in training."""
    plugin, config = configured(shop, "models", model, settings.dataset, settings.pretrain)
    networks = build(plugin, config, "count")
    assert networks.generator is not None
    networks.generator.requires_grad_(False)
    if isinstance(networks.generator, ProgressiveGenerator):
        networks.generator.level = float(networks.generator.top)  # full size
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        networks.generator.sample(torch.randn(1, networks.generator.noise_dim))
    sample = counted.get_total_flops()
    return sample, TRAINING[model] * sample


if __name__ == "__main__":
    main()
