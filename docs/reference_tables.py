"""Tables of README and docs, in Markdown, each with a caption that names data, judge, n and seeds."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd
from reference_numbers import digits, frame, spread
from sensitivity_tables import strange

from bench.report.tables.captions import BEST
from bench.report.tables.grid import NEEDS

ARROWS = {True: " ↑", False: " ↓"}
NAMES = {
    "roc_auc": "ROC-AUC",
    "peak_memory_mb": "peak memory, MB",
    "agrees": "agrees with the paper",
    "non_target_images": "other images",
}
REFERENCES = ("latent_edit", "reject", "self_reject")  # nothing is unlearned there
UNVARIED = ("original", "reject")  # read no clicks: with one cut for all seeds, every seed is the same run
FURTHER = {"vae": "methods", "dcgan": "methods", "proggan": "surrogate", "vdvae": "surrogate"}  # file of more methods
WORDS = {"verdict", "agrees"}  # metrics of which the note is what they say
HIDDEN = "the best may be a row that is not shown here"
SUMMARY = (("vae", "thickness"), ("dcgan", "thickness"), ("proggan", "beard"), ("vdvae", "beard"))


def table(file: str, *, feature: str = "", metrics: str = "", paper: str = "no", at: str = "") -> str:
    """Return a table of results/reference: a row per variant, a column per metric.

    Parameters
    ----------
    file : str
        ``vae/table-2``; with ``+vae/table-3``, numbers of a second file next to the first one's.
    feature : str
        This feature alone; a column says which one by default.
    metrics : str
        Comma list; all by default.
    paper : str
        ``yes`` puts the published number in parentheses.
    at : str
        Of ``table-damage``: this operating point alone.
    """
    rows = _rows(file, feature)
    rows = rows[rows["at"] == at] if at else rows
    if rows.empty:
        raise ValueError(f"{file}: has nothing at '{at}'")
    chosen = metrics.split(",") if metrics else [str(name) for name in rows.metric.unique()]
    if missing := set(chosen) - set(rows[rows["mean"].notna()].metric) - WORDS:
        raise ValueError(f"{file}: no number of the metric {', '.join(sorted(missing))}")
    rows = rows[rows.metric.isin(chosen)]
    run = rows[rows["mean"].notna()]
    most = int(run.seeds.max())
    labels = [] if feature else ["feature"]
    lines = [
        _line([*labels, "", *(_header(run, metric) for metric in chosen)]),
        "|-" * (len(chosen) + len(labels) + 1) + "|",
    ]
    shown = rows[rows["mean"].notna() | rows.metric.isin(WORDS)]
    for name, of_feature in shown.groupby("feature", sort=False):
        for variant, group in of_feature.groupby("variant", sort=False):
            cells = [_cell(group[group.metric == metric], paper == "yes") for metric in chosen]
            lines.append(_line([*([] if feature else [str(name)]), _variant(str(variant), group, most), *cells]))
    left_out = sorted(set(rows.variant) - set(shown.variant))
    return "\n".join([*lines, "", caption(run, paper == "yes", left_out)])


def summary() -> str:
    """Return README's table: one feature of each model; original, ours, the gentlest that leaves no more, retrain."""
    lines = [
        "| model, feature | | target ratio ↓ | FID ↓ | FID, feature redrawn ↓ | retain change ↓ |",
        "|-|-|-|-|-|-|",
    ]
    parts = []
    for model, feature in SUMMARY:
        further = f"{model}/{FURTHER[model]}"  # the last file says what is best
        rows = _rows(f"{model}/table-2+{further}", feature)
        rows = rows[rows["mean"].notna()]
        wanted = ("original", "ours", "ours, plain rule", _gentlest(rows), "retrain")
        shown = dict.fromkeys(v for v in wanted if (rows.variant == v).any())
        if not set(shown) - {"original", "retrain"} <= set(frame(further).variant):  # no run compared all rows
            rows = rows.assign(best=False)
        for variant in shown:
            group = rows[rows.variant == variant]
            fids = (_first(group, name) for name in ("fid[", "fid_counterfactual["))
            metrics = ("target_ratio", *fids, "retain_change")
            cells = [_cell(group[group.metric == name], False) for name in metrics]
            label = f"{model}, {feature}" if variant == "original" else ""
            lines.append(_line([label, _variant(variant, group, int(rows.seeds.max())), *cells]))
        parts.append(rows)
    return "\n".join([*lines, "", _summary_caption(parts)])


