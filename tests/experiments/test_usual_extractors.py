"""Unless extractors are named, those of the data set that are here are used."""

from __future__ import annotations

import pytest
import torch

from bench.errors import CheckpointError
from bench.experiments.planning import grid
from bench.registry import Registry
from bench.workspace.store.store import Store
from bench.workspace.workspace import Workspace


@pytest.fixture
def extractors(tmp_path, monkeypatch):
    """Return the extractors of a cell, on a machine without Inception's weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    workspace = Workspace(Registry(), Store(tmp_path / "runs"), torch.device("cpu"))

    def call(model, *overrides, dataset="celeba", feature="bang"):
        request = grid.Request(
            methods=["original"], models=[model], features=[feature], dataset=dataset, weights="vae-mnist",
            overrides=overrides,
        )  # fmt: skip
        (cell,) = grid.cells(request, workspace)
        return cell.settings.evaluation.extractors

    return call


@pytest.mark.parametrize("model", ["vae", "dcgan", "proggan", "vdvae"])
def test_celeba_needs_no_inception_file(model, extractors):
    assert extractors(model) == ()


@pytest.mark.parametrize("text", ["", "[]"])
def test_no_extractors_can_be_asked_for(text, extractors):
    assert extractors("vae", f"evaluation.extractors={text}", dataset="mnist", feature="thickness") == ()


def test_what_is_named_or_here_is_used(extractors):
    assert extractors("vae", "evaluation.extractors=inception") == ("inception",)
    assert extractors("vae", dataset="mnist", feature="thickness") == ("digits",)
    assert extractors("proggan", dataset="synthfaces") == ("faces",)


def test_what_is_left_out_is_told(bench_cli, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    done = bench_cli(
        "run", "--method", "original", "--model", "vae", "--dataset", "celeba", "--feature", "bang", "--dry-run",
        "--results", tmp_path / "runs",
    )  # fmt: skip
    assert done.code == 0 and done.err.count("left out: extractor 'inception': ") == 1
    assert "extractor 'inception'" not in done.out, "nothing that is missing before the cell can run"


def test_what_the_error_advises_works(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(CheckpointError, match="or name other extractors, or none: --set evaluation.extractors=$"):
        Registry().get("extractors", "inception").identity()
