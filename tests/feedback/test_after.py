"""Clicks on samples after unlearning become metrics of the cell, and only clicks on fresh samples of its weights."""

from __future__ import annotations

import json
import shutil

import pytest
from own_generator import EXAMPLES

from bench.toolkit.intervals import wilson
from bench.workspace.store.store import Store

COUNT = 60


@pytest.fixture
def cell(unlearned, tmp_path):
    """Return a copy of a cell that was unlearned on a person's clicks."""
    return shutil.copytree(unlearned[2], tmp_path / unlearned[2].name)


@pytest.fixture(scope="session")
def after(unlearned, bench_cli, tmp_path_factory):
    """Return samples of the unlearned weights."""
    folder = tmp_path_factory.mktemp("after") / "shown"
    weights = unlearned[2] / "unlearned.safetensors"
    done = bench_cli("sample", "--weights", weights, "--plugins", EXAMPLES, "--stream", "after", "--count", COUNT, "--out", folder)  # fmt: skip  # noqa: E501
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def click(bench_cli, after, tmp_path):
    def call(numbers, cell, *more, folder=after):
        (tmp_path / "left.txt").write_text("\n".join(map(str, numbers)))
        return bench_cli("feedback", folder, "--clicked", tmp_path / "left.txt", "--cell", cell, *more)

    return call


@pytest.mark.parametrize("left", [[], [4, 17], range(COUNT)])
def test_the_share_is_stored_with_the_cell_next_to_the_share_before(left, click, cell):
    before = Store(cell.parent).read(cell)
    done = click(left, cell)
    assert (done.code, done.err) == (0, "")
    record = Store(cell.parent).read(cell)
    found, first = record.metrics["clicked_ratio"], record.metrics["original_clicked_ratio"]
    low, high = wilson(len(left), COUNT)
    assert (found.value, found.n, found.low, found.high) == (len(left) / COUNT, COUNT, low, high)
    assert found.source.endswith("clicks on samples after unlearning; 60 samples of my_generator, stream 'after'")
    shown = record.provenance.feedback
    assert (first.value, first.n) == (shown.positives / 100, 100) and "before unlearning" in first.source
    assert done.out == (
        f"{cell}: share of clicked samples {first.value:.4f} [{first.low:.4f}, {first.high:.4f}] before, "
        f"{found.value:.4f} [{low:.4f}, {high:.4f}] after unlearning\n"
    )
    assert {name: record.metrics[name] for name in before.metrics} == before.metrics, "the others stay"
    stored = json.loads((cell / record.artefacts["clicks_after"].file).read_text())
    assert stored["positive"] == [*left] and stored["weights_sha256"] == record.artefacts["weights"].sha256


def test_clicks_again_replace_the_first(click, cell):
    assert click([1, 2, 3], cell).code == 0 and click([5], cell, "--feature", "scar").code == 0
    assert Store(cell.parent).read(cell).metrics["clicked_ratio"].value == 1 / COUNT


def test_the_cell_s_own_command_shows_it(click, unlearned, unlearn, clicks, cell):
    """The record in the results folder itself: run again, nothing is computed and the share is shown."""
    from own_generator import STEPS

    kept = (unlearned[2] / "result.json").read_bytes()
    try:
        assert click([3], unlearned[2]).code == 0
        again = unlearn("ours", "--feedback", clicks, *STEPS)
        assert again.code == 0 and "stored before" in again.out
        assert "share of clicked samples 0.1200 [0.0700, 0.1981] before, 0.0167 [0.0029, 0.0886] after unlearning" in again.out  # fmt: skip  # noqa: E501
        record = json.loads(unlearn("ours", "--feedback", clicks, *STEPS, "--json").out)
        assert record["metrics"]["clicked_ratio"]["metric"] == "clicks after"
    finally:
        (unlearned[2] / "result.json").write_bytes(kept)
        (unlearned[2] / "clicks-after.json").unlink()


def test_samples_of_other_weights_or_of_the_clicked_noise_are_refused(click, cell, hers, bench_cli, tmp_path):
    done = click([3], cell, folder=hers / "shown")
    assert (
        done.code == 4 and "holds samples of weights " in done.err and "but the unlearned weights of --cell" in done.err
    )
    weights, again = cell / "unlearned.safetensors", tmp_path / "again"
    assert bench_cli("sample", "--weights", weights, "--plugins", EXAMPLES, "--count", 3, "--out", again).code == 0
    done = click([1], cell, folder=again)
    assert done.code == 4 and "holds samples of the noise that was clicked before unlearning" in done.err
    assert f"Draw others: bench sample --weights {weights} --stream after" in done.err


def test_what_is_not_a_cell_is_refused(click, cell, tmp_path, after, bench_cli):
    assert f"--cell {tmp_path}: holds no result" in click([3], tmp_path).err
    assert "is about 'scar'" in click([3], cell, "--feature", "wart").err
    assert click([3], cell, "--out", tmp_path / "x.json").err.startswith("Error: --out: cannot be combined with --cell")
    assert click([99], cell).err.endswith("line 1: no sample 99; the samples are 0 to 59\n")
    done = bench_cli("feedback", after, "--clicked", tmp_path / "left.txt", "--feature", "scar")
    assert done.code == 4 and "Missing option '--out': needed unless --cell names a stored cell" in done.err
    assert "clicked_ratio" not in Store(cell.parent).read(cell).metrics
