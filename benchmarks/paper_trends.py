"""Why the paper's trends of alpha (Table 5) and of the loss terms (Table 4) do not show here: budget, loss, threshold.

Run: ``python benchmarks/paper_trends.py --data-dir DATA --out results/reference/vae/trends.csv``; twenty minutes on one
core. Feature thickness, shipped MNIST VAE, 500 clicks. A training of 500 steps is also, at step 20, a training of 20
steps, since the learning rate is constant: every budget comes from one run. A row per seed, setting, budget and metric.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch

import bench
from bench.api import Feedback, Generator
from bench.api.context import Context
from bench.api.models import Stateful
from bench.core.files import write_bytes
from bench.methods.ours import Config, Ours
from bench.toolkit.student_options import Trainee

FEATURE, SHOWN = "thickness", 500
BUDGETS = (20, 50, 200, 500)  # steps; the paper's for MNIST is 200
METRICS = ("target_ratio", "retain_change")
UNLEARN = {"reconstruction_term": False, "perception_term": False}
NO_PERCEPTION = {"perception_term": False}
SETTINGS: tuple[Mapping[str, Any], ...] = (
    *({"alpha": alpha} for alpha in (1.0, 5.0)),
    *({"l1": "sum", "alpha": alpha} for alpha in (1.0, 5.0)),
    *({"threshold": "midpoint", "alpha": alpha} for alpha in (1.0, 5.0)),
    *({"alpha": 3.0, **off} for off in (UNLEARN, NO_PERCEPTION, {})),
    *({"l1": "sum", "alpha": 3.0, **off} for off in (NO_PERCEPTION, {})),
)


@dataclass
class Watched(Context):
    """A run that keeps a copy of the student after each budget."""

    kept: dict[int, Generator] = field(default_factory=dict)

    def steps(self, total: int, state: Mapping[str, Stateful], name: str = "steps") -> Iterator[int]:
        trained = state["student"]
        assert isinstance(trained, Trainee)
        student = trained.student
        for step in super().steps(total, state):
            yield step
            if step + 1 in BUDGETS:
                self.kept[step + 1] = deepcopy(student).requires_grad_(False)


def students(original: Generator, feedback: Feedback, seed: int, setting: Mapping[str, Any]) -> dict[int, Generator]:
    """Return the student after each budget."""
    context = Watched(stream=f"unlearn/{seed}", device=torch.device("cpu"))
    config = Config(epochs=max(BUDGETS), **setting)
    Ours(config).unlearn(original, feedback, context)
    return context.kept


def described(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a setting as the columns of the table."""
    config = Config(**setting)
    terms = [name for name in ("unlearn", "reconstruction", "perception") if getattr(config, f"{name}_term")]
    return {
        "terms": " + ".join(terms),
        "alpha": config.alpha,
        "l1": config.l1,
        "threshold": config.threshold,
        "lr": config.lr,
    }


def measured(seed: int, count: int, data_dir: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the numbers of one seed: by setting, budget and metric; budget 0 is the original."""
    workspace = bench.open_workspace(data_dir=data_dir)
    known = bench.load("vae-mnist", workspace=workspace)
    shown = bench.sample(known, SHOWN, stream=f"feedback/{seed}")
    labels, threshold = bench.ask_oracle(shown, FEATURE, "mnist", generator=known, workspace=workspace)
    feedback = bench.make_feedback(labels, stream=f"feedback/{seed}")
    task: dict[str, Any] = {"feature": FEATURE, "dataset": "mnist", "threshold": threshold, "extractors": []}
    for setting in SETTINGS:
        trained = students(known.generator, feedback, seed, setting)
        for budget, student in {0: known.generator, **trained}.items():
            found = bench.evaluate(student, known.generator, **task, count=count, workspace=workspace)
            for metric in METRICS:
                value = float(found.loc[metric, "value"])
                yield {"seed": seed, **described(setting), "epochs": budget, "metric": metric, "value": value}


def table(numbers: list[dict[str, Any]], count: int) -> pd.DataFrame:
    """Return the numbers with what stood behind them."""
    return pd.DataFrame(numbers).assign(count=count, data="MNIST (real)", source="oracle morpho_mnist")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--count", type=click.IntRange(100), default=2000, show_default=True, help="Evaluation samples.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder of MNIST.")
def main(out: Path, seeds: int, count: int, data_dir: Path | None) -> None:
    """Write a row per seed, setting, budget and metric; the file is written anew after each seed."""
    torch.set_num_threads(1)
    numbers: list[dict[str, Any]] = []
    for seed in range(seeds):
        for number in measured(seed, count, data_dir):
            numbers.append(number)
            click.echo(number)
        write_bytes(out, table(numbers, count).to_csv(index=False, float_format="%.6g").encode())


if __name__ == "__main__":
    main()
