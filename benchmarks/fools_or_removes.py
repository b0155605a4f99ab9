"""Does a method remove a feature, or fool the classifiers whose gradient it follows? Independent readers count too.

Run: ``python benchmarks/fools_or_removes.py --data-dir DATA --out results/reference/fools-or-removes.csv`` (on a busy
core half an hour for MNIST, and up to twenty minutes for each cell of proggan; ``--model``, ``--feature`` and
``--method`` choose some, and cells that the file has are kept). The
oracle clicks as in ``bench run``; each method unlearns with the suite's settings. These read the same samples before
and after:

- own classifiers: the ensemble that the method learnt from the clicks. Only methods that learn one have it.
- fresh classifiers: the same kind, settings and clicks, from other initial weights, which no method saw.
- learnt judge, linear: a deeper network and ridge regression on the pixels, learnt from other samples of the original
  and the clicking oracle's labels.
- clicker: the oracle that clicked, where another one judges.
- judge: on MNIST a measurement of the stroke, which has no gradient; on faces another copy than the clicker.
- the judge and the own classifiers on blurred or noisy copies: a pattern made for a network does not outlast blur, and
  a removed feature does not come back.

A reader without a cut of its own, and any reader of altered copies, has its cut where it sees as much of the
original's samples, altered alike, as the oracle does of them unaltered. So shares before are alike, and ratios can be
compared. Readers err: ``unclicked`` is the share of what a reader sees in the original's samples without the oracle
that clicks. A student that lost all that was clicked and kept the rest would leave that ratio, not 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import torch
from feature_readers import Reader, Scores, altered, by_classifier, by_ensemble, by_ridge, readings
from numpy.typing import NDArray
from torch import Tensor

import bench
from bench.api import Context, Feedback, Generator, to_uint8
from bench.core.files import write_bytes
from bench.evaluation import learnt_judge
from bench.library.known import KnownGenerator, UnlearnedGenerator
from bench.library.methods import choose
from bench.library.task import Task, oracle_of
from bench.toolkit.image_surrogate import ImageSurrogate, SurrogateParams, fit_surrogate
from bench.workspace.pictures import save_before_after
from bench.workspace.workspace import Workspace

LABELLED = 4000  # other samples of the original from which the learnt judge and the linear reader learn
OWN, JUDGE = "own classifiers", "judge"
KEPT, FOOLED = 0.9, 0.5  # shares of what the own classifiers miss that the judge misses too; see ``verdict``


@dataclass(frozen=True)
class Case:
    """A shipped generator, a feature, the data set whose oracles know it, and what is run."""

    model: str
    feature: str
    weights: str
    dataset: str
    shown: int
    count: int
    methods: tuple[str, ...]
    blurs: tuple[float, ...]  # standard deviations, px
    seeds: tuple[int, ...]


FACES = ("proggan-synthfaces", "synthfaces", 5000, 4000, ("surrogate", "ours"), (0.7,), (0,))
DIGITS = ("mnist", 500, 10_000, ("surrogate", "ours", "kl_to_oracle"), (0.5, 1.0), (0, 1, 2))
CASES = (
    Case("vae", "thickness", "vae-mnist", *DIGITS),
    Case("vae", "slant", "vae-mnist", *DIGITS),
    Case("dcgan", "thickness", "dcgan-mnist", *DIGITS),
    Case("dcgan", "slant", "dcgan-mnist", *DIGITS),
    Case("proggan", "bang", *FACES),
    Case("proggan", "beard", *FACES),
)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV file; cells that it has are kept.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds MNIST; for nothing shipped.")
@click.option("--model", help="This model alone.")
@click.option("--feature", help="This feature alone.")
@click.option("--method", "methods", multiple=True, help="These methods alone.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Folder for samples before and after, of each cell.")
def main(
    out: Path,
    data_dir: Path | None,
    model: str | None,
    feature: str | None,
    methods: tuple[str, ...],
    pictures: Path | None,
) -> None:
    """Write a row per case, method, seed and reader."""
    torch.set_num_threads(1)
    workspace = bench.open_workspace(data_dir=data_dir)
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    for case in CASES:
        if model not in (None, case.model) or feature not in (None, case.feature):
            continue
        here = None
        for seed in case.seeds:
            done = {row["method"] for row in rows if all(row[k] == v for k, v in named(case, seed).items())}
            left = [name for name in case.methods if name not in done and name in (methods or case.methods)]
            here = here or (Samples(case, workspace, pictures) if left else None)
            for found in here.cells(seed, left) if here and left else ():
                rows += found
                show = [f"{row['reader']} {row['ratio']:.3f} [{row['low']:.3f}, {row['high']:.3f}]" for row in found]
                click.echo(f"{named(case, seed)} {found[0]['method']} {verdict(found)}: {'; '.join(show)}")
                out.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.6g").encode())


def named(case: Case, seed: int) -> dict[str, Any]:
    """Return what names the cells of a case and seed in the file."""
    return {"model": case.model, "feature": case.feature, "seed": seed}


def verdict(rows: Sequence[dict[str, Any]] | pd.DataFrame) -> str:
    """Say whether a cell with own classifiers "removes" or "fools", by the intervals of their ratio and the judge's.

    Of what the own classifiers no longer see, the judge misses 0.9 or more too, at the worst of both intervals:
    removes. At most half, at the best: fools. Else "between"; "" without own classifiers.
    """
    found = {row["reader"]: row for row in (rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows)}
    if OWN not in found:
        return ""
    own, judge = found[OWN], found[JUDGE]
    if 1 - judge["high"] >= KEPT * (1 - own["low"]):
        return "removes"
    return "fools" if 1 - judge["low"] <= FOOLED * (1 - own["high"]) else "between"


@dataclass
class Samples:
    """The original of a case, its samples, and the readers that hold for every seed."""

    case: Case
    workspace: Workspace
    pictures: Path | None = None
    known: dict[str, Scores] = field(default_factory=dict)  # of the original's samples, by these readers

    def __post_init__(self) -> None:
        case, workspace = self.case, self.workspace
        self.original = bench.load(case.weights, workspace=workspace)
        self.before = drawn(self.original, case.count, "evaluation")
        task = Task(case.feature, case.dataset)
        clicking, judging = (oracle_of(workspace, task, role) for role in ("feedback", "evaluation"))
        other = drawn(self.original, LABELLED, "fools/labelled")
        labels, cut = self.clicks(other)
        clicker = Reader("clicker", by_classifier(clicking.classifier, case.feature), cut)
        self.known["clicker"] = clicker.scores(self.before)
        self.clicked = self.known["clicker"] >= cut
        cut = cut if judging.classifier.top_fraction else judging.classifier.cuts[case.feature]
        judge = Reader(JUDGE, by_classifier(judging.classifier, case.feature), cut)
        self.known[JUDGE] = judge.scores(self.before)
        feedback = bench.make_feedback(labels, stream="fools/labelled")
        learnt = learnt_judge.learn(self.original.generator, feedback.of(self.original.generator))
        self.share = float(self.clicked.mean())
        chosen = choose(workspace, "surrogate", case.model, "lite", {}).method.config
        self.usual: SurrogateParams = chosen  # what the fresh classifiers are like where a method has none
        self.readers = [
            Reader("learnt judge", learnt.scores, share=self.share),
            Reader("linear", by_ridge(other, labels), share=self.share),
            *([] if clicking.weights == judging.weights else [clicker]),
            judge,
            *altered(JUDGE, judge.score, case.blurs, float((self.known[JUDGE] >= cut).mean())),
        ]

    def clicks(self, images: Tensor) -> tuple[NDArray[np.bool_], float]:
        """Return the oracle's clicks on images, and its cut."""
        case = self.case
        return bench.ask_oracle(images, case.feature, case.dataset, generator=self.original, workspace=self.workspace)

    def cells(self, seed: int, methods: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of each method."""
        case, stream = self.case, f"feedback/{seed}"
        labels, _ = self.clicks(drawn(self.original, case.shown, stream))
        feedback = bench.make_feedback(labels, stream=stream)
        learnt: dict[SurrogateParams, ImageSurrogate] = {}
        for method in methods:
            student = bench.unlearn(self.original, feedback, method, seed=seed, workspace=self.workspace)
            params = student.params if isinstance(student.params, SurrogateParams) else self.usual
            kind = SurrogateParams(**{name: getattr(params, name) for name in SurrogateParams.model_fields})
            if kind not in learnt:
                learnt[kind] = fresh_ensemble(self.original.generator, feedback, kind, seed)
            if self.pictures is not None:
                seen = Feedback(self.clicked, "evaluation")
                path = self.pictures / f"{method}-{case.model}-{case.feature}-s{seed}.png"
                save_before_after(self.original.generator, student.generator, self.clicked, path, seen)
            after = drawn(student, case.count, "evaluation")
            rows = readings(list(self.of(student, learnt[kind])), self.before, after, self.clicked)
            rows += readings(self.readers, self.before, after, self.clicked, self.known)
            yield [{**named(case, seed), "method": method, "shown": case.shown, **row} for row in rows]

    def of(self, student: UnlearnedGenerator, fresh: ImageSurrogate) -> Iterator[Reader]:
        """Yield the readers that learnt from the clicks of this cell."""
        own = getattr(student.identifier, "surrogate", None)
        if own is not None:
            score = by_ensemble(own)
            yield Reader(OWN, score, share=self.share)
            yield Reader(f"{OWN}, at the level of flagging", score, float(own.threshold))
            yield from altered(OWN, score, self.case.blurs, self.share)
        yield Reader("fresh classifiers", by_ensemble(fresh), share=self.share)


def fresh_ensemble(generator: Generator, feedback: Feedback, params: SurrogateParams, seed: int) -> ImageSurrogate:
    """Learn an ensemble from clicks whose initial weights and batches are other ones than any method's."""
    context = Context(stream=f"fools/fresh/{seed}", device=torch.device("cpu"))
    return fit_surrogate(generator, feedback.of(generator), params, context)


def drawn(generator: KnownGenerator, count: int, stream: str) -> Tensor:
    """Draw samples of a stream, (N, C, H, W) uint8."""
    return to_uint8(torch.from_numpy(bench.sample(generator, count, stream=stream)))


if __name__ == "__main__":
    main()
