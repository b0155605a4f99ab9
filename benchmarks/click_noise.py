"""How careful clicks must be: a scripted person makes mistakes on the page, and the page's own run unlearns from them.

Run: ``python benchmarks/click_noise.py --out results/reference/click-noise.csv``. Each row is a whole session: the page
is served, every image is looked at page by page, the oracle that clicks in ``bench run`` says what to select, a share
of the clicks is mistaken, and the button is pressed. Another copy of the oracle judges. ``--model proggan --feature
beard --count 2000 --noise 0 --noise 0.05 --method ours`` is the end-to-end check (ten minutes on two quiet cores).
"""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import numpy as np
import pandas as pd
import torch

import bench
from bench.core import randomness
from bench.core.files import write_bytes
from bench.feedback.page import serving, session
from bench.feedback.page.outcome import labels_of
from bench.feedback.repeats import label_noise
from bench.registry import Registry
from bench.workspace.store.record import Record
from bench.workspace.store.store import Store

WEIGHTS = {"vae": ("vae-mnist", "mnist"), "proggan": ("proggan-synthfaces", "synthfaces")}
PAGE = 100


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file; rows that it has are kept.")
@click.option("--model", type=click.Choice([*WEIGHTS]), default="vae", show_default=True)
@click.option("--feature", default="thickness", show_default=True)
@click.option("--count", default=500, show_default=True, help="Images that are looked at.")
@click.option("--noise", "noises", type=float, multiple=True, default=(0, 0.02, 0.05, 0.1, 0.2), show_default=True)
@click.option("--method", "methods", multiple=True, default=("ours", "probe"), show_default=True)
@click.option(
    "--seed", "seeds", type=int, multiple=True, default=(0, 1, 2), show_default=True, help="Of samples and mistakes."
)
@click.option("--evaluated", default=4000, show_default=True, help="Samples that are judged.")
def main(out: Path, noises: tuple[float, ...], methods: tuple[str, ...], seeds: tuple[int, ...], **asked: Any) -> None:
    """Write a row for each seed, method and share of mistakes."""
    torch.set_num_threads(1)
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    for seed in seeds:
        for noise in noises:
            for method in methods:
                began = time.monotonic()
                row = {"seed": seed, "method": method, "noise": noise, **asked}
                if any(all(known.get(name) == value for name, value in row.items()) for known in rows):
                    continue
                rows.append(row | run(seed=seed, method=method, noise=noise, **asked))
                click.echo(f"{rows[-1]} {time.monotonic() - began:.0f} s")
                write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g").encode())


def run(model: str, feature: str, count: int, noise: float, method: str, seed: int, evaluated: int) -> dict[str, Any]:
    """Serve the page, click and unlearn; returns what became of it."""
    weights, dataset = WEIGHTS[model]
    stream, registry = f"feedback/{seed}", Registry()
    images = bench.sample(bench.load(weights), count, stream=stream)
    truth, _ = bench.ask_oracle(images, feature, dataset)
    with tempfile.TemporaryDirectory() as place:
        folder, store = Path(place, "clicks"), Store(Path(place, "runs"))
        folder.mkdir()
        asked = session.ClickRequest(weights, model, feature, (), count, stream, folder)
        desk = session.opened(asked, registry, torch.device("cpu"))
        command = ["--model", model, "--feature", feature, "--feedback", str(desk.file), "--results", str(store.root)]
        command += ["--set", f"evaluation.count={evaluated}", "--device", "cpu", "--seed", str(seed)]
        desk.running = session.running_in(folder, store, registry, torch.device("cpu"), command)
        with (
            serving.listening("127.0.0.1", 0) as listening,
            serving._server(desk, serving.rules_for("127.0.0.1")) as server,
        ):
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                record = clicked(Person(listening.getsockname()[1], desk.token), desk, truth, noise, method, seed)
            finally:
                server.should_exit = True
                thread.join()
    return described(record)


class Person:
    """A scripted person: talks to the page as a browser without JavaScript does."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def ask(self, path: str, **form: Any) -> str:
        """Open a page, or send a form."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        body = urlencode({"token": self.token, **form}, doseq=True) if form else None
        link.request("POST" if form else "GET", path, body, {"content-type": "application/x-www-form-urlencoded"})
        answer = link.getresponse()
        text = answer.read().decode()
        assert answer.status in (200, 303), text
        return text


def clicked(person: Person, desk: Any, truth: Any, noise: float, method: str, seed: int) -> Record:
    """Look at every page, select with mistakes, and press the button."""
    rng, first = np.random.default_rng(randomness.seed_of(f"mistakes/{noise}", seed)), 0
    while labels_of(desk.book, desk.original).left:
        person.ask(f"/images/0/0?first={first}&size={PAGE}")
        tiles = desk.book.tiles("original")[first : first + PAGE]
        selected = [first + n for n, (sample, _) in enumerate(tiles) if truth[sample] != (rng.random() < noise)]
        person.ask("/images/0/0", first=first, size=PAGE, tile=selected, action="next")
        first += PAGE
    person.ask("/finish", action="run", method=method)
    while json.loads(person.ask("/run/state"))["status"] == "running":
        time.sleep(1)
    record = desk.ended()
    assert record is not None and record.status == "ok", desk.running.runs.state().lines
    return record


def described(record: Record) -> dict[str, Any]:
    """Return the numbers of a row."""
    clicks = record.provenance.feedback
    assert clicks is not None and clicks.repeats is not None
    ratio, estimate = record.metrics["target_ratio"], label_noise(clicks.repeats)
    return {
        "positives": clicks.positives,
        "pairs": clicks.repeats.pairs,
        "agreeing": clicks.repeats.agreeing,
        **dict(zip(("estimate", "estimate_low", "estimate_high"), estimate, strict=True)),
        "original_target_ratio": record.value("original_target_ratio"),
        "target_ratio": ratio.value,
        "low": ratio.low,
        "high": ratio.high,
        "retain_change": record.value("retain_change"),
    }


if __name__ == "__main__":
    main()
