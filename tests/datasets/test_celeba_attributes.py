"""The comparison of synthfaces with CelebA's table: what it computes, what it refuses, and that it stores no row."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("celeba_attributes", ROOT / "benchmarks" / "celeba_attributes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def people(count, seed):
    rng = np.random.default_rng(seed)
    names = ("Male", "No_Beard", "Goatee", "Mustache", "Sideburns")
    return pd.DataFrame({name: rng.random(count) < 0.4 for name in names})


def test_rates_correlations_and_shares_are_those_of_counting(script):
    theirs, ours = people(400, 0), people(300, 1)
    table = script.compared(theirs.assign(Blurry=True), ours.assign(Own=True))
    assert not {"Blurry", "Own"} & {*table.attribute, *table.other}, "only what both have"
    assert set(table.celeba_n) == {400} and set(table.synthfaces_n) == {300}
    by = table.set_index(["kind", "attribute", "other"])
    assert by.loc[("rate", "Male", ""), "celeba"] == theirs.Male.mean()
    a, b = theirs.Goatee, theirs.Male
    phi = ((a & b).mean() - a.mean() * b.mean()) / np.sqrt(a.mean() * (1 - a.mean()) * b.mean() * (1 - b.mean()))
    assert by.loc[("correlation", "Goatee", "Male"), "celeba"] == pytest.approx(phi)
    share = (ours.No_Beard & ours.Sideburns).sum() / ours.Sideburns.sum()
    assert by.loc[("share", "No_Beard", "Sideburns"), "synthfaces"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "no such file"), (b"1\nMale\n000001.jpg 1\n", "md5 .*expected")]
)
def test_another_table_is_refused(script, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "celeba").mkdir()
        (tmp_path / "celeba" / "list_attr_celeba.txt").write_bytes(content)
    with pytest.raises(click.UsageError, match=reason):
        script.official(tmp_path)


def test_the_stored_comparison_holds_the_numbers_of_synthfaces_as_it_is_now(script):
    stored = pd.read_csv(ROOT / "results" / "reference" / "celeba-attributes.csv", keep_default_na=False)
    ours = script.attributes(script.sample(script.Draws("synthfaces/train", range(script.FACES))))
    now = script.compared(ours, ours)
    assert list(stored.attribute) == list(now.attribute) and list(stored.other) == list(now.other)
    assert stored.synthfaces.to_numpy() == pytest.approx(now.synthfaces.to_numpy(), abs=6e-5)
    assert not stored.attribute.str.contains("jpg").any() and set(stored.kind) == {"rate", "correlation", "share"}
