"""What of the paper holds: each of its claims next to our numbers, with a verdict that a stated rule gives.

A claim is compared where the data are the paper's kind: MNIST, and photographs of CelebA. Synthetic faces' numbers are
shown and not compared, unless the claim is about which of two numbers is larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from claim_numbers import Number, published
from reference_numbers import digits

HOLDS, NOT, UNCLEAR, OTHER = "holds", "does not hold", "not told apart", "cannot be compared"
MNIST = (("vae", "thickness"), ("vae", "slant"), ("dcgan", "thickness"), ("dcgan", "slant"))
FACES = (("proggan", "bang"), ("proggan", "beard"), ("vdvae", "bang"), ("vdvae", "beard"))
CELEBA = (("celeba/proggan", "bang"), ("celeba/proggan", "beard"))  # folder of results/reference, feature
ALONE, WITHOUT, ALL = "unlearn", "recon + unlearn", "recon + unlearn + percep"  # rows of table 4
NOT_RETRAINED = "not retrained yet"
SMALLEST = 1000  # a smaller part of 10,000 samples is a handful
PARAMS = {ALONE: "reconstruction_term=false perception_term=false", WITHOUT: "perception_term=false", ALL: ""}
TERMS = (("proggan", "bang"), *MNIST)
ALPHA = (("proggan", "bang"), ("vae", "thickness"), ("dcgan", "thickness"), ("dcgan", "slant"))


@dataclass(frozen=True)
class Line:
    """One comparison: where, the paper's words or numbers, ours, the verdict, and the numbers behind ours."""

    where: str
    paper: str
    here: str
    verdict: str
    numbers: Sequence[Number] = ()


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
    body = [f"| {line.where} | {line.paper} | {line.here} | {line.verdict} |" for line in lines]
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


def _times(before: float, after: float) -> str:
    """Return to which part a number fell, or how many times it grew."""
    if after > before:
        return f"{after / before:.1f} times"
    if after * SMALLEST < before:
        return f"below 1/{SMALLEST:,}"
    return f"to 1/{before / after:,.{1 if before / after < 10 else 0}f}"


def _of_table_2(folder: str, feature: str, variant: str, metric: str) -> Number:
    return Number(f"{folder}/table-2", feature, variant, metric)


def _plain(folder: str) -> str:
    """Return the row that follows the paper's rule: on faces our default is another one, on MNIST it is the default."""
    return "ours" if folder in dict(MNIST) else "ours, plain rule"


def _named(folder: str) -> str:
    """Return a generator's name for people: "proggan, CelebA" for ``celeba/proggan``."""
    data, _, model = folder.rpartition("/")
    return f"{model}, CelebA" if data else model


def _judged(folder: str, feature: str, number: Number, as_good: Callable[[float], bool]) -> str:
    """Return the verdict on a number of table 2: synthetic faces are not compared, one training is not judged."""
    if (folder, feature) in FACES:
        return OTHER
    ends = {as_good(number.low), as_good(number.high)}
    return UNCLEAR if number.seeds < 2 or len(ends) > 1 else HOLDS if ends == {True} else NOT


# --- Tables 1 to 3 ------------------------------------------------------------------------------------


def _counts() -> Iterator[Line]:
    for feature in ("thickness", "slant"):
        for metric, name in (("target_images", "with it"), ("non_target_images", "without")):
            theirs = published("1", "mnist", feature, "", metric)
            ours = Number("table-1", feature, "training set", metric)
            verdict = HOLDS if theirs == ours.mean else NOT
            yield Line(f"MNIST, {feature}, {name}", digits(metric, theirs), digits(metric, ours.mean), verdict)


def _removal() -> Iterator[Line]:
    for folder, feature in (*MNIST, *FACES, *CELEBA):
        model = folder.rpartition("/")[2]
        theirs = [published("2", model, feature, method, "target_ratio") for method in ("original", "ours")]
        before, after = (_of_table_2(folder, feature, v, "target_ratio") for v in ("original", _plain(folder)))
        most = before.mean * theirs[1] / theirs[0]
        yield Line(
            f"{_named(folder)}, {feature}",
            f"{theirs[0]:g} → {theirs[1]:g}, {_times(*theirs)}",
            f"{before.plain} → {after.text}, {_times(before.mean, after.mean)}",
            _judged(folder, feature, after, most.__ge__),
            [after],
        )


