"""The script that asks whether a method removes or fools: a student that only fools is told from one that removes."""

from __future__ import annotations

from pathlib import Path

import feature_readers as readers
import fools_or_removes as script
import numpy as np
import pandas as pd
import pytest
import torch
from student_toys import context
from torch import nn

from bench.api import Feedback, NoiseLatentGenerator
from bench.toolkit.image_surrogate import SurrogateParams, fit_surrogate

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
PARAMS = SurrogateParams(members=1, channels=(8, 16), surrogate_steps=60, max_shift=1, max_blur=0, max_noise=0)
COUNT = 1024
STEP, STEPS, LARGEST = 0.05, 20, 0.3  # of the pattern: it crosses 1/2, from where the ruler measures, on edges alone


class Bars(NoiseLatentGenerator):
    """A white bar on black, as wide as the first latent says; with the feature it is wide."""

    image_shape, noise_dim, latent_dim = (1, 16, 16), 2, 2

    def __init__(self, widest=99.0):
        super().__init__()
        self.widest = nn.Parameter(torch.tensor(widest))

    def render(self, latents):
        width = (7 + latents[:, 0]).minimum(self.widest)  # (N,), px
        middle = 8 + latents[:, 1]
        away = (torch.arange(16.0, device=latents.device)[None] - middle[:, None]).abs()  # (N, 16)
        line = ((width[:, None] / 2 - away) + 0.5).clamp(0, 1)
        return line[:, None, None].expand(-1, 1, 16, 16)


class Patterned(NoiseLatentGenerator):
    """The original's bars with a pattern on them that lowers an ensemble's score; hardly a bar gets narrower."""

    image_shape, noise_dim, latent_dim = (1, 16, 16), 2, 2

    def __init__(self, original, ensemble):
        super().__init__()
        self.original, self.ensemble = original, ensemble

    def render(self, latents):
        images = self.original.render(latents)
        pattern = torch.zeros_like(images)
        for _ in range(STEPS):
            pattern = pattern.detach().requires_grad_()
            with torch.enable_grad():
                score = self.ensemble((images + pattern).clamp(0, 1)).sum()
                (gradient,) = torch.autograd.grad(score, pattern)
            pattern = (pattern.detach() - STEP * gradient.sign()).clamp(-LARGEST, LARGEST)
        return (images + pattern).clamp(0, 1)


def ruler(images):
    """Return the width of bars (N, 1, 16, 16) uint8, px: the columns that are brighter than 1/2 on average."""
    return (images.float().mean((1, 2)) > 127.5).sum(1).double().numpy()


@pytest.fixture(scope="module")
def scene():
    original = Bars().eval()
    shown = script.drawn(original, 200, "feedback/0")
    cut = float(np.quantile(ruler(shown), 0.9))
    feedback = Feedback(ruler(shown) >= cut, "feedback/0")
    own = fit_surrogate(original, feedback, PARAMS, context())
    return original, feedback, own, cut


def read(scene, student):
    original, feedback, own, cut = scene
    before, after = (script.drawn(each, COUNT, "evaluation") for each in (original, student))
    clicked = ruler(before) >= cut
    asked = [
        readers.Reader(script.OWN, readers.by_ensemble(own), share=clicked.mean()),
        readers.Reader("fresh classifiers", readers.by_ensemble(script.fresh_ensemble(original, feedback, PARAMS, 0)), share=clicked.mean()),
        readers.Reader(script.JUDGE, ruler, cut),
        *readers.altered(script.JUDGE, ruler, (0.5,), clicked.mean()),
    ]  # fmt: skip
    rows = readers.readings(asked, before, after, clicked)
    return script.verdict(rows), {row["reader"]: row for row in rows}


def test_a_pattern_against_its_own_classifiers_fools(scene):
    found, rows = read(scene, Patterned(scene[0], scene[2]))
    assert found == "fools"
    assert rows[script.OWN]["high"] < 0.35, "its own classifiers see little"
    assert rows["fresh classifiers"]["low"] > rows[script.OWN]["high"], "others of the kind see more"
    assert rows[script.JUDGE]["low"] > 0.6 and rows["judge, blurred 0.5 px"]["low"] > 0.6, "the bars are still wide"


