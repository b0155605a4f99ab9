"""Run this project on a GPU for a few minutes: train better weights, and time everything.

Run: ``python benchmarks/on_gpu.py --out results/runs/on-gpu --minutes 8``. It trains VDVAE and ProgGAN further from the
shipped weights. With ``--dataset celeba --data-dir DATA`` it trains what the suite ``celeba`` needs instead: two
oracles, the extractor, ProgGAN and VDVAE. For each it writes weights in half precision (``small_enough``: at most
16 MiB), and for generators a grid of 64 samples as they come, rates of attributes and FID. Then it times unlearning,
sampling, metrics and the networks of the suite ``paper``.

``on-gpu.json`` holds every row and every rate; it is written again after each, so a run that is cut short keeps what it
has. Nothing begins after ``--minutes``: what is left out has a row that says "skipped": "no time". ``--toy`` runs every
part at sizes for a CPU: it shows that the script works, and nothing else. No GPU has run it yet.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import attribute_rates
import click
import gpu_speed
import numpy as np
import torch
from gpu_training import Plan, held, networks_for, part_of, synchronised, trained
from torch import Tensor

from bench.api import Batch, Classifier, Dataset, Extractor, Generator, Split
from bench.core import machine, modes
from bench.core.files import write_bytes
from bench.registry import Registry
from bench.toolkit import estimates
from bench.toolkit.frechet import statistics_of
from bench.workspace.pictures import save_grid
from bench.workspace.settings.suites import load_suite
from bench.workspace.weights import loading

Far = Callable[[Tensor], estimates.Estimate]

TRAINING = 0.75  # share of the time for trainings and what is seen in them; the rest measures speed
NO_TIME = "no time"  # a row's "skipped"
FURTHER = {
    "vdvae": {"batch_size": 64, "bfloat16": True, "kl_factors": "", "kl_end": 1.0, "decay_from": 0.3},
    "proggan": {"batch_size": 64, "precision": "bfloat16", "lr": 5e-4},
}  # settings of the trainings from the shipped weights
GPU = {
    "proggan": {"batch_size": 64, "precision": "bfloat16"},
    "vdvae": {"batch_size": 64},
}  # settings of the trainings from the beginning
SHRUNK = {
    "vdvae": {"preset": "lite", "batch_size": 2},
    "proggan": {"fmap_base": 64, "latent_dim": 16, "batch_size": 4},
}  # the suite paper's networks at toy size
LITE = {"vae": "vae-mnist", "dcgan": "dcgan-mnist", "proggan": "proggan-synthfaces", "vdvae": "vdvae-synthfaces"}


@dataclass(frozen=True)
class Size:
    """The amount of work: for a GPU, or at toy size."""

    images: int
    samples: int
    matrix: int
    times: int
    batch: int | None
    training: float  # most seconds of a training
    toy: bool


FULL = Size(250_000, 10_000, 8192, 10, None, math.inf, False)  # CelebA has 202,599 photographs
TOY = Size(64, 128, 256, 1, 4, 0.5, True)


class Report:
    """Rows and rates, written after each addition; what comes after the deadline is skipped, and its row says so."""

    def __init__(self, folder: Path, device: torch.device, seconds: float) -> None:
        self.folder, self.rows = folder, list[gpu_speed.Row]()
        self.rates: list[dict[str, Any]] = []
        self.made = machine.provenance(device)
        began = time.perf_counter()
        self.trains_until, self.ends = began + TRAINING * seconds, began + seconds

    def add(self, row: gpu_speed.Row) -> None:
        self.rows.append(row)
        click.echo("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
        content = {"made_by": self.made, "rows": self.rows, "rates": self.rates}
        write_bytes(self.folder / "on-gpu.json", json.dumps(content, indent=1, default=str).encode())

    def late(self, what: str) -> bool:
        """Say whether the time is over; a row that is left out is written as skipped."""
        over = time.perf_counter() >= self.ends
        if over:
            self.add({"what": what, "skipped": NO_TIME})
        return over

    def measure(self, jobs: Iterable[gpu_speed.Job]) -> None:
        """Add the row of every job that begins before the deadline."""
        for what, work in jobs:
            if not self.late(what):
                self.add(work())

    def trainings(self, plans: Sequence[Plan], most: float) -> Iterator[tuple[Plan, float]]:
        """Yield trainings and their seconds: a share of what is left when they begin."""
        for place, plan in enumerate(plans):
            left = self.trains_until - time.perf_counter()
            if left <= 0:
                self.add({"what": f"train {plan.label}", "skipped": NO_TIME})
            else:
                yield plan, min(most, left * plan.share / sum(each.share for each in plans[place:]))


def plans(toy: bool) -> Iterator[Plan]:
    """Yield the trainings on synthetic faces."""
    for name, share in (("vdvae", 0.6), ("proggan", 0.4)):
        settings = {**FURTHER[name], **({"batch_size": SHRUNK[name]["batch_size"]} if toy else {})}
        yield Plan("models", name, "synthfaces", share, LITE[name], settings)


def celeba_plans(toy: bool) -> list[Plan]:
    """Return the trainings of the suite ``celeba``: two oracles, the extractor, the generators."""
    models = load_suite("celeba").models
    few = {"batch_size": 8} if toy else {}
    oracle, extractor = models["proggan"].oracle.pretrain, models["proggan"].evaluation.pretrain
    found = [Plan("classifiers", "mobilenet", "celeba", 0.1, None, {**oracle, **few}, s) for s in (0, 1)]
    found.append(Plan("extractors", "faces", "celeba", 0.05, None, {**extractor, **few}))
    for name, share in (("proggan", 0.45), ("vdvae", 0.3)):
        small = SHRUNK[name] if toy else GPU[name]
        found.append(Plan("models", name, "celeba", share, None, {**models[name].pretrain, **small}))
    return found


def judge_of(plugin: str, networks: Any) -> Classifier:
    judge: Classifier = Registry().get("classifiers", plugin)(networks)
    return judge


def describe(
    report: Report, label: str, generator: Generator, judge: Classifier, data: dict[str, float], size: Size, far: Far
) -> None:
    """Write a grid, rates and FID."""
    if report.late(f"samples of {label}"):
        return
    images = attribute_rates.samples(generator, "evaluation", size.samples)
    save_grid(images[:64], report.folder / f"grid-{label}.png", 8)
    rows = list(attribute_rates.rows_of(label, attribute_rates.rates(judge, images), data, len(images)))
    report.rates += rows
    row: dict[str, Any] = {"what": f"samples of {label}", "n": len(images), "of": len(rows)}
    row["agree"] = sum(each["agrees"] == "yes" for each in rows)
    distance = far(images)
    report.add(row | {"fid": distance.value, "half_width": distance.half_width})


def train_faces(report: Report, device: torch.device, size: Size) -> None:
    """Train VDVAE and ProgGAN further on synthetic faces; the shipped weights are described for comparison."""
    dataset = Registry().get("datasets", "synthfaces")(None)
    began = synchronised()
    split = held(dataset, "synthfaces", "train", size.images, device, os.cpu_count() or 1)
    report.add({"what": "render training images", "seconds": synchronised() - began, "images": len(split)})
    judge = attribute_rates.judge()
    _move(judge, device)
    test = dataset.split("test").read(np.arange(min(size.samples, 10_000)))
    data = attribute_rates.rates(judge, test)
    far = partial(attribute_rates.distance, device=device)
    for plan, seconds in report.trainings([*plans(size.toy)], size.training):
        shipped = loading.load_original(Registry(), LITE[plan.name]).generator.to(device)
        describe(report, LITE[plan.name], shipped, judge, data, size, far)
        networks, row = trained(plan, dataset, split, seconds, device, report.folder)
        report.add(row)
        assert networks.generator is not None
        describe(report, plan.label, networks.generator, judge, data, size, far)


def train_celeba(report: Report, device: torch.device, size: Size, data_dir: Path | None) -> None:
    """Train the suite ``celeba``; the second oracle judges the generators."""
    dataset: Dataset = Registry().get("datasets", "celeba")(data_dir)
    began, made = synchronised(), dict[str, Any]()
    whole, parts = photographs(dataset, size, device)
    report.add({"what": "read photographs", "seconds": synchronised() - began, "images": len(whole)})
    if len(parts["test"]) == 0:  # the first photographs of CelebA are all for training
        report.add({"what": "no photograph of the split test", "instead": dataset.training_split})
        parts["test"] = whole
    for plan, seconds in report.trainings(celeba_plans(size.toy), size.training):
        split = whole if plan.kind == "models" else parts["train"]
        networks, row = trained(plan, dataset, split, seconds, device, report.folder)
        report.add({**row, "data": dataset.label})
        if plan.kind == "classifiers":
            made["judge"] = judge_of(plan.name, networks)
            made["rates"] = attribute_rates.rates(made["judge"], first(parts["test"], size.samples))
        elif plan.kind == "extractors":
            made["far"] = _distance(Registry().get("extractors", plan.name)(networks), whole, device)
        elif networks.generator is not None:
            describe(report, plan.label, networks.generator, made["judge"], made["rates"], size, made["far"])


def photographs(dataset: Any, size: Size, device: torch.device) -> tuple[Split, dict[str, Split]]:
    """Read photographs once; the splits "train" and "test" are parts of what is held."""
    whole = held(dataset, "celeba", dataset.training_split, size.images, device, os.cpu_count() or 1)
    place = {name: index for index, name in enumerate(dataset.split(dataset.training_split).read.names[: len(whole)])}
    names = {part: dataset.split(part).read.names for part in ("train", "test")}
    return whole, {
        part: part_of(whole, np.array([place[name] for name in names[part] if name in place], dtype=np.int64))
        for part in names
    }


def first(split: Split, count: int) -> Tensor:
    """Return the first images of a split, on the CPU."""
    return split.read(np.arange(min(count, len(split)))).cpu()


def _distance(extractor: Extractor, whole: Split, device: torch.device) -> Far:
    """Return what measures the Frechet distance from the images held in the embeddings of an extractor."""
    reference = statistics_of(attribute_rates.embedded(extractor, first(whole, len(whole)), device), "all")
    return lambda drawn: estimates.frechet(attribute_rates.embedded(extractor, drawn, device), reference)


def time_all(report: Report, device: torch.device, size: Size) -> None:
    """Time unlearning, sampling and metrics with the shipped weights, the networks of ``paper``, and torch.compile."""
    if report.late("speed"):
        return
    peaks = gpu_speed.peak_of(device, size.matrix)
    report.add({"what": "peak of matrix products, operations/s", **peaks})
    generators = {name: loading.load_original(Registry(), file).generator.to(device) for name, file in LITE.items()}
    batches = {name: size.batch or int(load_suite("lite").models[name].student.get("batch_size", 64)) for name in LITE}
    for name, generator in generators.items():
        report.measure(gpu_speed.of_generator(name, generator, batches[name], peaks, size.times))
    images = gpu_speed.bytes_of(generators["proggan"], min(size.samples, 2048))
    report.measure(gpu_speed.of_observers(observing(device), images, size.times))
    for name in ("vdvae", "proggan"):
        if not report.late(f"paper {name}"):
            report.measure(paper_speed(name, device, size, peaks))
    if device.type == "cuda":  # last, as compiling takes longest
        for name, generator in generators.items():
            report.measure(gpu_speed.of_compiled(name, generator, batches[name], ("float32", "bfloat16"), size.times))


def observing(device: torch.device) -> dict[str, Callable[[Tensor], object]]:
    """Return what looks at faces: the judge, and the distance with its extractor."""
    judge = attribute_rates.judge()
    _move(judge, device)
    return {
        "judge": lambda images: attribute_rates.rates(judge, images),
        "fid[faces]": lambda images: attribute_rates.distance(images, device),
    }


def paper_speed(name: str, device: torch.device, size: Size, peaks: dict[str, float]) -> Iterator[gpu_speed.Job]:
    """Yield what measures the speed of the suite ``paper``'s networks, untrained, on images of noise."""
    suite = load_suite("paper").models[name]
    shape = Registry().get("datasets", suite.dataset).image_shape
    settings = {**suite.pretrain, **(SHRUNK[name] if size.toy else {}), "image_shape": shape}
    plan = Plan("models", name, "synthfaces", 0, None, settings)
    plugin, networks = networks_for(plan, Registry().get("datasets", "synthfaces")(None), device)
    batch_size = networks.config.batch_size
    images = torch.rand(batch_size, *shape, device=device)
    step = gpu_speed.pretraining(plugin, networks, Batch(images, torch.empty(batch_size, 0, device=device)))
    label = f"paper {name}"
    what = f"{label}: training step"
    timed = modes.convolutions(tf32=True)(gpu_speed.measured)  # as in training
    yield what, partial(timed, what, step, batch_size, "bfloat16", peaks["bfloat16"], size.times)
    assert networks.generator is not None
    generator = networks.generator.eval().requires_grad_(False)
    batch = size.batch or int(suite.student["batch_size"])
    yield from gpu_speed.of_generator(label, generator, batch, peaks, size.times)


def _move(judge: Classifier, device: torch.device) -> None:
    for module in judge.networks.modules().values() if judge.networks is not None else ():
        module.to(device)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for what is written.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=8.0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--dataset", type=click.Choice(["synthfaces", "celeba"]), default="synthfaces", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), envvar="BENCH_DATA")
@click.option("--toy", is_flag=True, help="Every part at sizes for a CPU.")
def main(out: Path, minutes: float, device: str, dataset: str, data_dir: Path | None, toy: bool) -> None:
    """Train and time everything on one device."""
    chosen, size = machine.choose_device(device), TOY if toy else FULL
    out.mkdir(parents=True, exist_ok=True)
    report = Report(out, chosen, 60 * minutes)
    with modes.convolutions(tf32=False):  # trainings have it
        if dataset == "celeba":
            train_celeba(report, chosen, size, data_dir)
        else:
            train_faces(report, chosen, size)
        time_all(report, chosen, size)


if __name__ == "__main__":
    main()