def _baseline() -> Iterator[Line]:
    for model, feature in MNIST:
        theirs = [published("2", model, feature, method, "target_ratio") for method in ("ours", "retrain")]
        ours = [_of_table_2(model, feature, variant, "target_ratio") for variant in ("ours", "retrain")]
        where, paper = f"{model}, {feature}", f"{theirs[0]:g}, retrained {theirs[1]:g}"
        if not ours[1].known:
            yield Line(where, paper, f"{ours[0].plain}, {NOT_RETRAINED}", OTHER, ours[:1])
            continue
        verdict = HOLDS if 0.5 <= ours[0].mean / ours[1].mean <= 2 else NOT
        yield Line(where, paper, f"{ours[0].plain}, retrained {ours[1].plain}", verdict, ours)


def _quality() -> Iterator[Line]:
    for model, feature in MNIST:
        theirs = [published("2", model, feature, method, "fid") for method in ("original", "ours")]
        ours = [_of_table_2(model, feature, variant, "fid[digits]") for variant in ("original", "ours")]
        texts = [f"{a:.2f} → {b:.2f}, {100 * (b / a - 1):+.0f} %" for a, b in (theirs, [each.mean for each in ours])]
        yield Line(f"{model}, {feature}", *texts, OTHER, ours)


def _identifier() -> Iterator[Line]:
    for folder, feature in (*MNIST, *FACES, *CELEBA):
        theirs = published("3", folder.rpartition("/")[2], feature, "ours", "roc_auc")
        ours = _of_table_2(folder, feature, _plain(folder), "roc_auc")  # table 3 has no row for the plain rule
        verdict = _judged(folder, feature, ours, theirs.__le__)
        yield Line(f"{_named(folder)}, {feature}", f"{theirs:.3f}", ours.text, verdict, [ours])


# --- Tables 4 and 5 -----------------------------------------------------------------------------------


def _changes(metric: str, first: str, second: str) -> Iterator[Line]:
    """Yield by model how a metric goes from one row of table 4 to another one, and whether it goes the paper's way."""
    theirs = [published("4", "proggan", "bang", "ours", metric, PARAMS[name]) for name in (first, second)]
    for model, feature in TERMS:
        name = metric if metric != "fid" else "fid[faces]" if model == "proggan" else "fid[digits]"
        before, after = (Number(f"{model}/table-4", feature, variant, name) for variant in (first, second))
        same = (after.mean - before.mean) * (theirs[1] - theirs[0]) > 0
        apart = before.apart_from(after)
        label = "FID" if metric == "fid" else metric.replace("_", " ")
        yield Line(
            f"{model}, {feature}: {label}",
            f"{digits(metric, theirs[0])} → {digits(metric, theirs[1])}",
            f"{before.text} → {after.text}",
            (HOLDS if same else NOT) if apart else UNCLEAR,
            [before, after],
        )


def _perception() -> Iterator[Line]:
    yield from _changes("target_ratio", WITHOUT, ALL)
    yield from _changes("fid", WITHOUT, ALL)


def _alone() -> Iterator[Line]:
    yield from _changes("target_ratio", ALONE, ALL)
    yield from _changes("fid", ALONE, ALL)


def _alpha() -> Iterator[Line]:
    theirs = [published("5", "proggan", "bang", "ours", "target_ratio", f"alpha={a}") for a in (1, 5)]
    for model, feature in ALPHA:
        first, last = (Number(f"{model}/table-5", feature, f"alpha = {a}", "target_ratio") for a in (1, 5))
        yield Line(
            f"{model}, {feature}",
            f"{theirs[0]:g} → {theirs[1]:g}, {_times(*theirs)}",
            f"{first.text} → {last.text}, {_times(first.mean, last.mean)}",
            UNCLEAR if first.seeds < 2 else HOLDS if first.mean >= 10 * last.mean else NOT,
            [first, last],
        )


