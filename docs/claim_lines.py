"""The comparisons behind each claim: the paper's words or numbers, ours, and the verdict that follows.

A claim is compared where the data are the paper's kind: MNIST, and photographs of CelebA. Synthetic faces' numbers are
shown and not compared, unless the claim is about which of two numbers is larger.

One rule holds for every verdict on trainings. It needs two seeds or more of each number of ours, and the whole interval
of each on the same side of the limit. Everything else is "not told apart".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from claim_numbers import Number, published
from reference_numbers import digits

from bench.report.comparing.paired import ENOUGH

HOLDS, NOT, UNCLEAR, OTHER = "holds", "does not hold", "not told apart", "cannot be compared"
MNIST = (("vae", "thickness"), ("vae", "slant"), ("dcgan", "thickness"), ("dcgan", "slant"))
FACES = (("proggan", "bang"), ("proggan", "beard"), ("vdvae", "bang"), ("vdvae", "beard"))
PLAIN_BY_DEFAULT = ("vae", "dcgan", "celeba/proggan")  # elsewhere our default is another rule
PHOTOGRAPHS = ("celeba/proggan", "celeba/vdvae")  # folders of results/reference
CELEBA = tuple((folder, feature) for folder in PHOTOGRAPHS for feature in ("bang", "beard"))
ALONE, WITHOUT, ALL = "unlearn", "recon + unlearn", "recon + unlearn + percep"  # rows of table 4
NOT_RETRAINED = "not retrained yet"
FEWEST = 2  # seeds of each number that a verdict takes
FACTOR = 2.0  # within it two target ratios are "as much"
FALL = 10.0  # alpha's effect: from 1 to 5 the target ratio falls to this part
COST = 1 / 30  # of the training's time, by the paper
SMALLEST = 1000  # a smaller part of 10,000 samples is a handful
PARAMS = {ALONE: "reconstruction_term=false perception_term=false", WITHOUT: "perception_term=false", ALL: ""}
TERMS = (("proggan", "bang"), ("celeba/proggan", "bang"), *MNIST)
FID = {"proggan": "fid[faces]", "celeba/proggan": "fid[faces-celeba]"}  # elsewhere fid[digits]
ALPHA = (*TERMS[:2], ("vae", "thickness"), ("dcgan", "thickness"), ("dcgan", "slant"))  # VAE's slant: nothing is left


@dataclass(frozen=True)
class Line:
    """One comparison: where, the paper's words or numbers, ours, the verdict, and the numbers behind ours."""

    where: str
    paper: str
    here: str
    verdict: str
    numbers: Sequence[Number] = ()

    @property
    def told(self) -> str:
        """The verdict, with the number of seeds where it rests on so few that ``bench`` would show no interval."""
        fewest = min((number.seeds for number in self.numbers), default=ENOUGH)
        decided = self.verdict in (HOLDS, NOT)
        return f"{self.verdict} ({fewest} seeds)" if decided and fewest < ENOUGH else self.verdict


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
    """Return the row that follows the paper's rule."""
    return "ours" if folder in PLAIN_BY_DEFAULT else "ours, plain rule"


def _named(folder: str) -> str:
    """Return a generator's name for people: "proggan, CelebA" for ``celeba/proggan``."""
    data, _, model = folder.rpartition("/")
    return f"{model}, CelebA" if data else model


def _verdict(numbers: Sequence[Number], *, holds: bool, fails: bool) -> str:
    """Return the verdict where whole intervals make a claim hold or fail; one training is not judged."""
    if any(number.seeds < FEWEST for number in numbers):
        return UNCLEAR
    return HOLDS if holds else NOT if fails else UNCLEAR


def _judged(folder: str, feature: str, ours: Number, theirs: float, *, more_is_better: bool) -> str:
    """Return the verdict on a number of table 2; synthetic faces are not compared."""
    if (folder, feature) in FACES:
        return OTHER
    as_good = [end >= theirs if more_is_better else end <= theirs for end in (ours.low, ours.high)]
    return _verdict([ours], holds=all(as_good), fails=not any(as_good))