def test_a_student_without_the_feature_removes(scene):
    cut = scene[3]
    found, rows = read(scene, Bars(widest=cut - 3).eval())
    assert found == "removes"
    assert rows[script.OWN]["ratio"] < 0.05 and rows["fresh classifiers"]["ratio"] < 0.2
    assert rows[script.JUDGE]["count_after"] == rows["judge, blurred 0.5 px"]["count_after"] == 0


def test_the_original_does_neither(scene):
    found, rows = read(scene, scene[0])
    assert {row["ratio"] for row in rows.values()} == {1}, "the altered originals are read alike"
    assert all(row["low"] < 1 < row["high"] for row in rows.values())
    assert rows[script.JUDGE]["unclicked"] == 0 and rows[script.OWN]["unclicked"] < 0.5
    assert found == "between", "its own classifiers miss nothing, so nothing is confirmed and nobody fooled"


def test_a_method_without_classifiers_has_no_verdict():
    assert script.verdict([{"reader": script.JUDGE, "low": 0.0, "high": 0.1}]) == ""


@pytest.mark.parametrize("own", [(0.0, 0.0), (0.0, 0.2)])
@pytest.mark.parametrize(("judge", "said"), [((0.0, 0.05), "removes"), ((0.2, 0.4), "between"), ((0.7, 0.9), "fools")])
def test_the_verdict_goes_by_the_intervals(own, judge, said):
    rows = [
        {"reader": name, "low": low, "high": high} for name, (low, high) in ((script.OWN, own), (script.JUDGE, judge))
    ]
    assert script.verdict(rows) == said


def test_the_interval_of_a_ratio_covers_and_has_a_length_where_nothing_is_left():
    value, low, high = readers.ratio(0, 1000, 10_000)
    assert (value, low) == (0, 0) and high == pytest.approx(3.84 / 1000, rel=0.1), "Wilson's z^2 / n"
    rng, covered, truth = np.random.default_rng(0), 0, 0.3
    for _ in range(400):
        before = rng.random(2000) < 0.1
        after = before & (rng.random(2000) < truth)
        _, low, high = readers.ratio(int(after.sum()), int(before.sum()), 2000)
        covered += low <= truth <= high
    assert covered / 400 > 0.93
    assert np.isnan(readers.ratio(3, 0, 100)[0])


def test_noise_and_blur_are_the_same_for_the_same_samples():
    images = torch.randint(256, (70, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    flat = torch.full_like(images, 100)
    assert torch.equal(readers.noisy(images), readers.noisy(images)) and not torch.equal(readers.noisy(images), images)
    assert readers.noisy(flat).float().std() == pytest.approx(255 * readers.NOISE, rel=0.05)
    assert torch.equal(readers.blurring(1.0)(flat), flat)
    assert readers.blurring(1.0)(images).float().std() < 0.5 * images.float().std()


def test_the_page_says_what_the_stored_intervals_show():
    rows = pd.read_csv(REFERENCE / "fools-or-removes.csv")
    cells = [
        found.set_index("reader")
        for _, found in rows[rows.model != "proggan"].groupby(["model", "feature", "method", "seed"])
    ]
    steered = [cell for cell in cells if (cell.method == "surrogate").all()]
    assert len(steered) == 12 and {script.verdict(cell.reset_index()) for cell in steered} == {"removes"}
    for cell in steered:
        own, judge, fresh = (cell.loc[name] for name in (script.OWN, script.JUDGE, "fresh classifiers"))
        assert (judge.low > own.high) == (judge.feature == "thickness")
        assert fresh.low <= own.high and own.low <= fresh.high
        assert cell[cell.index.str.startswith("judge")].high.max() < 1 / 5
        assert own.high < judge.ratio or judge.feature == "slant"
    missed = [cell.loc["fresh classifiers"].high < cell.loc[script.JUDGE].low for cell in cells
              if tuple(cell.iloc[0][["model", "feature", "method"]]) == ("vae", "thickness", "ours")]  # fmt: skip
    assert sorted(missed) == [False, True, True]
    assert rows[(rows.reader == "linear") & (rows.model != "proggan")].unclicked.min() > 0.24
    faces = rows[rows.model == "proggan"].set_index("reader")
    own, judge = faces.loc[script.OWN], faces.loc[script.JUDGE]
    assert script.verdict(faces.reset_index()) == "between" and judge.low > own.high
    assert all(faces.loc[name].low <= own.high for name in ("fresh classifiers", "clicker"))
    assert judge.ratio == pytest.approx(1 / 7, abs=0.01) and own.ratio == pytest.approx(1 / 12, abs=0.01)
