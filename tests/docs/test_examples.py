"""The worked examples of the documentation run: each is checked, and together they unlearn a feature."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from docs_pages import DOCS, README, ROOT, blocks, example

import bench
from bench.registry import Registry

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

NOTEBOOK = ROOT / "examples" / "unlearn.ipynb"
SMALL = ["--set", "feedback.count=200", "--set", "evaluation.count=128", "-p", "epochs=3"]
EXAMPLES = ["mirror", "linear_decoder", "newly_appeared", "spread", "small_digits", "ink", "class_means"]

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all plug-ins of the documentation."""
    path = tmp_path_factory.mktemp("extend") / "plugins"
    path.mkdir()
    for name in EXAMPLES:
        (path / f"{name}.py").write_text(example(f"{name}.py"), encoding="utf-8")
    return path


def test_every_page_of_extend_has_a_worked_example_that_is_run() -> None:
    found = {
        page.stem: re.findall(r"<!-- example: (\w+)\.py -->", page.read_text())
        for page in (DOCS / "extend").glob("*.md")
    }
    assert all(found[kind] for kind in ("method", "model", "metric", "dataset", "oracle", "extractor"))
    assert sorted(sum(found.values(), [])) == sorted(EXAMPLES)


def test_the_examples_import_the_surface_of_plugins_alone() -> None:
    for name in EXAMPLES:
        imported = re.findall(r"^(?:from|import) (bench[\w.]*)", example(f"{name}.py"), flags=re.MULTILINE)
        assert imported and all(re.match(r"bench\.api$|bench\.toolkit\.", module) for module in imported), name


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_keeps_the_contract(folder: Path, name: str, bench_cli: Cli) -> None:
    checked = bench_cli("check", name, "--plugins", folder)
    assert checked.code == 0, checked.out + checked.err
    assert " 0 failed" in checked.out


def test_the_worked_examples_unlearn_together(folder: Path, tmp_path: Path, bench_cli: Cli) -> None:
    """Data set, oracle, extractor, model, method and metric of the documentation, in one cell; no download."""
    weights, places = tmp_path / "linear.safetensors", ["--plugins", folder, "--results", tmp_path / "runs"]
    trained = bench_cli(
        "pretrain", "--model", "linear_decoder", "--dataset", "small_digits", "-p", "epochs=30", "-p", "lr=1e-2",
        "--out", weights, *places,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    ran = bench_cli(
        "run", "--method", "mirror", "--model", "linear_decoder", "--dataset", "small_digits", "--weights", weights,
        "--feature", "heavy", "--set", "evaluation.count=500", "--json", *places,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    metrics = json.loads(ran.out)["metrics"]
    assert {"newly_appeared", "spread", "fid[class_means]", "roc_auc"} <= metrics.keys()
    assert 0.02 < metrics["spread"]["value"] < 0.5 and metrics["spread"]["n"] == 500
    assert metrics["target_ratio"]["value"] < metrics["original_target_ratio"]["value"] / 2
    assert metrics["newly_appeared"]["n"] == round(500 * (1 - metrics["original_target_ratio"]["value"]))


def test_the_worked_method_runs_on_a_shipped_generator(folder: Path, tmp_path: Path, bench_cli: Cli) -> None:
    results = ["--results", tmp_path / "runs", "--plugins", folder]
    ran = bench_cli("run", "--method", "mirror", "--model", "vae", "--feature", "thickness", *SMALL, *results)
    assert ran.code == 0, ran.err
    assert "mirror (epochs=3) vae thickness seed 0: share with the feature" in ran.out


def test_the_python_example_of_the_readme_unlearns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks(README, "python")
    assert len(code.splitlines()) <= 12
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["images"].shape == names["after"].shape == (500, 1, 28, 28)
    oracle = Registry().get("classifiers", "morpho_mnist")()
    scores = oracle.scores(torch.as_tensor(names["images"]).mul(255).round().byte(), ["thickness"])[:, 0]
    assert names["labels"].tolist() == (scores >= names["threshold"]).tolist() and 20 < names["labels"].sum() < 80
    value = names["measured"]["value"]
    assert value["target_ratio"] < value["original_target_ratio"] / 5
    assert re.search(r"^target_ratio +0\.00", capsys.readouterr().out, flags=re.MULTILINE)
    loaded = bench.load("unlearned.safetensors")
    assert np.array_equal(bench.sample(loaded, 500, stream="feedback/0"), names["after"])
    assert [path.name for path in tmp_path.iterdir()] == ["unlearned.safetensors"]


def test_the_notebook_is_small_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells in order, with smaller numbers than it shows."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5) and len(text) < 60_000
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[\w-]{1,64}", name) for name in ids)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    pictures = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            assert cell.keys() == {"cell_type", "id", "metadata", "source"}
            continue
        assert cell.keys() == {"cell_type", "id", "metadata", "source", "outputs", "execution_count"}
        exec("".join(cell["source"]), names)
        if "parameters" in cell["metadata"].get("tags", ()):
            assert {"SHOWN", "EPOCHS", "SAMPLES"} <= names.keys()
            names |= {"SHOWN": 100, "EPOCHS": 3, "SAMPLES": 130}
        pictures += len(plt.get_fignums())
        plt.close("all")
    assert pictures == 3 and names["after"].shape == (100, 1, 28, 28) and names["measured"]["n"].max() == 130
    assert (tmp_path / "unlearned.safetensors").is_file()
