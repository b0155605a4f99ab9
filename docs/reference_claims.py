"""What of the paper holds: each of its claims next to our numbers, with a verdict that a stated rule gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import claim_lines
from claim_lines import HOLDS, NOT, OTHER, UNCLEAR, Line


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, the rule of its verdict, its comparisons, and what of ours is to be made again."""

    title: str
    rule: str
    lines: Callable[[], Iterator[Line]]
    again: str = ""


def claims(name: str) -> str:
    """Return the table of one claim."""
    claim = CLAIMS[name]
    lines = list(claim.lines())
    body = [f"| {line.where} | {line.paper} | {line.here} | {line.told} |" for line in lines]
    about = [claim.rule, *_about(lines)]
    about += [f"To be made again: {claim.again}."] if claim.again else []
    return "\n".join(["| | the paper | here | |", "|-|-|-|-|", *body, "", f"*{' '.join(about)}*"])


def verdicts() -> str:
    """Return the table of all claims: how many comparisons hold."""
    kinds = (HOLDS, NOT, UNCLEAR, OTHER)
    lines = [f"| the paper's claim | {' | '.join(kinds)} |", "|-|-|-|-|-|"]
    for name, claim in CLAIMS.items():
        found = [line.verdict for line in claim.lines()]
        counts = [str(found.count(kind)) if kind in found else "" for kind in kinds]
        lines.append(f"| [{claim.title}](#{name}) | {' | '.join(counts)} |")
    return "\n".join([*lines, "", "*Numbers of comparisons, most of them a model and a feature each.*"])


def _about(lines: Sequence[Line]) -> list[str]:
    """Say which data, judges, extractors, samples and seeds stand behind numbers, and what their intervals cover."""
    numbers = [number for line in lines for number in line.numbers]
    if not numbers:
        return []
    parts = list(dict.fromkeys(part for number in numbers for part in number.sources()))
    seeds = sorted({number.seeds for number in numbers})
    over = " or ".join(map(str, seeds)) + (" seed" if seeds == [1] else " seeds")
    shown = [n for line in lines for n in line.numbers if n.ends and n.text in line.here]
    kinds = ["Student's over seeds"] if any(number.seeds > 1 for number in shown) else []
    kinds += ["Wilson's over samples for one seed"] if any(number.seeds == 1 for number in shown) else []
    covered = f"; in parentheses: 95 % intervals, {', '.join(kinds)}" if kinds else ""
    return [f"{'; '.join(parts)}; {over}{covered}."]


WHOLE = (
    "Holds where the whole interval is at least as good as the paper's, does not hold where the whole interval is "
    "worse; otherwise not told apart. A single training is not judged: one seed is not told apart."
)
ONCE = "A single training is not judged: one seed on either side is not told apart"
APART = f"not told apart where intervals overlap. {ONCE}"
CLAIMS = {
    "table-1": Claim(
        "Table 1: how many images have the feature", "Holds where the counts are equal.", claim_lines.counts
    ),
    "table-2-removal": Claim(
        "Table 2: the feature is removed",
        f"Target ratio before and after, as a share of the original's. {WHOLE}",
        claim_lines.removal,
    ),
    "table-2-baseline": Claim(
        "Table 2: as much is left as after retraining",
        "Target ratio. Holds where the two differ by at most a factor of two over the whole of both intervals, does "
        f"not hold where they differ by more over the whole of both; otherwise not told apart. {ONCE}.",
        claim_lines.baseline,
    ),
    "table-2-quality": Claim(
        "Table 2: FID rises little", "The paper's is Inception's, ours is not.", claim_lines.quality
    ),
    "table-3": Claim(
        "Table 3: the direction finds the feature",
        f"ROC-AUC of the identifier. {WHOLE}",
        claim_lines.identifier,
    ),
    "table-4-perception": Claim(
        "Table 4: the perception term costs removal and lowers FID",
        f"Without the term → with it. Holds where the change goes the paper's way; {APART}.",
        claim_lines.perception,
        "ProgGAN of synthetic faces with the plain rule instead of the suite's steps, and with more seeds",
    ),
    "table-4-alone": Claim(
        "Table 4: the unlearning term alone removes most, at the highest FID",
        f"That term alone → all three. Holds where the change goes the paper's way; {APART}.",
        claim_lines.alone,
        "ProgGAN of synthetic faces with the plain rule instead of the suite's steps, and with more seeds",
    ),
    "table-5": Claim(
        "Table 5: alpha decides how much is removed",
        "Target ratio at alpha 1 → alpha 5. Holds where it falls to a tenth or less over the whole of both intervals, "
        f"does not hold where it falls less over the whole of both; otherwise not told apart. {ONCE}.",
        claim_lines.alpha,
        "ProgGAN of synthetic faces with the plain rule instead of the suite's steps, and with more seeds",
    ),
    "figure-6a": Claim(
        "Figure 6a: without bangs, other attributes change less than by retraining",
        "Mean shift of the other attributes' shares; the figure has no numbers. Holds where the whole interval of "
        f"`ours` is below that of retraining, does not hold where it is above; {APART}.",
        claim_lines.others,
        "with `retrain` at the paper's share of the pre-training",
    ),
    "figure-6b": Claim(
        "Figure 6b: removing beards changes other attributes more than removing bangs",
        "Mean shift of the other attributes' shares. Holds where the whole interval of beards is above that of bangs, "
        f"does not hold where it is below; {APART}.",
        claim_lines.beard,
    ),
    "cost": Claim(
        "Section 4.4: unlearning takes a small share of the training's time",
        "Taken while other work ran. Holds where the share is at most the paper's over the whole of both intervals, "
        f"does not hold where it is larger over the whole of both; otherwise not told apart. {ONCE}.",
        claim_lines.cost,
    ),
}
