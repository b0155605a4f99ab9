"""How many images a person must look at for 50 with the feature: as they are drawn, and the most likely first.

Run: ``python benchmarks/click_order.py --out results/reference/click-order.csv`` (minutes on one core). The oracle that
clicks in ``bench run`` stands for the person, on pages of 100 images of 5,000.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

import bench
from bench.core.files import write_bytes
from bench.feedback.page import session
from bench.feedback.page.layout import page_of
from bench.registry import Registry

COUNT, PAGE, WANTED, SEEDS = 5000, 100, 50, (0, 1, 2)
CASES = (
    ("vae", "vae-mnist", "mnist", "thickness"),
    ("vae", "vae-mnist", "mnist", "slant"),
    ("proggan", "proggan-synthfaces", "synthfaces", "beard"),
    ("proggan", "proggan-synthfaces", "synthfaces", "bang"),
    ("proggan", "proggan-synthfaces", "synthfaces", "Eyeglasses"),
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@click.option("--model", help="This model alone.")
@click.option("--seed", "seeds", type=int, multiple=True, default=SEEDS, show_default=True, help="Of the samples.")
def main(out: Path, model: str | None, seeds: tuple[int, ...]) -> None:
    """Write a row per case and seed."""
    torch.set_num_threads(1)
    rows = []
    for name, weights, dataset, feature in CASES:
        for seed in seeds if model in (None, name) else ():
            original, stream = bench.load(weights), f"feedback/{seed}"
            images = bench.sample(original, COUNT, stream=stream)
            labels, _ = bench.ask_oracle(images, feature, dataset)
            row = {"model": name, "feature": feature, "seed": seed, "share": labels.mean()}
            row |= {order: looked(weights, name, stream, labels, order == "likely") for order in ("drawn", "likely")}
            rows.append(row)
            click.echo(row)
            write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.4g").encode())


def looked(weights: str, model: str, stream: str, labels: np.ndarray, likely: bool) -> int:
    """Click page by page until 50 were found, and return how many images were looked at by then."""
    with tempfile.TemporaryDirectory() as folder:
        asked = session.ClickRequest(weights, model, "feature", (), COUNT, stream, Path(folder))
        desk = session.opened(asked, Registry(), torch.device("cpu"))
        found, place = set(), 0
        while len(found) < WANTED:
            page = page_of(desk.book, desk.original, place, PAGE, likely=likely)
            tiles = desk.book.tiles("original")
            desk.book.mark("original", "feature", {tile: bool(labels[tiles[tile][0]]) for tile in page})
            desk.book.look("original", "feature", page)
            for tile in page:
                place += 1
                found |= {tiles[tile][0]} if labels[tiles[tile][0]] else set()
                if len(found) == WANTED:
                    break
        desk.book.close()
        return place


if __name__ == "__main__":
    main()
