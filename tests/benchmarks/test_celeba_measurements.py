"""The scripts that measure what was trained on photographs, on rendered faces and on known answers."""

from __future__ import annotations

import celeba_generator
import celeba_oracles
import numpy as np
import pandas as pd
import pytest
import rendered_celeba
import torch
import training_times
from attribute_rates import agrees
from click.testing import CliRunner


@pytest.fixture(scope="module")
def trained(tmp_path_factory, bench_cli):
    """Train all that the small suite names; return the options of the scripts."""
    folder = tmp_path_factory.mktemp("trained")
    rendered_celeba.write(folder / "data")
    (folder / "toy.toml").write_text(rendered_celeba.SUITE)
    options = ["--suite", folder / "toy.toml", "--data-dir", folder / "data", "--results", folder / "runs"]
    done = bench_cli("run", *options, "--method", "original", "--model", "proggan", "--feature", "bang")
    assert done.code == 0, done.err
    return [str(each) for each in options]


def measured(script, options, out):
    done = CliRunner().invoke(script.main, [*options, "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize("script", [celeba_oracles, celeba_generator])
def test_what_is_not_trained_is_one_error_with_the_command(script, trained, tmp_path):
    done = CliRunner().invoke(script.main, [*trained, "--results", str(tmp_path / "runs")])
    assert done.exit_code == 2 and f"bench run --suite {trained[1]} --method original" in done.output


def test_the_oracles_of_a_suite_are_measured_on_every_split(trained, tmp_path):
    rows = pd.read_csv(measured(celeba_oracles, [*trained, "--count", "16"], tmp_path / "oracles.csv"))
    assert len(rows) == 2 * 2 * 4 and set(rows["data"]) == {"CelebA, 48 photographs"}
    assert rows.groupby(["copy", "feature"])["split"].agg(list).map(tuple).unique().tolist() == [
        ("valid", "test", "train", "test")
    ]
    assert set(rows.loc[rows["split"] == "train", "n"]) == {16} and set(rows.loc[rows["split"] == "test", "n"]) == {8}


def test_a_generator_s_rates_and_distances_are_measured(trained, tmp_path):
    rows = pd.read_csv(measured(celeba_generator, [*trained, "--count", "32"], tmp_path / "generator.csv"))
    near, rate = rows[rows["kind"] == "nearest"], rows[rows["kind"] == "rate"]
    assert len(near) == 2 * 16 and (near["samples"] > 0).all() and near["photographs"].between(0, 1).all()
    known = rate.set_index("what")
    assert set(known["agrees"].astype(str)) <= {"True", "False"}
    assert (known["agrees"].astype(str) == "True")["bang"] == agrees(*known.loc["bang", ["samples", "photographs"]])
    assert len(known) == 42 and known.loc["bang", "table"] == known.loc["Bangs", "table"] == 0.5
    assert known.loc["beard", "table"] == pytest.approx(1 - known.loc["No_Beard", "table"])


def test_a_step_of_everything_that_a_suite_trains_is_timed(trained, tmp_path):
    lines = measured(training_times, [*trained, "--steps", "1"], tmp_path / "times.txt").read_text().splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["classifiers", "mobilenet", "celeba"], ["extractors", "faces", "celeba"], ["models", "proggan", "celeba"],
    ]  # fmt: skip
    assert all(float(line.split()[3]) > 0 for line in lines)


def test_a_calibrated_cut_lets_as_many_through_as_have_the_feature():
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(size=200), rng.random(200) < 0.15
    assert (scores >= celeba_oracles.calibrated(scores, truth)).sum() == truth.sum()
    assert np.isnan(celeba_oracles.calibrated(scores, np.zeros(200, bool)))
    assert celeba_oracles.balanced(truth, truth) == 1 and celeba_oracles.balanced(~truth, truth) == 0
    assert celeba_oracles.balanced(np.ones(200, bool), truth) == 0.5


def test_a_split_without_photographs_has_no_row():
    truth = {"train": np.arange(8).reshape(8, 1) % 2 == 0}
    found = {copy: {"train": np.where(truth["train"], 1.0, -1.0)} for copy in ("a", "b")}
    rows = list(celeba_oracles.rows(found, truth, ("bang",)))
    assert [(row["copy"], row["split"], row["balanced_accuracy"]) for row in rows] == [
        ("a", "train", 1.0), ("b", "train", 1.0),
    ]  # fmt: skip


def test_a_copied_photograph_is_at_distance_0_and_its_mirror_image_too():
    images = torch.randint(0, 256, (30, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    photographs = celeba_generator.flat(images), celeba_generator.flat(images.flip(3))
    copies = torch.stack([images[4], images[9].flip(1), images[7].flip(2)])
    rows = [*celeba_generator.copied("pixels", (celeba_generator.flat(copies), None), photographs)]
    assert [row["samples"] < 1e-3 for row in rows] == [True, False, True]
    assert [row["photographs"] for row in rows][::2] == [0.0, 0.0] and rows[1]["samples"] > 0.2
    far = celeba_generator.flat(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    (row,) = celeba_generator.copied("pixels", (far, None), photographs)
    assert row["photographs"] == 1.0


def test_a_photograph_is_not_its_own_nearest():
    rows = np.array([[0.0], [1.0], [4.0]], dtype=np.float32)
    assert celeba_generator.nearest(rows, rows).tolist() == [0, 0, 0]
    assert celeba_generator.nearest(rows[1:], rows, np.array([1, 2])).tolist() == [1, 3]
