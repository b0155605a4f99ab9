"""The page: gathered, drawn, written as one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bench.core.durations import number_of
from bench.core.files import write_bytes
from bench.core.version import __version__
from bench.errors import UsageError
from bench.feedback.repeats import noise_told
from bench.registry import Registry
from bench.report.page import curves, plots
from bench.report.page.before import before_lines, judge_lines
from bench.report.page.cells import Gathered, StoredCell, gather
from bench.report.page.drawn import Drawing, drawing
from bench.report.page.rows import rows_of
from bench.report.page.strips import Strip, strip_of
from bench.report.tables.definitions import Table
from bench.report.tables.grid import Cell, Grid, grid_of
from bench.report.tables.published import read_published
from bench.report.tables.row import Row

HERE = Path(__file__).parent
RATIOS = ("target_ratio", "learnt_target_ratio", "clicked_ratio")  # how much is left; the first that there is


@dataclass(frozen=True)
class TableLine:
    """A variant in a table of the page: its cells, the numbers to sort by, and its records."""

    label: str
    mark: str
    cells: Sequence[tuple[Cell, float | None]]
    stored: Sequence[StoredCell]


@dataclass(frozen=True)
class Section:
    """A feature of a model: its table, pictures and plots."""

    anchor: str
    data: str
    model: str
    feature: str
    grid: Grid
    lines: Sequence[TableLine]
    strips: Sequence[Strip]
    drawings: Sequence[Drawing]
    said: Sequence[str]


def make_report(roots: Sequence[Path], out: Path, registry: Registry) -> tuple[Path, Gathered]:
    """Write the page; returns it, and what it is about.

    Raises
    ------
    StoreError
        If a results folder is not there.
    UsageError
        If ``out`` cannot be written, or is not the name of an HTML file.
    """
    if out.suffix not in (".html", ".htm") or out.is_dir():
        raise UsageError(f"--out {out}: expected the name of a file, as report.html")
    gathered = gather(roots)
    text = page_of(gathered, [str(root) for root in roots], registry)
    try:
        write_bytes(out, text.encode())
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be written ({error.strerror}). Name another file") from error
    return out, gathered


def page_of(gathered: Gathered, roots: Sequence[str], registry: Registry) -> str:
    """Return the page as text."""
    rows = rows_of(gathered.cells, read_published(registry), registry)
    places = dict.fromkeys(cell.place for cell in gathered.cells)
    sections = [
        _section(number, [cell for cell in gathered.cells if cell.place == place], rows)
        for number, place in enumerate(places)
    ]
    return (
        _templates()
        .get_template("report.html")
        .render(
            sections=sections,
            cells=gathered.cells,
            others=gathered.others,
            roots=roots,
            version=__version__,
            style=Markup((HERE / "static" / "report.css").read_text("utf-8")),  # noqa: S704
            script=Markup((HERE / "static" / "report.js").read_text("utf-8")),  # noqa: S704
            described=_described,
        )
    )


def _section(number: int, cells: Sequence[StoredCell], rows: Sequence[Row]) -> Section:
    data, model, feature = cells[0].place
    own = [row for row in rows if (row.data, row.model, row.feature) == (data, model, feature)]
    measured = {row.metric for row in own if row.mean is not None}
    own = [row for row in own if row.metric in measured]
    metrics = list(dict.fromkeys(row.metric for row in own))
    grid = grid_of(Table("report", "", (), metrics), own)
    members = curves.by_variant(cells)
    means = {(row.variant, row.metric): row.mean for row in own}
    lines = [
        TableLine(
            line.label,
            line.mark,
            [(cell, means.get((line.label, metric))) for cell, metric in zip(line.cells, metrics, strict=True)],
            members[line.label],
        )
        for block in grid.blocks
        for line in block.lines
    ]
    changed = [group[0] for group in members.values() if group[0].record.method != "original"]
    said = [*before_lines(cells), *judge_lines(cells), *_noise(cells)]
    strips = [strip for cell in changed if (strip := strip_of(cell)) is not None]
    return Section(f"s{number}", data, model, feature, grid, lines, strips, _drawings(f"s{number}", cells, own), said)


def _drawings(anchor: str, cells: Sequence[StoredCell], rows: Sequence[Row]) -> list[Drawing]:
    """Draw what there is to draw of a feature of a model."""
    found: list[Drawing] = []
    name = next((each for each in RATIOS if any(each in cell.record.metrics for cell in cells)), None)
    judged = [cell for cell in cells if name in cell.record.metrics]
    damage = curves.damage_metric(judged)
    share = "share that still has the feature"
    if name is not None and damage is not None and len(judged) > 1:
        best = [row.variant for row in rows if row.metric == name and row.best]
        figure = plots.scatter(curves.tradeoff(judged, name, damage), damage, share, best)
        about = "A point for each method and seed." + (" Filled: not told apart from the best." if best else "")
        found.append(drawing(figure, "Removal against damage", about, f"{anchor}-tradeoff"))
    for what, title in (("alpha", "The weight alpha"), ("clicks", "How many samples were shown")):
        if name is not None and (along := curves.against(judged, name, what)):
            figure = plots.lines(along, {"alpha": "alpha", "clicks": "samples shown"}[what], share)
            found.append(drawing(figure, title, "Lines join means over seeds.", f"{anchor}-{what}"))
    attributes, moved = curves.shifts(cells)
    if attributes and moved:
        figure = plots.bars(attributes, moved, "attribute_shift")
        about = "Paired 95 % intervals over samples; the first seed of each method."
        found.append(drawing(figure, "What else moved", about, f"{anchor}-shifts"))
    firsts = ((variant, curves.roc(group[0])) for variant, group in curves.by_variant(cells).items())
    if known := [(variant, *curve) for variant, curve in firsts if curve is not None]:
        about = "The method's own score of the original's samples, against the judge; the first seed."
        found.append(drawing(plots.rocs(known), "Does the method find the feature?", about, f"{anchor}-roc"))
    return found


def _noise(cells: Sequence[StoredCell]) -> list[str]:
    """Say how consistent the clicks were, where a person gave them and saw some samples twice."""
    said = []
    for cell in cells:
        clicks = cell.record.provenance.feedback
        if clicks is not None and clicks.repeats is not None:
            said.append(
                f"{clicks.positives} of {clicks.count} samples were clicked by a person. Of {clicks.repeats.pairs} "
                f"seen twice, {clicks.repeats.agreeing} were answered alike: {noise_told(clicks.repeats)}."
            )
    return list(dict.fromkeys(said))


def _described(cell: StoredCell) -> str:
    """Return a record as text."""
    return json.dumps(cell.record.model_dump(mode="json", exclude_none=True), indent=1, allow_nan=False)


@cache
def _templates() -> Environment:
    """Return the templates: what is put into them is escaped, and a name that is missing is an error."""
    found = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    found.filters["raw"] = Markup
    found.filters["number"] = _number
    found.filters["number_of"] = number_of
    return found


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.9g}"