def _first(rows: pd.DataFrame, start: str) -> str:
    """Return the first metric whose name starts so."""
    return str(next(name for name in rows.metric if name.startswith(start)))


def sizes() -> str:
    """Return the table of further DCGANs (dcgan/sizes): the paper's setting on other latents and trainings."""
    rows = frame("dcgan/sizes")
    lines = [
        "| latent, epochs | `fid[digits]` before | thickness: ROC-AUC, target ratio | slant: ROC-AUC, target ratio |",
        "|-|-|-|-|",
    ]
    for (latents, epochs), group in rows.groupby(["latent_dim", "epochs"], sort=False):
        numbers = group.set_index(["feature", "method", "metric"])
        cells = [
            f"{latents}, {epochs}",
            digits("fid[digits]", float(numbers.loc[("thickness", "original", "fid[digits]"), "mean"])),
        ]
        for feature in ("thickness", "slant"):
            found = [numbers.loc[(feature, "ours", metric)] for metric in ("roc_auc", "target_ratio")]
            cells.append(", ".join(spread(str(f.name[2]), f["mean"], f["sd"]) for f in found))
        lines.append(_line(cells))
    seeds = int(rows.seeds.max())
    caption = f"*{rows.data.iloc[0]}; mean ± standard deviation over {seeds} seeds of feedback and unlearning.*"
    return "\n".join([*lines, "", caption])


def learnt() -> str:
    """Return the table of judges learnt from clicks (learnt-judge): what these say and what the oracle says."""
    rows = frame("learnt-judge")
    lines = [
        "| model, feature, seed | clicks | before: oracle, learnt | after: oracle, learnt | agreement | resolution |",
        "|-|-|-|-|-|-|",
    ]
    for _, row in rows.iterrows():
        cells = [f"{row['oracle_' + when]:.4f}, {_within(row, when)}" for when in ("before", "after")]
        name = f"{row['model']}, {row['feature']}, {row['seed']}"
        lines.append(_line([name, f"{row['clicked']}", *cells, f"{row['agreement']:.2f}", f"{row['resolution']:.3f}"]))
    shown, count = int(rows["shown"].iloc[0]), int(rows["count"].iloc[0])
    caption = f"*{shown} samples shown; {count:,} samples judged; in brackets: the interval that the record holds.*"
    return "\n".join([*lines, "", caption])


def _within(row: pd.Series[Any], when: str) -> str:
    return f"{row['learnt_' + when]:.4f} [{row['low_' + when]:.3f}, {row['high_' + when]:.3f}]"


def _rows(files: str, feature: str) -> pd.DataFrame:
    """Return the rows of one or several files, in the first one's order of variants; the last file's numbers win."""
    rows = pd.concat([frame(file) for file in files.split("+")], ignore_index=True)
    rows = rows[rows.feature == feature] if feature else rows
    if rows.empty:
        raise ValueError(f"{files}: has no feature '{feature}'")
    return rows.drop_duplicates([*({"at"} & set(rows)), "feature", "variant", "metric"], keep="last")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _header(rows: pd.DataFrame, metric: str) -> str:
    found = rows[rows.metric == metric]
    better = found.higher_is_better.dropna()
    name = f"`{metric}`" if "[" in metric else NAMES.get(metric, metric.replace("_", " "))
    return name + (ARROWS[str(better.iloc[0]) == "True"] if len(better) else "")


def _variant(variant: str, group: pd.DataFrame, most: int) -> str:
    """Return a row's label: what it needs, and how many seeds it had if fewer than the others."""
    needs = sorted({" and ".join(NEEDS[each] for each in str(need).split()) for need in group.needs.dropna()})
    seeds = int(group.seeds.max())
    fewer = seeds < most and variant not in UNVARIED
    notes = [*(f"needs {need}" for need in needs), *([f"{seeds} of {most} seeds"] if fewer else [])]
    return variant + (f" ({'; '.join(notes)})" if notes else "")


def _cell(found: pd.DataFrame, paper: bool) -> str:
    if found.empty:
        return ""
    number = found.iloc[0]
    if number["metric"] in WORDS:
        return str(number["note"])
    if number["metric"] == "ratio":
        return _factor(number)
    if number["metric"] == "read_elsewhere":
        return f"{number['mean']:.0f} of {number['seeds']}"
    published = f" ({number['paper']:g})" if paper and pd.notna(number["paper"]) else ""
    text = spread(number["metric"], number["mean"], number["sd"])
    return (f"**{text}**" if _is_best(number) else text) + published


