"""How far a judge learnt from clicks is from the oracle: both count the feature in the same samples, before and after.

Run: ``python benchmarks/learnt_judge.py --out results/reference/learnt-judge.csv`` (half an hour on one core, mostly
for proggan). An oracle clicks on 500 samples, ``ours`` unlearns from these clicks, a judge learns from the same clicks,
and the oracle says what is true; of one that is trained, another copy than the one that clicked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import pandas as pd
import torch

import bench
from bench.core.files import write_bytes

SHOWN, SEEDS = 500, (3, 4, 5)  # the judge was chosen on seeds 0-2


@dataclass(frozen=True)
class Case:
    """A shipped generator, a feature, and the data set whose oracles know it."""

    model: str
    feature: str
    weights: str
    dataset: str


CASES = (
    Case("vae", "thickness", "vae-mnist", "mnist"),
    Case("dcgan", "slant", "dcgan-mnist", "mnist"),
    Case("dcgan", "thickness", "dcgan-mnist", "mnist"),
    Case("proggan", "beard", "proggan-synthfaces", "synthfaces"),
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@click.option("--count", type=click.IntRange(100), default=4000, show_default=True, help="Evaluation samples.")
@click.option("--model", help="This model alone.")
def main(out: Path, count: int, model: str | None) -> None:
    """Write a row per case and seed."""
    torch.set_num_threads(1)
    rows = []
    for case in CASES:
        for seed in SEEDS if model in (None, case.model) else ():
            rows.append(measured(case, seed, count))
            click.echo(rows[-1])
            write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g").encode())


def measured(case: Case, seed: int, count: int) -> dict[str, object]:
    """Unlearn once, and return what the oracle and the learnt judge say."""
    workspace, stream = bench.open_workspace(), f"feedback/{seed}"
    original = bench.load(case.weights, workspace=workspace)
    shown = bench.sample(original, SHOWN, stream=stream)
    labels, threshold = bench.ask_oracle(shown, case.feature, case.dataset, workspace=workspace)
    feedback = bench.make_feedback(labels, stream=stream)
    unlearned = bench.unlearn(original, feedback, "ours", seed=seed, workspace=workspace)
    task = {"feature": case.feature, "dataset": case.dataset, "threshold": threshold, "extractors": []}
    truth = bench.evaluate(unlearned, original, **task, count=count, workspace=workspace)
    learnt = bench.evaluate(unlearned, original, feedback=feedback, count=count, workspace=workspace)
    row: dict[str, object] = {"model": case.model, "feature": case.feature, "seed": seed}
    row |= {"shown": SHOWN, "clicked": int(labels.sum()), "count": count}
    for when, prefix in (("before", "original_"), ("after", "")):
        found = learnt.loc[f"{prefix}learnt_target_ratio"]
        row[f"oracle_{when}"] = truth.loc[f"{prefix}target_ratio", "value"]
        row |= {f"learnt_{when}": found["value"], f"low_{when}": found["low"], f"high_{when}": found["high"]}
    return row | {name: learnt.loc[f"learnt_{name}", "value"] for name in ("agreement", "resolution")}


if __name__ == "__main__":
    main()
