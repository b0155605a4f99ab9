"""What distances see: alterations are what they are called, numbers are those of the benchmark, claims those of the CSV."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import altered
import altered_faces
import numpy as np
import pandas as pd
import pytest
import torch
from altered import Altered
from measures import Embedded, Eye, Judged
from metric_sensitivity import rows_of

from bench.api import Statistics
from bench.toolkit import estimates

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
COUNT, FACES = 400, 100
WHOLE = (
    "no fringe", "no beard", "no smile", "no glasses", "blurred by 0.5 px", "blurred by 1 px", "hue shifted by 5 %",
    "noise of 5 %", "lower third from another face", "10 % duplicates", "collapse to 200 pictures",
    "no men: women in their place",
)  # fmt: skip
TENTHS = tuple(f"a tenth of {name} gone" for name in ("fringe", "beard", "smile", "glasses"))


@pytest.fixture(scope="module")
def sets():
    """Return the first alterations of 100 faces, by name: the faces, other faces, removals."""
    return {each.name: each for each in islice(altered_faces.alterations("synthfaces/test", FACES), 10)}


def test_a_removal_changes_those_who_had_the_feature_and_nobody_else(sets):
    before = sets["as they are"].images
    for name in ("fringe", "beard", "smile", "glasses"):
        removal = next(each for each in altered_faces.REMOVALS if each.name == name)
        people = altered_faces.sample(altered_faces.Draws("synthfaces/test", list(range(FACES))))
        had = removal.having(people)
        changed = (sets[f"no {name}"].images != before).flatten(1).any(1).numpy()
        assert 0 < had.sum() < FACES and np.array_equal(changed, had)
        few = (sets[f"a tenth of {name} gone"].images != before).flatten(1).any(1).numpy()
        assert few.sum() == had.sum() // 10 and not (few & ~had).any()
        assert not removal.having(removal.remove(people)).any()


def test_duplicates_and_a_collapse_say_whose_copies_they_are():
    images = torch.arange(600, dtype=torch.int64).remainder(251).to(torch.uint8).view(600, 1, 1, 1).expand(600, 1, 2, 2)
    copied, collapsed = altered.thinned_out(images)
    for each, different in ((copied, 540), (collapsed, 200)):
        assert torch.equal(each.images, images[torch.from_numpy(each.sources)])
        assert len(np.unique(each.sources)) == different


class Bright:
    attributes, cuts = ("bright", "red"), {"bright": 0.5, "red": 0.5}

    def __init__(self):
        self.looked = 0

    def scores(self, images, attributes):
        self.looked += len(images)
        return images.double().flatten(1)[:, : len(attributes)].numpy() / 255


def pictures(name, values, sources=None):
    found = torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 2)
    return Altered(name, found, np.arange(len(found)) if sources is None else sources)


def test_the_judge_counts_shares_and_their_mean_move_in_pairs():
    had = pictures("had", [[255, 0]] * 20 + [[0, 255]] * 20)
    lost = pictures("lost", [[255, 0]] * 10 + [[0, 0]] * 10 + [[0, 255]] * 20)
    bright = Bright()
    judged = Judged(bright, ("bright",))
    first, after = judged(had), judged(lost)
    assert bright.looked == 3, "a picture is looked at once"
    assert (first["attribute_ratio[bright]"].value, after["attribute_ratio[bright]"].value) == (0.5, 0.25)
    shift = after["attribute_shift"]
    assert first["attribute_shift"].value == 0 and shift.value == pytest.approx(0.25 / 2)
    moves = np.r_[np.zeros(10), np.full(10, 0.5), np.zeros(20)]  # mean over two attributes
    assert shift.half_width == pytest.approx(1.96 * moves.std() / np.sqrt(40), rel=1e-4)


def test_rows_say_whether_a_change_exceeds_the_intervals():
    cloud = np.random.default_rng(0).normal(size=(COUNT, 3))
    reference = Statistics(np.array([-1.0, 0, 0]), np.eye(3), COUNT, "toy")
    shifts = {"as they are": 0.0, "far": 1.0, "little": 0.012}
    sets = [Altered(name, torch.zeros(COUNT, 1, 2, 2), np.arange(COUNT)) for name in shifts]

    def measure(each):
        return {"fid": estimates.frechet(cloud + shifts[each.name], reference, each.sources)}

    rows = list(rows_of([measure], sets))
    assert {row["alteration"]: row["seen"] for row in rows} == {"as they are": "no", "far": "yes", "little": "paired"}
    assert rows[1]["value"] - rows[0]["value"] == pytest.approx(rows[1]["change"]) and rows[0]["change"] == 0
    assert rows[2]["change_half_width"] < rows[2]["change"] < rows[2]["half_width"]


def test_an_extractor_looks_at_a_picture_once():
    looked = []

    def look(images):
        looked.append(len(images))
        rows = images.double().flatten(1).numpy()
        return rows, rows

    reference = Statistics(np.zeros(2), np.eye(2), 9, "toy")
    values = np.random.default_rng(0).integers(0, 256, (30, 2)).tolist()
    kernel = estimates.kernel_reference(np.eye(2))
    measure = Embedded("toy", Eye(look), {"fid": reference, "fid_retain": reference}, kernel)
    found = measure(pictures("all", values))
    assert set(found) == {"fid[toy]", "fid_retain[toy]", "kid[toy]", "inception_score[toy]"}
    again = measure(pictures("turned round", values[::-1]))
    assert looked == [len({tuple(each) for each in values})]
    assert again["fid[toy]"].value == pytest.approx(found["fid[toy]"].value)


# --- what the committed numbers show ------------------------------------------------------------------


@pytest.fixture(scope="module")
def faces():
    return pd.read_csv(REFERENCE / "sensitivity-faces.csv").set_index(["n", "metric", "alteration"]).sort_index()


@pytest.mark.parametrize(("n", "distance"), [(2000, "fid[faces]"), (10_000, "fid[faces]"), (2000, "fid[imagenet]")])
def test_the_headline_distance_of_faces_and_its_check_see_every_whole_alteration(faces, n, distance):
    rows = faces.loc[(n, distance)].loc[list(WHOLE)]
    assert (rows.change > rows.half_width).all() and set(rows.seen) == {"yes"}
    assert rows.change["collapse to 200 pictures"] > 5 * rows.change["no glasses"]
    assert faces.loc[(n, distance, "other faces, as they are")].seen == "no"


def test_the_judge_sees_a_tenth_of_a_feature_where_distances_hardly_do(faces):
    columns = {"fringe": "bang", "beard": "beard", "smile": "Smiling", "glasses": "Eyeglasses"}
    for name, attribute in columns.items():
        row = faces.loc[(10_000, f"attribute_ratio[{attribute}]", f"a tenth of {name} gone")]
        assert row.change + row.change_half_width < 0
    assert (faces.loc[(10_000, "fid[faces]")].loc[list(TENTHS)].seen != "yes").any()


def test_the_distance_of_digits_sees_every_alteration_but_copies_by_its_own_interval():
    rows = pd.read_csv(REFERENCE / "sensitivity-digits.csv")
    rows = rows[(rows.n == 5000) & (rows.metric == "fid[digits]")].set_index("alteration").seen
    assert set(rows.drop(["as they are", "other digits, as they are", "10 % duplicates"])) == {"yes"}
    assert rows["10 % duplicates"] == "paired" and rows["other digits, as they are"] == "no"