# --- Figure 6 and the cost ----------------------------------------------------------------------------


def _others() -> Iterator[Line]:
    for folder in ("proggan", "vdvae", "celeba/proggan"):
        ours, retrained = (_of_table_2(folder, "bang", v, "attribute_shift") for v in (_plain(folder), "retrain"))
        where, paper = f"{_named(folder)}, bang", "`ours` less than retraining"
        if not retrained.known:
            yield Line(where, paper, f"{ours.text}, {NOT_RETRAINED}", OTHER, [ours])
            continue
        verdict = HOLDS if ours.high < retrained.low else NOT
        yield Line(where, paper, f"{ours.text}, retrained {retrained.text}", verdict, [ours, retrained])


def _beard() -> Iterator[Line]:
    for folder in ("proggan", "vdvae", "celeba/proggan"):
        bang, beard = (_of_table_2(folder, feature, _plain(folder), "attribute_shift") for feature in ("bang", "beard"))
        verdict = (HOLDS if beard.mean > bang.mean else NOT) if beard.apart_from(bang) else UNCLEAR
        here = f"beard {beard.text}, bang {bang.text}"
        yield Line(_named(folder), "beard more than bang", here, verdict, [beard, bang])


def _cost() -> Iterator[Line]:
    for feature in ("thickness", "slant"):
        ours, training = (Number("vae/table-cost", feature, v, "seconds") for v in ("ours", "pre-training"))
        share = ours.mean / training.mean
        here = f"{ours.mean:.0f} s of {training.mean:,.0f} s, 1/{1 / share:.0f}"
        yield Line(f"vae, {feature}", "about 1 of 30 minutes, 1/30", here, HOLDS if share <= 1 / 30 else NOT, [ours])


WHOLE = (
    "Holds where the whole interval is at least as good as the paper's, does not hold where the whole interval is "
    "worse; otherwise not told apart."
)
APART = "told apart where intervals of two seeds or more do not overlap"
CLAIMS = {
    "table-1": Claim("Table 1: how many images have the feature", "Holds where the counts are equal.", _counts),
    "table-2-removal": Claim(
        "Table 2: the feature is removed",
        f"Target ratio before and after, as a share of the original's. {WHOLE}",
        _removal,
    ),
    "table-2-baseline": Claim(
        "Table 2: as much is left as after retraining",
        "Target ratio. Holds within a factor of two.",
        _baseline,
    ),
    "table-2-quality": Claim("Table 2: FID rises little", "The paper's is Inception's, ours is not.", _quality),
    "table-3": Claim(
        "Table 3: the direction finds the feature",
        f"ROC-AUC of the identifier. {WHOLE}",
        _identifier,
    ),
    "table-4-perception": Claim(
        "Table 4: the perception term costs removal and lowers FID",
        f"Without the term → with it. Holds where the change goes the paper's way; {APART}.",
        _perception,
        "ProgGAN with more seeds and today's extractor",
    ),
    "table-4-alone": Claim(
        "Table 4: the unlearning term alone removes most, at the highest FID",
        f"That term alone → all three. Holds where the change goes the paper's way; {APART}.",
        _alone,
        "ProgGAN with more seeds and today's extractor",
    ),
    "table-5": Claim(
        "Table 5: alpha decides how much is removed",
        "Target ratio at alpha 1 → alpha 5. Holds where it falls to a tenth or less; one seed is not judged.",
        _alpha,
        "ProgGAN with more seeds",
    ),
    "figure-6a": Claim(
        "Figure 6a: without bangs, other attributes change less than by retraining",
        "Mean shift of the other attributes' shares; the figure has no numbers.",
        _others,
        "with `retrain` at the paper's share of the pre-training",
    ),
    "figure-6b": Claim(
        "Figure 6b: removing beards changes other attributes more than removing bangs",
        f"Mean shift of the other attributes' shares; {APART}.",
        _beard,
    ),
    "cost": Claim(
        "Section 4.4: unlearning takes a small share of the training's time",
        "Taken while other work ran. Holds where the share is at most the paper's.",
        _cost,
    ),
}