def _is_best(number: pd.Series[Any]) -> bool:
    """Say whether a file marks a number as among the best (``bench/report/tables/best.py``); older files mark none."""
    return str(number.get("best", False)) == "True"


def _factor(number: pd.Series[Any]) -> str:
    """Return a ratio with its interval, two significant digits each, and whether its note says that it is a bound."""
    mean, *ends = (_two(float(number[name])) for name in ("mean", "low", "high") if pd.notna(number[name]))
    bounds = re.findall("at (?:most|least)(?= this)", str(number.get("note", "")))  # on some seeds either: no bound
    return (f"{bounds[0]} " if len(bounds) == 1 else "") + f"×{mean}" + (f" [{', '.join(ends)}]" if ends else "")


def _two(value: float) -> str:
    return f"{value:,.{max(0, 1 - math.floor(math.log10(value)))}f}"


def caption(rows: pd.DataFrame, paper: bool, left_out: list[str]) -> str:
    """Return what stands below a table: data, judge, spread, what is bold, and what was not run."""
    parts = [*_sources(rows), _varied(rows)]
    if paper:
        parts.append("in parentheses: the paper's number")
    if any(_is_best(number) for _, number in rows.iterrows()):
        parts.append(f"bold: {BEST}")
    if left_out:
        parts.append(f"not run: {'; '.join(left_out)}")
    return f"*{'; '.join(parts)}.*"


def _varied(rows: pd.DataFrame) -> str:
    """Return what ± is over."""
    if rows.metric.str.endswith("_images").all():
        return "counted, not sampled"
    seeds = int(rows.seeds.max())
    return f"mean ± standard deviation over {seeds} seeds of feedback and unlearning" if seeds > 1 else "one seed"


def _sources(rows: pd.DataFrame) -> list[str]:
    """Return the data, then what looked at them, each once."""
    found = [part.strip() for source in rows.source.dropna() for part in re.split(r"; ", str(source))]
    plain = [re.sub(r"^\d+(?= samples)", lambda m: f"{int(m[0]):,}", part) for part in found]
    return list(
        dict.fromkeys(part.removeprefix("unlearning stage on ").replace("1 threads", "1 thread") for part in plain)
    )


def _gentlest(rows: pd.DataFrame) -> str:
    """Return the row of least retain change that needs clicks alone and leaves no more than ours; "" if none does."""
    others = ["original", "ours", "ours, plain rule", "retrain", *REFERENCES]
    means = rows[rows.needs.isna()].pivot_table(index="variant", columns="metric", values="mean")
    left = means.target_ratio <= means.target_ratio["ours"]
    found = means[left & ~means.index.isin(others)]
    return str(found.retain_change.idxmin()) if len(found) else ""


def _summary_caption(parts: list[pd.DataFrame]) -> str:
    every = pd.concat(parts)
    said = []
    for data, rows in every.groupby("data", sort=False):
        models = ", ".join(dict.fromkeys(rows.model))
        fid = next(name for name in rows.metric if name.startswith("fid["))
        said.append(f"{models}: {data}, `{fid}`, {int(rows.seeds.max())} seeds")
    n = int(every[every.metric == "target_ratio"].n.max())
    return (
        f"*{'. '.join(said)}. {n:,} samples each; ± is the standard deviation over the seeds of feedback and "
        "unlearning, and is absent where nothing varied. FID, feature redrawn: against the training set whose images "
        "with the feature are redrawn without it (`fid_counterfactual`). Rows after `ours`: on faces the paper's "
        "plain rule; then, of what needs clicks alone and leaves at most as much as `ours`, the method or variant with "
        "the smallest retain change. "
        "Samples shown: 500 on MNIST, 5,000 on faces; those with the feature are clicked, a share like the original's "
        "target ratio. "
        f"A share of {strange('vae', 'far')} of the VAE's samples and of {strange('dcgan', 'far')} of the DCGAN's lie "
        "far from the training digits, and `bench` warns from 0.15 on: take the VAE's rows with caution."
        f"{f' Bold, on MNIST: {BEST}; {HIDDEN}.' if any(_is_best(number) for _, number in every.iterrows()) else ''}*"
    )
