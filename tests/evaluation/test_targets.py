"""Which training images have a feature, as the data set's attributes say."""

from __future__ import annotations

import numpy as np
import torch

from bench.evaluation.targets import target_mask
from bench.workspace.store import Store
from bench.workspace.workspace import Workspace


def test_attributes_say_which_training_images_have_the_feature(world, bench_cli, tmp_path):
    workspace = Workspace(world.registry, Store(tmp_path / "runs"), torch.device("cpu"))
    split = workspace.dataset("strips").split("train")
    np.testing.assert_array_equal(target_mask(workspace, "strips", split, "light"), np.arange(40) >= 30)
    assert not (tmp_path / "runs").exists(), "no oracle was asked (none is here), no image was measured"
    suite = tmp_path / "mine.toml"
    suite.write_text(f'[models.bars]\ndataset = "strips"\nweights = "{world.a}"\n')
    done = bench_cli(
        "table",
        "1",
        "--suite",
        suite,
        "--plugins",
        world.plugins.path,
        "--results",
        tmp_path / "runs",
        "--out",
        tmp_path,
    )
    assert done.code == 0, done.err
    rows = (tmp_path / "table-1.csv").read_text()
    assert ",10.0," in rows and ",30.0," in rows and "strips (test); the data set's attributes" in rows


def test_a_data_set_that_is_not_here_leaves_the_others_their_counts(world, bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.bars]\ndataset = "strips"\n[models.vae]\ndataset = "mnist"\n')
    command = (
        "table", "1", "--suite", suite, "--plugins", world.plugins.path, "--results", tmp_path / "runs", "--out", tmp_path
    )  # fmt: skip
    done = bench_cli(*command)
    assert done.code == 0, done.err
    rows = [row.split(",") for row in (tmp_path / "table-1.csv").read_text().splitlines()]
    found = {row[1]: dict(zip(rows[0], row, strict=False)) for row in rows[1:]}
    assert found["strips"]["mean"] == "30.0" and found["strips"]["note"] == ""
    assert found["mnist"]["mean"] == "" and '"MNIST is needed' in (tmp_path / "table-1.csv").read_text()
    suite.write_text('[models.vae]\ndataset = "mnist"\n')
    done = bench_cli(*command)
    assert done.code == 4 and done.err.startswith("Error: MNIST is needed")
