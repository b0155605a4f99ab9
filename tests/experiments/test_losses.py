"""The losses of a training are kept with its weights."""

from __future__ import annotations

import csv

import pandas as pd
import pytest
import torch
from small_cells import QUICK, folders, records

import bench
from bench.core.files import file_sha256
from bench.experiments.stages import losses

TWO_PHASES = """
    generator = deepcopy(generator)
    for name, count in (("probe", 2), ("student", 3)):
        for step in context.steps(count, {}, name=name):
            context.log(step, **{name: step / 3})
    return Unlearned(generator)
"""


@pytest.fixture
def stored(on_bars, tmp_path):
    """Run a cell; return its record and its folder."""

    def call(*asked, **named):
        (record,) = records(on_bars(*asked, "--json", **named))
        (folder,) = [f for f in folders(tmp_path) if f.name.endswith(record["key"][:16])]
        return record, folder

    return call


def test_every_step_s_losses_lie_beside_the_weights(stored, bars, tmp_path):
    record, folder = stored("ours", *QUICK)
    table = pd.read_csv(folder / "losses.csv")
    assert list(table) == ["step", "loss", "unlearn", "perception", "reconstruction"]
    assert list(table["step"]) == [0, 1, 2, 3] and (table["loss"] > 0).all()
    found = 3 * (table["unlearn"] + table["perception"]) + table["reconstruction"]
    assert list(table["loss"]) == pytest.approx(list(found)), "Eq. 5, alpha = 3"
    assert record["artefacts"]["losses"] == {"file": "losses.csv", "sha256": file_sha256(folder / "losses.csv")}
    (stage,) = (tmp_path / "runs" / ".stages").glob("unlearn-*/losses.csv")
    assert stage.samefile(folder / "losses.csv")


def test_python_has_the_very_same_losses(stored, bars, on_bars, tmp_path):
    _, folder = stored("ours", *QUICK)
    original = bench.load(bars.weights, plugins=bars.folder.path)
    images = bench.sample(original, 100, stream="feedback/0")
    labels, _ = bench.ask_oracle(images, "thickness", dataset="mnist", generator=original)
    feedback = bench.make_feedback(labels, stream="feedback/0")
    unlearned = bench.unlearn(original, feedback, "ours", epochs=4, batch_size=8, plugins=bars.folder.path)
    here, kept = pd.DataFrame(unlearned.losses), pd.read_csv(folder / "losses.csv")
    assert list(here) == list(kept) and here.astype("float32").equals(kept.astype("float32")), "nine digits suffice"


def test_a_resumed_training_has_all_its_losses_once(stored, on_bars, tmp_path, interrupt_at):
    _, whole = stored("ours", "-p", "epochs=12")
    expected = (whole / "losses.csv").read_bytes()
    (tmp_path / "runs").rename(tmp_path / "whole")
    heal = interrupt_at(5)
    assert on_bars("ours", "-p", "epochs=12").code == 2
    heal()
    _, resumed = stored("ours", "-p", "epochs=12")
    assert (resumed / "losses.csv").read_bytes() == expected


def test_a_diverged_training_says_how_it_came_to_that(stored, plugins, bars):
    body = 'for step in range(3):\n    context.log(step, loss=[2.0, 8.0, float("nan")][step])'
    plugins.method("wild", body)
    record, folder = stored("wild", plugins=plugins.path)
    assert record["status"] == "diverged" and record["artefacts"].keys() == {"losses"}
    assert pd.read_csv(folder / "losses.csv")["loss"].to_list() == [2.0, 8.0]


def test_phases_are_told_apart_and_a_method_that_logs_nothing_has_no_file(stored, plugins):
    plugins.method("phased", TWO_PHASES)
    _, folder = stored("phased", plugins=plugins.path)
    table = pd.read_csv(folder / "losses.csv")
    assert table["phase"].to_list() == ["probe"] * 2 + ["student"] * 3 and table["step"].to_list() == [0, 1, 0, 1, 2]
    assert table["probe"].isna().sum() == 3
    record, folder = stored("original")
    assert "losses" not in record["artefacts"] and not (folder / "losses.csv").exists()


def test_numbers_keep_every_bit_of_a_float32(tmp_path):
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0)).tolist()
    losses.write(tmp_path / "a.csv", [{"step": float(i), "loss": v} for i, v in enumerate(values)])
    with (tmp_path / "a.csv").open(newline="") as file:
        read = torch.tensor([float(row["loss"]) for row in csv.DictReader(file)])
    assert read.tolist() == values
    losses.write(tmp_path / "a.csv", [])
    assert not (tmp_path / "a.csv").exists()
