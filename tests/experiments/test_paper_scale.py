"""The paper suites' networks at their real sizes: a training step, an unlearning step, an evaluation chunk each.

No CelebA, no trained weights: random networks take the same time and memory as trained ones.
"""

from __future__ import annotations

import pytest
import torch

from bench.api import Batch, Oracle
from bench.api.context import Context
from bench.core import machine
from bench.core.progress import silent
from bench.core.rendering import CHUNK
from bench.evaluation.metrics import columns_of
from bench.evaluation.passes import Observers, run_pass
from bench.registry import Registry
from bench.toolkit.latent import Direction
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.training import build
from bench.workspace.suites import load_suite

CPU = torch.device("cpu")
BATCH = 2  # the suites have 16; time and memory of a step grow with it
CASES = [  # suite, model, samples of the chunk: a VDVAE takes 157 GFLOP a sample
    ("paper", "vdvae", CHUNK // 8),
    ("paper", "proggan", CHUNK),
    ("paper-hq", "proggan", CHUNK),
]


@pytest.fixture
def inception(monkeypatch):
    """torch-fidelity's Inception with random weights."""
    from torch_fidelity import feature_extractor_inceptionv3 as module

    monkeypatch.setattr(module.torch, "load", lambda path, weights_only: {})
    monkeypatch.setattr(module.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
    extractor = Registry().get("extractors", "inception")()
    vars(extractor)["network"] = module.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path="random"
    )
    return extractor


def published_mobilenet(image_shape):
    plugin = Registry().get("classifiers", "mobilenet")
    config = plugin.Config(
        image_shape=image_shape, attributes=("Bangs", "No_Beard"), features={"bang": ("Bangs", True)}, width=1, depth=1
    )
    networks = build(plugin(), config, "test")
    networks.classifier.eval()
    return plugin(networks)


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "name", "count"), CASES)
def test_a_step_of_each_kind_and_a_chunk(suite, name, count, inception, capsys):
    settings, registry = load_suite(suite).models[name], Registry()
    shape = registry.get("datasets", settings.dataset).image_shape
    model = registry.get("models", name)()
    networks = build(model, model.Config(image_shape=shape, **settings.pretrain), "test")
    generator = networks.generator
    measured = {}

    for module in networks.modules().values():
        module.train().requires_grad_(True)
    optimisers, batch = model.optimisers(networks), Batch(torch.rand(BATCH, *shape), torch.empty(BATCH, 0))
    with machine.measured() as measured[f"training step of {BATCH}"]:
        losses = model.training_step(networks, optimisers, batch, torch.Generator().manual_seed(0), 0.99)
    assert losses and all(torch.isfinite(value) for value in losses.values())
    for module in networks.modules().values():
        module.eval().requires_grad_(False)
    del optimisers

    direction = Direction(generator.latent_dim)
    direction.unit.normal_(generator=torch.Generator().manual_seed(1))
    direction.unit /= direction.unit.norm()
    params = StudentParams(**(settings.methods["ours"] | {"epochs": 1, "batch_size": BATCH}))
    with machine.measured() as measured[f"unlearning step of {BATCH}"]:
        student = train_student(generator, direction, params, Context("test", CPU))
    changed = [not torch.equal(a, b) for a, b in zip(student.parameters(), generator.parameters(), strict=True)]
    assert any(changed)

    mobilenet = published_mobilenet(shape)
    with machine.measured() as measured[f"evaluation chunk of {count}"]:
        result = run_pass(
            generator, student, direction, Observers(mobilenet, {"inception": inception}), count, silent()
        )
    columns = columns_of(result, Oracle(mobilenet, "mobilenet", "bang", 0.0), {"inception": inception})
    assert columns.labels.shape == columns.identifier_scores.shape == (count,) and columns.pixel_change.max() > 0
    assert result.unlearned.embeddings["inception"].shape == (count, 2048)

    with capsys.disabled():
        for what, took in measured.items():
            print(f"\n{suite} {name} {shape[1]} px, {what}: {took['seconds']:.1f} s, {took['peak_memory_mb']:.0f} MB")  # noqa: T201
