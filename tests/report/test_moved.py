"""Which attributes' shares stand in the CSV of table 2."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bench.report.tables.moved import moved_attributes
from bench.workspace.store.record import Measurement


def cell(variant, **shifts):
    """Return a stored cell; each attribute's shift is an interval, or None where there is none."""
    metrics = {
        f"attribute_shift[{name}]": Measurement(
            value=0.0, n=10, low=low, high=high, higher_is_better=None, source="", metric=""
        )
        for name, (low, high) in shifts.items()
    }
    metrics["attribute_shift"] = Measurement(value=0.1, n=10, higher_is_better=False, source="", metric="")
    result = SimpleNamespace(metrics=metrics)
    return SimpleNamespace(place=("vae", "slant"), variant=SimpleNamespace(label=variant), result=result)


UP, UP_AGAIN, DOWN, NONE = (0.01, 0.02), (0.001, 0.2), (-0.2, -0.1), (-0.01, 0.01)


@pytest.mark.parametrize(
    ("cells", "moved"),
    [
        ([cell("ours", A=UP)], {"A"}),
        ([cell("ours", A=DOWN)], {"A"}),
        ([cell("ours", A=NONE)], set()),
        ([cell("ours", A=(None, None))], set()),
        ([cell("ours", A=(0.0, 0.02))], set()),
        ([cell("ours", A=UP), cell("ours", A=UP_AGAIN)], {"A"}),
        ([cell("ours", A=UP), cell("ours", A=NONE)], set()),  # one seed of two
        ([cell("ours", A=UP), cell("ours", A=DOWN)], set()),  # the seeds disagree
        ([cell("ours", A=NONE), cell("probe", A=UP)], {"A"}),  # one row is enough
        ([cell("ours", A=UP, B=NONE), cell("probe", A=NONE, B=DOWN)], {"A", "B"}),
        ([cell("ours", Male=NONE, A=NONE)], {"Male"}),  # always there
    ],
)
def test_an_attribute_moved_if_a_row_s_intervals_all_lie_on_one_side_of_zero(cells, moved):
    assert moved_attributes(cells) == {("vae", "slant"): sorted(f"attribute_ratio[{name}]" for name in moved)}


def test_cells_without_a_result_move_nothing():
    failed = SimpleNamespace(place=("vae", "slant"), variant=SimpleNamespace(label="ours"), result=None)
    assert moved_attributes([failed]) == {}


def test_the_shares_stand_in_the_csv_alone_unless_they_are_asked_for(table, tmp_path):
    strong = "latent_edit, threshold_shift=-2.0"
    only = ("--only", "original", "--only", "latent_edit -p threshold_shift=-2")
    asked = ("--seed", "0,1", "--model", "vae", "--feature", "slant", *only)
    done, rows = table("2", *asked)
    assert done.code == 0, done.err
    shares = {row["metric"] for row in rows if row["metric"].startswith("attribute_ratio[")}
    assert shares, "an edit that flags nearly every latent moves something"
    assert all({row["variant"] for row in rows if row["metric"] == name} == {"original", strong} for name in shares)
    pages = [path.read_text() for path in (tmp_path / "out").glob("table-2*") if path.suffix != ".csv"]
    assert len(pages) == 2 and not any("attribute_ratio" in page or "attribute ratio" in page for page in pages)
    name = sorted(shares)[0]
    again, columns = table("2", *asked, "--metric", f"+{name}")
    assert name in again.out and name not in done.out
    assert [row for row in columns if row["metric"] == name] == [row for row in rows if row["metric"] == name]


def test_n_of_several_seeds_is_that_of_the_fewest_and_of_the_most(table):
    asked = ("2", "--seed", "0,1,2", "--model", "vae", "--feature", "slant", "--only", "ours")
    for more, alike in (((), True), (("--set", "oracle.cut=shown"), False)):
        done, rows = table(*asked, *more)
        assert done.code == 0, done.err
        by_metric = {row["metric"]: (row["n"], row["n_most"]) for row in rows}
        assert by_metric["target_ratio"] == ("70", "70")
        fewest, most = map(int, by_metric["retain_change"])
        assert 0 < fewest <= most < 70
        assert (fewest == most) is alike, "one cut for all seeds, or a cut and other samples without it for each"
