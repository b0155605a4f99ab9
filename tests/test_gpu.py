"""What only a GPU shows; under a minute on one: pytest -m gpu."""

from __future__ import annotations

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gpu_training import Plan, networks_for
from on_gpu import main

from bench.api import Batch
from bench.api.checks import require_contract
from bench.registry import Registry
from bench.workspace.weights import loading

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DATA = {"vae": "mnist", "dcgan": "mnist", "proggan": "synthfaces", "vdvae": "synthfaces"}


@pytest.mark.parametrize("name", DATA)
def test_two_training_steps_of_every_model(name):
    weights, device = f"{name}-{DATA[name]}", torch.device("cuda")
    plan = Plan("models", name, "synthfaces", 1.0, weights, {"batch_size": 4})
    plugin, networks = networks_for(plan, Registry().get("datasets", "synthfaces")(None), device)
    before = deepcopy(networks.generator.state_dict())
    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers, rng = plugin.optimisers(networks), torch.Generator(device).manual_seed(0)
    batch = Batch(torch.rand(4, *networks.generator.image_shape, device=device), torch.empty(4, 0, device=device))
    for progress in (0.3, 0.5):
        losses = plugin.training_step(networks, optimisers, batch, rng, progress)
        assert all(np.isfinite(float(value)) for value in losses.values())
    changed = [not torch.equal(value, before[key]) for key, value in networks.generator.state_dict().items()]
    assert any(changed) and {p.device.type for p in networks.generator.parameters()} == {"cuda"}


@pytest.mark.parametrize("name", DATA)
def test_shipped_generators_keep_the_contract(name):
    """On a GPU too, images follow from their noise alone, whatever else is in the batch."""
    require_contract(loading.load_original(Registry(), f"{name}-{DATA[name]}").generator.to("cuda"))


def test_ours_unlearns_and_is_evaluated(bench_cli, tmp_path):
    done = bench_cli(
        *("run", "--suite", "lite", "--method", "ours", "--model", "vae", "--feature", "thickness", "--seed", "0"),
        *("-p", "epochs=3", "--set", "evaluation.count=128", "--device", "cuda", "--results", tmp_path),
    )
    assert done.code == 0, done.out + done.err
    (record,) = tmp_path.rglob("result.json")
    assert "cuda" in record.read_text()


def test_the_script_for_a_gpu_runs_at_toy_size(tmp_path):
    words = ["--out", str(tmp_path), "--minutes", "1", "--device", "cuda", "--toy"]
    CliRunner().invoke(main, words, env={"BENCH_DATA": ""}, catch_exceptions=False)
    rows = json.loads((tmp_path / "on-gpu.json").read_text())["rows"]
    assert not [row for row in rows if "failed" in row]
    speed = {row["precision"] for row in rows if row["what"] == "vae: unlearning step"}
    assert speed == {"float32", "tf32", "bfloat16"}