# --- Tables 1 to 3 ------------------------------------------------------------------------------------


def counts() -> Iterator[Line]:
    """Compare how many training images have each feature of MNIST."""
    for feature in ("thickness", "slant"):
        for metric, name in (("target_images", "with it"), ("non_target_images", "without")):
            theirs = published("1", "mnist", feature, "", metric)
            ours = Number("table-1", feature, "training set", metric)
            verdict = HOLDS if theirs == ours.mean else NOT
            yield Line(f"MNIST, {feature}, {name}", digits(metric, theirs), digits(metric, ours.mean), verdict)


def removal() -> Iterator[Line]:
    """Compare what part of the original's target ratio is left, by the row of the paper's rule."""
    for folder, feature in (*MNIST, *FACES, *CELEBA):
        model = folder.rpartition("/")[2]
        theirs = [published("2", model, feature, method, "target_ratio") for method in ("original", "ours")]
        before, after = (_of_table_2(folder, feature, v, "target_ratio") for v in ("original", _plain(folder)))
        most = before.mean * theirs[1] / theirs[0]
        yield Line(
            f"{_named(folder)}, {feature}",
            f"{theirs[0]:g} → {theirs[1]:g}, {_times(*theirs)}",
            f"{before.plain} → {after.text}, {_times(before.mean, after.mean)}",
            _judged(folder, feature, after, most, more_is_better=False),
            [after],
        )


def baseline() -> Iterator[Line]:
    """Compare the target ratio with that of retraining."""
    for folder, feature in (*MNIST, *CELEBA):
        model = folder.rpartition("/")[2]
        theirs = [published("2", model, feature, method, "target_ratio") for method in ("ours", "retrain")]
        ours = [_of_table_2(folder, feature, variant, "target_ratio") for variant in (_plain(folder), "retrain")]
        where, paper = f"{_named(folder)}, {feature}", f"{theirs[0]:g}, retrained {theirs[1]:g}"
        if not ours[1].known:
            yield Line(where, paper, f"{ours[0].text}, {NOT_RETRAINED}", OTHER, ours[:1])
            continue
        student, retrained = ours
        verdict = _verdict(
            ours,
            holds=student.high <= FACTOR * retrained.low and retrained.high <= FACTOR * student.low,
            fails=student.low > FACTOR * retrained.high or retrained.low > FACTOR * student.high,
        )
        yield Line(where, paper, f"{student.text}, retrained {retrained.text}", verdict, ours)


def quality() -> Iterator[Line]:
    """Compare how FID changes; in another embedding, so without a verdict."""
    for model, feature in MNIST:
        theirs = [published("2", model, feature, method, "fid") for method in ("original", "ours")]
        ours = [_of_table_2(model, feature, variant, "fid[digits]") for variant in ("original", "ours")]
        texts = [f"{a:.2f} → {b:.2f}, {100 * (b / a - 1):+.0f} %" for a, b in (theirs, [each.mean for each in ours])]
        yield Line(f"{model}, {feature}", *texts, OTHER, ours)


def identifier() -> Iterator[Line]:
    """Compare the identifier's ROC-AUC."""
    for folder, feature in (*MNIST, *FACES, *CELEBA):
        theirs = published("3", folder.rpartition("/")[2], feature, "ours", "roc_auc")
        ours = _of_table_2(folder, feature, _plain(folder), "roc_auc")  # table 3 has no row for the plain rule
        verdict = _judged(folder, feature, ours, theirs, more_is_better=True)
        yield Line(f"{_named(folder)}, {feature}", f"{theirs:.3f}", ours.text, verdict, [ours])


# --- Tables 4 and 5 -----------------------------------------------------------------------------------


