"""One number of a table, and the tidy frame of all of them: what a CSV file holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import pandas as pd


@dataclass(frozen=True)
class Row:
    """One number of a table.

    Attributes
    ----------
    table, model, feature, variant : str
        Where it stands.
    method, needs, metric : str
    at : str
        Where curves are read, in table damage.
    about : str
        What to know about the variant, whatever the number.
    mean : float or None
        Over seeds.
    sd : float or None
        Standard deviation over seeds (ddof=1).
    seeds : int
    n, n_most : int or None
        Samples of the seed with fewest, and of the one with most: where each seed has its own cut, how many lack
        the feature differs.
    higher_is_better : bool or None
    note : str
        Why there is no number, or what to know about it.
    paper : float or None
        The published value.
    data, source : str
        Which data, and which judge or extractor.
    low, high : float or None
        95 % interval. Of a mean over seeds: the mean of their intervals, since all seeds are measured on samples of the
        same noise. Of a ratio in table damage, and of agreement in table readings: over seeds.
    covers : str
        What varies in it: samples, or seeds.
    seeds_low, seeds_high : float or None
        Student's 95 % interval of the mean over four seeds or more: what clicks and unlearning vary, for these samples.
    best : bool
        Whether paired intervals over seeds cannot tell it from the best one.
    by_seed : mapping of int to float
        The numbers behind the mean; as text in the frame, "0:0.0125 1:0.0137".
    column : bool
        Whether it stands in a column of the table; a number without one is in the CSV alone.
    """

    table: str
    model: str
    feature: str
    variant: str
    method: str = ""
    needs: str = ""
    metric: str = ""
    mean: float | None = None
    sd: float | None = None
    seeds: int = 1
    n: int | None = None
    n_most: int | None = None
    higher_is_better: bool | None = None
    note: str = ""
    paper: float | None = None
    data: str = ""
    source: str = ""
    low: float | None = None
    high: float | None = None
    covers: str = ""
    seeds_low: float | None = None
    seeds_high: float | None = None
    best: bool = False
    at: str = ""
    about: str = ""
    by_seed: Mapping[int, float] = field(default_factory=dict, compare=False)
    column: bool = True


COLUMNS = tuple(each.name for each in fields(Row) if each.name != "column")


def frame_of(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows as a frame, a column per field of ``Row``."""
    records = [
        {name: getattr(row, name) for name in COLUMNS}
        | {"by_seed": " ".join(f"{seed}:{value:.6g}" for seed, value in row.by_seed.items())}
        for row in rows
    ]
    frame = pd.DataFrame(records, columns=list(COLUMNS))
    return frame.astype({"mean": float, "n": "Int64", "n_most": "Int64"})
