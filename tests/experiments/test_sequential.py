"""Sequential requests: each from the generator that the previous one left, all measured against the first original."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_cells import QUICK, records

from bench.workspace.weights import checkpoint

SMALL = ("--set", "feedback.count=60", "--set", "evaluation.count=70")


@pytest.fixture
def run(bench_cli, bars, tmp_path):
    cell = ("--method", "ours", "--model", "bars", "--dataset", "mnist", "--weights", bars.weights)
    more = (*SMALL, *QUICK, "--plugins", bars.folder.path, "--results", tmp_path / "runs")
    return lambda *asked: bench_cli("run", *cell, *more, "--sequential", *asked)


def test_each_request_begins_where_the_last_one_ended(run, bars, tmp_path):
    done = run("--feature", "thickness,slant", "--json")
    assert done.code == 0, done.err
    first, second, *after = records(done)
    assert [(r["method"], r["feature"]) for r in (first, second)] == [("ours", "thickness"), ("ours", "slant")]
    assert [(r["method"], r["feature"]) for r in after] == [("stored", "thickness"), ("stored", "slant")]
    original = checkpoint.read(bars.weights).sha256
    left = [r["artefacts"]["weights"]["sha256"] for r in (first, second)]
    assert first["provenance"]["weights"]["sha256"] == original and second["provenance"]["weights"]["sha256"] == left[0]
    assert second["provenance"]["settings"]["oracle"]["cut"] == str(bars.weights)
    for record, feature in zip(after, (first, second), strict=True):
        assert record["provenance"]["weights"]["sha256"] == original, "the judge compares with the first original"
        assert record["provenance"]["oracle"]["threshold"] == feature["provenance"]["oracle"]["threshold"]
        (path,) = (tmp_path / "runs").glob(f"stored-bars-{record['feature']}-*/unlearned.safetensors")
        asked, measured = checkpoint.read(Path(record["params"]["weights"])), checkpoint.read(path)
        assert asked.sha256 == left[1]
        assert all(torch.equal(measured.part("generator")[name], t) for name, t in asked.part("generator").items())
    again = run("--feature", "thickness,slant", "--json")
    assert again.out == done.out, "all of it is stored"


def test_the_order_is_that_of_the_requests(run):
    planned = run("--feature", "slant,thickness", "--dry-run")
    assert planned.out.startswith("run     ours-bars-slant-s0") and "thickness" not in planned.out
    assert "later requests start from the generators that these leave, and are planned then" in planned.err


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--feature", "slant"), "--sequential: needs two features or more of 'bars', in the order of the requests"),
        (("--feature", "slant,thickness", "--evaluate-at", "1"), "--evaluate-at and --sequential cannot be combined"),
        (("--feature", "slant,thickness", "--feedback", "clicks.json"), "--feedback: holds clicks on the first generator"),
    ],
)  # fmt: skip
def test_what_cannot_come_one_after_another(asked, told, run):
    refused = run(*asked)
    assert refused.code == 4 and told in refused.err


def test_what_cannot_be_the_next_original_is_refused_before_anything_runs(run, tmp_path):
    asked = ("--feature", "thickness,slant", "--method", "latent_edit,self_reject,reject,fold")
    for more in ((), ("--dry-run",)):
        refused = run(*asked, *more)
        assert refused.code == 4 and refused.err == (
            "Error: --sequential: no second request can begin with what these leave: latent_edit on bars (changes the "
            "structure of the generator); self_reject on bars (changes the structure of the generator); reject on bars "
            "(changes the structure of the generator). Leave them out of --method, or run them without --sequential\n"
        ), "fold changes the weights of the first layer alone"
    assert not list((tmp_path / "runs").glob("*-bars-*"))


def test_what_needs_more_than_the_generator_is_refused_too(bench_cli, tmp_path):
    """Unlearned weights come without encoder and discriminator; a method that declines the model is skipped as ever."""
    cell = ("--method", "uno,redaction", "--model", "vae,dcgan", "--feature", "thickness,slant", "--sequential")
    refused = bench_cli("run", *cell, "--dry-run", "--results", tmp_path / "runs")
    assert refused.code == 4
    assert "uno on vae (needs the encoder, which these weights do not have); redaction on dcgan" in refused.err
    assert "uno on dcgan" not in refused.err