def _changes(metric: str, first: str, second: str) -> Iterator[Line]:
    """Yield by model how a metric goes from one row of table 4 to another one, and whether it goes the paper's way."""
    theirs = [published("4", "proggan", "bang", "ours", metric, PARAMS[name]) for name in (first, second)]
    for folder, feature in TERMS:
        name = metric if metric != "fid" else FID.get(folder, "fid[digits]")
        before, after = (Number(f"{folder}/table-4", feature, variant, name) for variant in (first, second))
        same, apart = (after.mean - before.mean) * (theirs[1] - theirs[0]) > 0, before.apart_from(after)
        label = "FID" if metric == "fid" else metric.replace("_", " ")
        yield Line(
            f"{_named(folder)}, {feature}: {label}",
            f"{digits(metric, theirs[0])} → {digits(metric, theirs[1])}",
            f"{before.text} → {after.text}",
            _verdict([before, after], holds=apart and same, fails=apart),
            [before, after],
        )


def perception() -> Iterator[Line]:
    """Compare what the perception term does to target ratio and FID."""
    yield from _changes("target_ratio", WITHOUT, ALL)
    yield from _changes("fid", WITHOUT, ALL)


def alone() -> Iterator[Line]:
    """Compare the unlearning term alone with all three terms."""
    yield from _changes("target_ratio", ALONE, ALL)
    yield from _changes("fid", ALONE, ALL)


def alpha() -> Iterator[Line]:
    """Compare what alpha 5 leaves with what alpha 1 leaves."""
    theirs = [published("5", "proggan", "bang", "ours", "target_ratio", f"alpha={a}") for a in (1, 5)]
    for folder, feature in ALPHA:
        first, last = (Number(f"{folder}/table-5", feature, f"alpha = {a}", "target_ratio") for a in (1, 5))
        yield Line(
            f"{_named(folder)}, {feature}",
            f"{theirs[0]:g} → {theirs[1]:g}, {_times(*theirs)}",
            f"{first.text} → {last.text}, {_times(first.mean, last.mean)}",
            _verdict(
                [first, last],
                holds=0 < first.low >= FALL * last.high,
                fails=first.high < FALL * last.low,
            ),
            [first, last],
        )


# --- Figure 6 and the cost ----------------------------------------------------------------------------


def others() -> Iterator[Line]:
    """Compare how far other attributes shift without bangs with how far they do by retraining."""
    for folder in ("proggan", "vdvae", *PHOTOGRAPHS):
        ours, retrained = (_of_table_2(folder, "bang", v, "attribute_shift") for v in (_plain(folder), "retrain"))
        where, paper = f"{_named(folder)}, bang", "`ours` less than retraining"
        if not retrained.known:
            yield Line(where, paper, f"{ours.text}, {NOT_RETRAINED}", OTHER, [ours])
            continue
        verdict = _verdict([ours, retrained], holds=ours.high < retrained.low, fails=ours.low > retrained.high)
        yield Line(where, paper, f"{ours.text}, retrained {retrained.text}", verdict, [ours, retrained])


def beard() -> Iterator[Line]:
    """Compare how far other attributes shift without beards with how far they do without bangs."""
    for folder in ("proggan", "vdvae", *PHOTOGRAPHS):
        bang, beard = (_of_table_2(folder, feature, _plain(folder), "attribute_shift") for feature in ("bang", "beard"))
        apart = beard.apart_from(bang)
        verdict = _verdict([beard, bang], holds=apart and beard.mean > bang.mean, fails=apart)
        here = f"beard {beard.text}, bang {bang.text}"
        yield Line(_named(folder), "beard more than bang", here, verdict, [beard, bang])


def cost() -> Iterator[Line]:
    """Compare the unlearning's share of the training's time."""
    for feature in ("thickness", "slant"):
        ours, training = (Number("vae/table-cost", feature, v, "seconds") for v in ("ours", "pre-training"))
        share = ours.mean / training.mean
        verdict = _verdict(
            [ours, training],
            holds=ours.high <= COST * training.low,
            fails=ours.low > COST * training.high,
        )
        here = f"{ours.mean:.0f} s of {training.mean:,.0f} s, 1/{1 / share:.0f}"
        yield Line(f"vae, {feature}", "about 1 of 30 minutes, 1/30", here, verdict, [ours, training])
