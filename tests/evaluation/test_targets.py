"""Which training images have a feature, as the data set's attributes or an oracle say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from trained_oracles import A

from bench.evaluation.targets import target_identity, target_mask
from bench.registry import Registry
from bench.workspace.settings.suites import OracleSettings
from bench.workspace.store.store import Store
from bench.workspace.weights import checkpoint
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
        tmp_path / "table-1.csv",
    )
    assert done.code == 0, done.err
    rows = (tmp_path / "table-1.csv").read_text()
    assert ",10.0," in rows and ",30.0," in rows and "strips (test); the data set's attributes" in rows


def test_an_oracle_measures_what_no_attribute_says_once(world, tmp_path, monkeypatch):
    world.plugins.add("strips", ('{"light": ("Dark", False)}', "{}"))
    workspace = Workspace(Registry(world.plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
    oracles = workspace.oracles("strips", OracleSettings(feedback=str(world.a), evaluation=str(world.b)), "light")
    monkeypatch.setattr(Workspace, "oracles", lambda *asked: oracles)
    split = workspace.dataset("strips").split("train")
    found = target_mask(workspace, "strips", split, "light")
    np.testing.assert_array_equal(found, np.arange(40) / 255 >= np.float32(A))
    assert 0 < found.sum() < 20
    (path,) = tmp_path.glob("runs/.stages/training-scores-*/scores.npy")
    np.testing.assert_allclose(np.load(path), np.arange(40) / 255 - A, atol=1e-7)
    unread = replace(split, read=lambda indices: pytest.fail("an image was read again"))
    np.testing.assert_array_equal(target_mask(workspace, "strips", unread, "light"), found)
    with pytest.raises(pytest.fail.Exception, match="an image was read again"):
        target_mask(workspace, "strips", replace(unread, sha256="other images"), "light")


def test_what_decides_is_identified_by_the_oracle_only_where_attributes_do_not_say(world, tmp_path, monkeypatch):
    def identity(dataset, feature):
        workspace = Workspace(Registry(world.plugins.path), Store(tmp_path / "runs"), torch.device("cpu"))
        named = OracleSettings(feedback=str(world.a), evaluation=str(world.b))
        monkeypatch.setattr(Workspace, "oracles", lambda self, name, settings, *rest: oracles(self, name, named, *rest))
        return target_identity(workspace, dataset, feature)

    oracles = Workspace.oracles
    by_attribute, own = identity("strips", "light"), identity("own", "scar")
    assert by_attribute[:2] == ["strips", "light"] and len(by_attribute) == len(own) == 4
    world.plugins.add("strips", ('{"light": ("Dark", False)}', "{}"))
    first, again = identity("strips", "light"), identity("strips", "light")
    assert first == again and first[-1] == checkpoint.read(world.a).sha256 and len(first) == 6
    world.copy("a", 0.11)
    assert [old == new for old, new in zip(first, identity("strips", "light"), strict=True)] == [True] * 5 + [False]


def test_a_data_set_that_is_not_here_leaves_the_others_their_counts(world, bench_cli, tmp_path):
    suite = tmp_path / "mine.toml"
    suite.write_text('[models.bars]\ndataset = "strips"\n[models.vae]\ndataset = "mnist"\n')
    command = (
        "table", "1", "--suite", suite, "--plugins", world.plugins.path, "--results", tmp_path / "runs", "--out",
        tmp_path / "table-1.csv",
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
