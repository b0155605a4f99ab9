"""How long a step of each training of a suite takes: the numbers of bench/experiments/planning/expected_trainings.toml.

Run: ``python benchmarks/training_times.py --data-dir DATA`` (two minutes on one thread). It takes CPU time, so other
work on the machine matters little. A network that grows is measured at ten places of its training, and the mean
counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import mean, median

import click
import numpy as np
import torch
from suite_cell import Asked, pictures, places

from bench.api import Batch, to_float
from bench.experiments.cells.recipes import Recipe, configured, recipe_of, split_of
from bench.experiments.cells.trained_here import extractor_recipe, oracle_recipe
from bench.toolkit.training import build
from bench.workspace.settings.suites import ModelSettings, load_suite
from bench.workspace.workspace import Workspace

PLACES = [(place + 0.5) / 10 for place in range(10)]  # progress of the training


def recipes(workspace: Workspace, model: str, settings: ModelSettings) -> Iterator[Recipe]:
    """Yield what a suite trains for a model."""
    if (oracle := oracle_recipe(settings, "feedback", workspace)) is not None:
        yield oracle
    for name in settings.evaluation.extractors or ():
        if (extractor := extractor_recipe(settings, name, workspace)) is not None:
            yield extractor
    if settings.weights is None:
        yield recipe_of(model, settings)


def seconds_per_step(workspace: Workspace, recipe: Recipe, steps: int) -> float:
    """Return the CPU time of a step, s: the mean over a training of the medians at ten places."""
    trainable, config = configured(workspace, recipe)
    networks = build(trainable, config, "times")
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers, split = (
        trainable.optimisers(networks),
        workspace.dataset(recipe.dataset).split(split_of(workspace, recipe)),
    )
    indices = np.arange(config.batch_size)
    table = split.attributes.iloc[indices].select_dtypes(include=["number", "bool"])
    targets = torch.tensor(table.to_numpy(dtype=np.float32))
    batch = Batch(to_float(pictures(split, indices)), targets, tuple(map(str, table.columns)))

    def took(progress: float, seed: int) -> float:
        began = time.process_time()
        trainable.training_step(networks, optimisers, batch, torch.Generator().manual_seed(seed), progress)
        return time.process_time() - began

    return mean(median([took(place, seed) for seed in range(steps + 1)][1:]) for place in PLACES)


@click.command()
@places
@click.option("--steps", type=click.IntRange(1), default=3, show_default=True, help="Steps at each place.")
def main(asked: Asked, steps: int) -> None:
    """Measure a step of everything that a suite trains for a model."""
    workspace, _ = asked.opened()
    lines = [
        f"{recipe.kind} {recipe.name} {recipe.dataset} {seconds_per_step(workspace, recipe, steps):.4f}"
        for recipe in recipes(workspace, asked.model, load_suite(asked.suite).models[asked.model])
    ]
    click.echo("\n".join(lines))
    if asked.out is not None:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
