"""The distance from the true image: in two parts, each with its floor, and never as a headline."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.evaluation import removers
from bench.report.tables import truth
from bench.report.tables.row import Row
from bench.report.terminal import text
from bench.workspace import manifest

ROW = Row("2", "proggan", "beard", "ours", metric=truth.INSIDE, mean=0.0087)


def record(**values):
    """Return a record of a face cell with these values."""
    settings = SimpleNamespace(dataset="synthfaces")
    return SimpleNamespace(feature="beard", value=values.get, provenance=SimpleNamespace(settings=settings))


def entry(workspace, feature="beard", dataset="synthfaces"):
    cell = SimpleNamespace(feature=feature, settings=SimpleNamespace(dataset=dataset))
    return SimpleNamespace(
        done=SimpleNamespace(planned=SimpleNamespace(cell=cell), resolved=SimpleNamespace(workspace=workspace))
    )


@pytest.mark.parametrize("feature", ["bang", "beard"])
def test_the_floor_is_the_shipped_remover_s_error_on_held_out_pairs(workspace, feature):
    floor = removers.floor_of(workspace, "synthfaces", feature)
    assert floor.pairs == 1000 and floor.inside > 100 * floor.outside
    described = manifest.entries()[removers.zoo_name("synthfaces", feature)].description
    assert f"|error| {floor.inside + floor.outside:.4f} on 1000 held-out true pairs" in described


def test_photographs_have_no_floor(workspace):
    assert removers.floor_of(workspace, "mnist", "slant") is None


def test_both_parts_are_said_with_their_floors(workspace):
    found = truth.truth_line(record(**{truth.INSIDE: 0.0087, truth.OUTSIDE: 0.0312, truth.SUM: 0.0399}), workspace)
    floor = removers.floor_of(workspace, "synthfaces", "beard")
    assert f"inside the feature's place 0.0087 (the truth itself: {floor.inside:.4f})" in found
    assert f"outside the feature's place 0.0312 (the truth itself: {floor.outside:.4f})" in found
    assert "0.0399" not in found
    assert truth.truth_line(record(), workspace) is None


@pytest.mark.parametrize("metric", [truth.SUM, truth.INSIDE, truth.OUTSIDE])
def test_no_part_is_among_the_headlines(metric):
    assert not text._headline(metric) and text._headline("fid[faces]")


def test_a_caption_says_the_floor_of_the_features_that_have_a_number(workspace):
    entries = [entry(workspace), entry(workspace, "bang")]
    floor = removers.floor_of(workspace, "synthfaces", "beard")
    said = truth.floors([ROW, replace(ROW, feature="bang", mean=None)], entries)
    assert f"beard: {floor.inside:.4f} inside" in said and "bang" not in said
    assert truth.floors([replace(ROW, metric="fid[faces]")], entries) == ""
