"""A person's feedback file on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from feedback_files import change

from bench.api.feedback import Feedback
from bench.core import randomness
from bench.feedback.file import to_file


@pytest.fixture
def given(bars, generator, tmp_path):
    """Return a person's feedback on ``bars``: thick ones were clicked, and nothing says what cut stands behind it."""
    noise = randomness.draw("person", range(60), 6)
    path = tmp_path / "person.json"
    labels = noise[:, 0].numpy() > 1.0
    described = to_file(
        path, Feedback(labels, noise_array=noise.numpy()), "bars", bars.original.sha256, generator, None, "thickness"
    )
    path.write_text(described.model_dump_json())
    return path


def test_a_person_s_feedback_is_used(given, on_bars):
    done = on_bars("ours", "-p", "epochs=2", "--feedback", given, "--json")
    assert done.code == 0, done.err
    record = json.loads(done.out)
    first = json.loads(given.read_text())["noise_sha256"]
    told = {"count": 60, "positives": from_count(given), "noise_sha256": first, "repeats": None}
    assert record["provenance"]["feedback"] == told
    assert record["provenance"]["oracle"]["threshold"] == pytest.approx(3.5228, abs=1e-3), "the training set's own cut"
    assert record["metrics"]["roc_auc"]["value"] > 0.9


def test_the_cut_that_a_file_holds_is_the_cut_of_its_clicks(given, on_bars):
    change(given, oracle="morpho_mnist", threshold=2.5)
    record = json.loads(on_bars("original", "--feedback", given, "--json").out)
    assert record["provenance"]["oracle"]["threshold"] == 2.5
    whole = json.loads(
        on_bars("original", "--feedback", given, "--json", "--set", "evaluation.metrics=target_ratio").out
    )
    change(given, threshold=5.0)
    fewer = json.loads(on_bars("original", "--feedback", given, "--json").out)
    assert fewer["metrics"]["target_ratio"]["value"] < whole["metrics"]["target_ratio"]["value"]


def from_count(path):
    return len(json.loads(path.read_text())["positive"])


def test_feedback_for_another_feature_is_refused(given, on_bars):
    done = on_bars("ours", "--feedback", given, feature="slant")
    assert done.code == 4
    assert f"--feedback {given}: is about 'thickness', not 'slant' (--feature)" in done.err


def test_feedback_by_another_oracle_is_refused(given, on_bars):
    change(given, oracle="mobilenet", threshold=0.5)
    done = on_bars("ours", "--feedback", given)
    assert done.code == 4 and "was given by the oracle 'mobilenet', not by 'morpho_mnist'" in done.err


def test_feedback_on_another_model_is_refused(given, bench_cli, tmp_path):
    done = bench_cli(
        "run", "--method", "ours", "--model", "vae", "--feature", "thickness", "--feedback", given,
        "--results", tmp_path / "runs",
    )  # fmt: skip
    assert done.code == 4 and "was given on a generator with weights" in done.err
    assert not list((tmp_path / "runs").glob("*/result.json"))


def test_another_array_is_another_cell(given, on_bars):
    first = on_bars("original", "--feedback", given, "--dry-run").out
    noise = np.load(given.with_suffix(".npy"))
    noise[1] += 1  # the first row, whose hash the file holds, stays
    np.save(given.with_suffix(".npy"), noise)
    assert on_bars("original", "--feedback", given, "--dry-run").out != first


def test_an_array_whose_header_is_damaged_is_named(given, on_bars):
    """NumPy evaluates the header as Python: its length here takes in a part of the numbers."""
    array = given.with_suffix(".npy")
    array.write_bytes(array.read_bytes().replace(b"NUMPY\x01\x00v\x00", b"NUMPY\x01\x00v\x01").replace(b"}", b"("))
    done = on_bars("ours", "--feedback", given, "--dry-run")
    assert "its noise_file is not a NumPy array that can be read" in done.out + done.err
    assert str(given) in done.out + done.err and "Traceback" not in done.err
