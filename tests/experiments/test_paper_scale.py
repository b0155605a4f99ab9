"""The paper suites' networks at their real sizes, without CelebA and without trained weights.

Random networks take the same time and memory as trained ones. What depends on shapes alone is asked of networks
without numbers (torch's device "meta"); one slow test takes a step of each kind.
"""

from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from bench.api import Batch, Context, Oracle
from bench.core import machine, randomness
from bench.core.progress import silent
from bench.core.rendering import CHUNK, to_uint8
from bench.evaluation.described import Observers
from bench.evaluation.drawing import Pair
from bench.evaluation.metrics import metric_columns
from bench.evaluation.passes import run_pass
from bench.registry import Registry
from bench.toolkit.latent import Direction
from bench.toolkit.student import StudentParams, train_student
from bench.toolkit.training import build
from bench.workspace.settings.suites import load_suite

CPU = torch.device("cpu")
BATCH = 2  # the suites have 16; time and memory of a step grow with it
SIZES = {  # side in px, latents, layers of latents, parameters of the generator and of its encoder or critic
    ("paper", "vdvae"): (64, 1_451_040, 75, 66_792_132, 58_213_728),
    ("paper", "proggan"): (128, 512, 0, 22_941_074, 22_941_313),
    ("paper-hq", "proggan"): (256, 512, 0, 23_051_989, 23_052_353),
}
CHUNKS = [(*case, CHUNK // 8 if case[1] == "vdvae" else CHUNK) for case in SIZES]  # a VDVAE takes 157 GFLOP a sample
EACH = pytest.mark.parametrize(("suite", "name"), SIZES)


def setting(suite, name):
    """Return a suite's settings of a model, the plug-in and its configuration."""
    settings, registry = load_suite(suite).models[name], Registry()
    shape = registry.get("datasets", settings.dataset).image_shape
    model = registry.get("models", name)()
    config = model.Config(image_shape=shape, **settings.pretrain)
    return SimpleNamespace(settings=settings, model=model, config=config, shape=shape)


class Untrained(FeatureExtractorInceptionV3):
    """torch-fidelity's Inception with the weights it is built with."""

    def load_state_dict(self, state_dict, strict=True):
        assert state_dict == {}


@pytest.fixture
def inception(tmp_path):
    """Return the extractor on a network that is not trained."""
    torch.save({}, tmp_path / "no weights.pth")
    extractor = Registry().get("extractors", "inception")()
    vars(extractor)["network"] = Untrained(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=str(tmp_path / "no weights.pth"),
    ).eval()
    return extractor


def published_mobilenet(image_shape):
    plugin = Registry().get("classifiers", "mobilenet")
    config = plugin.Config(
        image_shape=image_shape, attributes=("Bangs", "No_Beard"), features={"bang": ("Bangs", True)}, width=1, depth=1
    )
    networks = build(plugin(), config, "test")
    networks.classifier.eval()
    return plugin(networks)


def count_of(module):
    return sum(p.numel() for p in module.parameters())


# --- shapes and sizes ---------------------------------------------------------------------------------


@EACH
def test_networks_have_the_sizes_of_their_suite(suite, name):
    given = setting(suite, name)
    with torch.device("meta"):
        networks = given.model.build(given.config)
    generator, other = networks.modules().values()
    sizes = generator.image_shape[-1], generator.latent_dim, len(generator.latent_layers)
    assert (*sizes, count_of(generator), count_of(other)) == SIZES[suite, name]
    assert generator.image_shape == given.shape and generator.noise_dim == generator.latent_dim
    assert given.config.batch_size == given.settings.student["batch_size"] == 16


def test_the_vdvae_draws_images_of_64_px():
    given = setting("paper", "vdvae")
    with torch.device("meta"):
        generator = given.model.build(given.config).generator
    generator.opened = torch.ones(())  # a number that sampling reads
    noise = torch.empty(BATCH, generator.noise_dim, device="meta")
    latents, images = generator.sample(noise)
    assert latents.shape == noise.shape and images.shape == (BATCH, 3, 64, 64)
    assert generator.decode(latents, noise).shape == images.shape


@pytest.mark.parametrize("suite", ["paper", "paper-hq"])
@torch.no_grad()
def test_the_proggan_draws_and_scores_images_at_its_full_size(suite):
    given = setting(suite, "proggan")
    networks = build(given.model, given.config, "test")
    for module in networks.modules().values():
        module.eval().level = float(module.top)
    images = networks.generator(randomness.draw("test", range(1), networks.generator.noise_dim))
    assert images.shape == (1, *given.shape) and images.dtype == torch.float32 and images.isfinite().all()
    scores = networks.discriminator(images)
    assert scores.shape == (1,) and scores.isfinite().all()


# --- who looks at the images --------------------------------------------------------------------------


def test_inception_describes_images_of_any_size_and_colour(inception):
    rng = torch.Generator().manual_seed(0)
    grey = torch.rand(1, 1, 28, 28, generator=rng)
    seen = {
        name: inception.outputs(images)
        for name, images in {
            "colours": torch.rand(1, 3, 64, 64, generator=rng),
            "grey": grey,
            "grey in three channels": grey.expand(-1, 3, -1, -1),
            "grey of 8 bits": torch.round(grey * 255) / 255,
            "inverted": 1 - grey,
        }.items()
    }
    for name, (embeddings, logits) in seen.items():
        assert embeddings.shape == (1, 2048) and logits.shape == (1, len(inception.classes)) == (1, 1008), name
        assert embeddings.isfinite().all() and logits.isfinite().all() and embeddings.std() > 0, name
    for same in ("grey in three channels", "grey of 8 bits"):
        assert all(torch.equal(a, b) for a, b in zip(seen["grey"], seen[same], strict=True)), same
    assert not torch.equal(seen["grey"][1], seen["inverted"][1])


def test_the_oracle_of_the_paper_suites_is_the_published_mobilenet():
    mobilenet = published_mobilenet((3, 128, 128))
    published = 4_231_976  # timm's mobilenetv1_100, of 1,000 classes on 1,024 features; here they are two
    assert count_of(mobilenet.networks.classifier) == published - 998 * 1025
    images = torch.randint(0, 256, (3, 3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    scores = mobilenet.scores(images, ["bang", "Bangs", "No_Beard"])
    assert scores.shape == (3, 3) and np.array_equal(scores[:, 0], scores[:, 1]) and len(np.unique(scores)) == 6


# --- steps --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "name", "count"), CHUNKS)
def test_a_step_of_each_kind_and_a_chunk(suite, name, count, inception):
    """Ten GB are enough for a step of training, one of unlearning, and a chunk that is evaluated."""
    given = setting(suite, name)
    networks = build(given.model, given.config, "test")
    generator = networks.generator
    with machine.measured() as took:
        trained(given, networks)
        direction = Direction(generator.latent_dim)
        direction.unit.normal_(generator=torch.Generator().manual_seed(1))
        direction.unit /= direction.unit.norm()
        direction.length.fill_(1.0)
        student = unlearned(given, generator, direction)
        evaluated(generator, student, direction, inception, count)
    assert took["peak_memory_mb"] < 10_000


def trained(given, networks):
    """Take one training step: finite losses, and every network changes."""
    modules = networks.modules()
    for module in modules.values():
        module.train().requires_grad_(True)
    before = {name: deepcopy(module.state_dict()) for name, module in modules.items()}
    optimisers, batch = given.model.optimisers(networks), Batch(torch.rand(BATCH, *given.shape), torch.empty(BATCH, 0))
    losses = given.model.training_step(networks, optimisers, batch, torch.Generator().manual_seed(0), 0.99)
    assert losses and all(torch.isfinite(value) for value in losses.values())
    for name, module in modules.items():
        state = module.eval().requires_grad_(False).state_dict()
        assert any(not torch.equal(tensor, before[name][key]) for key, tensor in state.items()), name


def unlearned(given, generator, direction):
    """Take one unlearning step: the student changes, the teacher stays."""
    before = deepcopy(generator.state_dict())
    params = StudentParams(**(given.settings.student | {"epochs": 1, "batch_size": BATCH}))
    run = Context("test", CPU)
    student = train_student(generator, direction, params, run)
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.state_dict().items())
    assert any(not torch.equal(tensor, before[name]) for name, tensor in student.state_dict().items())
    assert len(run.history) == 1 and run.history[0]["loss"] > 0
    return student


def evaluated(generator, student, direction, inception, count):
    """Evaluate a chunk: what the columns hold is what oracle, extractor and identifier say of them."""
    mobilenet, extractors = published_mobilenet(generator.image_shape), {"inception": inception}
    pair = Pair(generator, student, count)
    result = run_pass(pair, Observers(mobilenet, extractors), silent(), identifier=direction)
    columns = metric_columns(result, Oracle(mobilenet, "mobilenet", "bang", 0.0), extractors)
    with torch.no_grad():
        latents, images = generator.sample(randomness.draw(randomness.EVALUATION, range(count), generator.noise_dim))
    scores = mobilenet.scores(to_uint8(images), ["bang"])[:, 0]
    np.testing.assert_allclose(result.original.scores[:, mobilenet.attributes.index("bang")], scores, rtol=1e-5)
    np.testing.assert_allclose(columns.identifier_scores, direction(latents).double().numpy(), rtol=1e-5, atol=1e-5)
    assert columns.labels.shape == (count,) and (columns.pixel_change > 0).all()
    assert result.unlearned.embeddings["inception"].shape == (count, 2048)
