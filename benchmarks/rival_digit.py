"""Digit 1 on the VAE of Mandal and Gottwald (arXiv 2506.04712): their methods and ours, from 500 clicks and from data.

Run: ``python benchmarks/rival_digit.py vae_200.pth --data-dir DATA --out results/reference/rival-digit.csv`` (half an
hour on one core). ``vae_200.pth`` is data/MNIST/vae/vae_200.pth of github.com/pinakm9/forget at 100893f. One network
that reads blurred digits clicks and another one judges, on 10,000 samples.

``uno``, ``uno_s`` and ``gradient_ascent`` take the settings of their runs: 53 steps of 128 and 128 images, Adam at
1e-3, networks in train mode, weight 1,000. What differs from their code:

- They judge 128 latents with the networks in train mode; here batch norm has the statistics that training left.
- In each step they draw those 128 latents too, which enters the statistics of the decoder's batch norm.
- They draw images without replacement; ``gradient_ascent, alternating`` is their A-D with the plain retain gradient.

``retrain`` is one pass over the images of other digits, with their loss. A setting of ours is the default, or that
chosen for the shipped VAE.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pandas as pd

from bench.core.files import write_bytes
from bench.registry import Registry
from bench.workspace.weights import checkpoint, saving

PLUGINS = Path(__file__).parent / "plugins"
BENCH = (sys.executable, "-c", "from bench.cli import main; main()")
BATCH = 128  # images to forget and images to retain in a step of theirs
THEIRS = (f"batch_size={BATCH}", "lr=1e-3", "train_mode=true")
EPOCH = "epochs=53"  # steps: their batches of digit 1 in an epoch
WEIGHT = f"weight={1000 / BATCH}"  # 1,000 next to their loss, a sum over the batch (vae_loss.py); ours is the mean
PUBLISHED = {
    "uno": ("uno", WEIGHT),
    "uno_s": ("uno_s", WEIGHT),
    "gradient_ascent": ("gradient_ascent", "alternate=false"),
    "gradient_ascent, alternating": ("gradient_ascent", "alternate=true"),
}
CASES: dict[str, tuple[str, ...]] = {
    "original": ("original",),
    "ours": ("ours",),
    "ours, midpoint": ("ours", "threshold=midpoint"),
    "ours, fu's reading": ("ours", "threshold=midpoint", "step=raw", "l1=sum", "batch_size=256"),
    "surrogate": ("surrogate", "grid=1", "weight=0.03", "lr=1e-3"),
    **{label: (name, *own, EPOCH, *THEIRS) for label, (name, *own) in PUBLISHED.items()},
    **{
        label.replace(name, f"{name}_with_data"): (f"{name}_with_data", *own, EPOCH, *THEIRS)
        for label, (name, *own) in PUBLISHED.items()
    },
    "uno_with_data, 200 steps": ("uno_with_data", WEIGHT, "epochs=200", *THEIRS),
    "retrain": ("retrain", "epochs=1", f"batch_size={BATCH}"),
}
SHOWN = ("target_ratio", "retain_change", "fid[digits]", "fid_retain[digits]", "attribute_shift")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--data-dir", type=click.Path(path_type=Path), required=True, help="Folder that holds MNIST.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@click.option("--results", type=click.Path(path_type=Path), default="results/runs", help="Folder of stored cells.")
@click.option("--seed", "seeds", default="0-2", show_default=True, help="Of clicks and unlearning.")
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="These cases alone.")
def main(file: Path, data_dir: Path, out: Path, results: Path, seeds: str, cases: tuple[str, ...]) -> None:
    """Write a row per case, seed and metric, and print the means."""
    weights, rows = imported(file, results.parent / "rival"), []
    for label in cases or CASES:
        method, *params = CASES[label]
        asked = ("--method", method, "--model", "forget_vae", "--feature", "digit=1", "--dataset", "mnist")
        more = [word for each in params for word in ("-p", each)]
        places = ("--plugins", PLUGINS, "--results", results, "--data-dir", data_dir, "--weights", weights)
        for record in map(json.loads, run("run", *asked, *more, *places, "--seed", seeds, "--json").splitlines()):
            if record["status"] != "ok":
                raise click.ClickException(f"{label}: {record['status']}: {record['reason']}")
            rows += rows_of(label, record)
    frame = pd.DataFrame(rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(out, frame.to_csv(index=False, float_format="%.6g").encode())
    means = frame.groupby(["case", "metric"], sort=False)["value"].agg(["mean", "std"]).unstack("metric")
    click.echo(means.swaplevel(axis=1).sort_index(axis=1, level=0, sort_remaining=False).to_string(float_format="%.4f"))


def rows_of(label: str, record: dict) -> list[dict]:
    """Return the rows of a cell for the output file."""
    values = {name: record["metrics"][name] for name in SHOWN}
    seconds = {"value": record["timings"]["unlearn"]["seconds"], "low": None, "high": None, "n": 1}
    about = {"case": label, "method": record["method"], "needs": " ".join(record["needs"]), "seed": record["seed"]}
    return [
        {**about, "metric": name, **{key: value[key] for key in ("value", "low", "high", "n")}}
        for name, value in {**values, "seconds": seconds}.items()
    ]


def imported(file: Path, folder: Path) -> Path:
    """Import the file with ``bench zoo import``, divide it into generator and encoder; return the weights file."""
    whole, out = folder / "whole.safetensors", folder / "forget_vae.safetensors"
    if out.exists():
        return out
    folder.mkdir(parents=True, exist_ok=True)
    run(
        "zoo", "import", file, "--format", "state-dict", "--model", "forget_whole", "--out", whole, "--plugins", PLUGINS
    )
    tensors = {name.removeprefix("generator.net."): t for name, t in checkpoint.read(whole).tensors.items()}
    model = Registry((PLUGINS,)).get("models", "forget_vae")()
    networks = model.build(model.Config())
    for module in networks.modules().values():
        module.load_state_dict({name: tensors[name] for name in module.state_dict()})
    saving.save_networks(out, "model", "forget_vae", networks, {"made": f"from {file.name}"})
    return out


def run(*words: object) -> str:
    """Run a command of ``bench``; return what it prints."""
    done = subprocess.run([*BENCH, *map(str, words)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"bench {words[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
