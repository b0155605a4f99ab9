"""What the official code drew from such files is drawn here too.

Recorded values are what openai/vdvae (ea35b49) and pytorch_GAN_zoo (b75dee4) themselves computed, on one CPU thread,
from state dicts of their layout filled as ``filled`` says; names and shapes were compared by ``fingerprint``.
"""

from __future__ import annotations

import pytest
import torch
from official_files import (
    TINY_OPTIONS,
    filled,
    fingerprint,
    pgan,
    pgan_shapes,
    vdvae,
)

from bench.registry import Registry
from bench.workspace.foreign.fitting import fitting_networks
from bench.workspace.foreign.pgan import official_name as pgan_name
from bench.workspace.foreign.vdvae import official_name as vdvae_name
from bench.workspace.foreign.vdvae import read_vdvae

PIXELS = ([1, 3, 0], slice(None), [5, 15, 8], [7, 0, 8])  # three pixels of three samples
DRAWN = {
    0.0: ([0.589176, 0.365060, 0.969231, 0.295427, 0.352245, 1.264894, 0.931219, 0.342058, 0.630625],
          [-0.237048, -2.697388, -0.960492, -0.989452]),
    0.25: ([0.521529, 0.397712, 0.824879, 0.208652, 0.681764, 0.992998, 0.751879, 0.360057, 0.607264],
           [-1.861426, -0.790073, -2.407443, -3.723275]),
}  # fmt: skip


@pytest.mark.parametrize("alpha", DRAWN)
def test_a_pgan_draws_the_official_pixels(alpha, imported):
    original = imported(pgan(alpha=alpha))
    images = original.generator(2 * filled("latents", (4, 6)))
    pixels, scores = DRAWN[alpha]
    assert images.shape == (4, 3, 16, 16) and original.generator.level == 2 - alpha
    assert images[PIXELS].flatten().tolist() == pytest.approx(pixels, abs=1e-4)
    critic = original.networks.discriminator
    assert critic.score(2 * images - 1).tolist() == pytest.approx(scores, abs=1e-4)


def test_without_an_average_the_generator_itself_is_taken(imported):
    content = pgan()
    del content["avgG"]
    images = imported(content).generator(2 * filled("latents", (4, 6)))
    assert images[1, :, 5, 7].tolist() == pytest.approx([0.401043, 0.523400, 0.093020], abs=1e-4)


def test_a_pgan_s_recipe_can_be_set(imported):
    config = imported(pgan(lossCriterion="Logistic"), "-p", "batch_size=16").networks.config
    assert (config.loss, config.batch_size, config.latent_dim, config.image_shape) == ("r1", 16, 6, (3, 16, 16))


# The mixture's parameters of one pixel, and of the first three channels of another, given the latents or the noise.
GIVEN = [-0.133991, 0.272245, -0.199812, -0.035973, 0.268177, -0.332456, -2.812662, -2.944573, -3.212674, 0.163903,
         0.060507, -0.301531, 0.387887, -0.261408, 0.019607, -2.844293, -3.131513, -3.079043, 0.326263, -0.433471,
         0.326322, -0.087221, -0.105008, 0.106016, -2.911601, -3.339217, -2.534055, -0.378731, 0.144132, 0.063614]  # fmt: skip


ANCESTRAL = [3.242142, -2.986313, 0.555985, 2.264216, -3.404315, 2.024162]
AVERAGES = [[0.508239, 0.517628, 0.412268], [0.689172, 0.358337, 0.055003], [0.531236, 0.504865, 0.307979]]


def parameters_of(generator, latents):
    parts = generator.split(latents)
    return generator.top_down(len(latents), lambda index, x, mean, log_sigma: parts[index])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_vdvae_has_the_official_distribution_of_pixels(prefix, imported):
    original = imported({prefix + name: tensor for name, tensor in vdvae().items()}, *TINY_OPTIONS)
    generator = original.generator
    latents = 1.5 * filled("latents", (2, 644))
    assert parameters_of(generator, latents)[0, :, 3, 4].tolist() == pytest.approx(GIVEN, abs=1e-4)
    drawn, images = generator.sample(latents)
    assert parameters_of(generator, drawn)[0, :6, 3, 4].tolist() == pytest.approx(ANCESTRAL, abs=1e-4)
    assert images.shape == (2, 3, 8, 8)
    # The generator's image is the mean of what the official sampler draws: here, of 200,000 draws (error 0.0005).
    image = generator.decode(latents, latents)
    assert torch.stack([image[0, :, 3, 4], image[1, :, 7, 0], image[1, :, 0, 6]]).tolist() == [
        pytest.approx(average, abs=0.005) for average in AVERAGES
    ]
    assert all(parameter.isfinite().all() for parameter in original.networks.encoder.parameters())


def on_meta(model, **fields):
    plugin = Registry().get("models", model)
    with torch.device("meta"):
        networks = plugin().build(plugin.Config(**fields))
    return {
        f"{part}.{name}": tensor
        for part, module in networks.modules().items()
        for name, tensor in module.state_dict().items()
        if name not in ("_extra_state", "opened")
    }


OFFICIAL = {
    "cifar10": "2eea020fed756ccff9810ff2acd9f44b381d92f2d12f23611d082749c2dd3f95",
    "imagenet32": "22da3dceba3e49999bd950db5ecb76857d94e06234508764aac14d35de14655d",
    "imagenet64": "a2b57b44cd134908657db3192c9ee906804956a43853cd1327d2ebed71c8d768",
    "ffhq256": "90f33ae6dff4a2a3a5d4e4463bf937338131e3ef2dc5768ed0819ca013581612",
}


@pytest.mark.parametrize("preset", OFFICIAL)
def test_names_and_shapes_of_the_published_vdvaes_are_the_official_ones(preset):
    ours = on_meta("vdvae", preset=preset)
    assert fingerprint({vdvae_name(name): tensor for name, tensor in ours.items()}) == OFFICIAL[preset]


def test_names_and_shapes_of_the_published_pgan_are_the_official_ones():
    ours = on_meta("proggan", image_shape=(3, 256, 256), latent_dim=512, fmap_base=8192, fmap_max=512)
    found = fingerprint({pgan_name(name, "avgG"): tensor for name, tensor in ours.items()})
    assert found == "025e35924caf0c9cc93f4b75159e2a42535dcbb263e956ccfd91d9a95af2f7ef"


def test_the_files_of_these_tests_have_the_official_layout():
    generator, critic = pgan_shapes()
    shapes = {f"avgG.{name}": shape for name, shape in generator.items()}
    shapes |= {f"netD.{name}": shape for name, shape in critic.items()}
    meta = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    assert fingerprint(meta) == "7806ae354d670dc13afe7232ae8eab0dc80e9cb92cb6fb51876618d6bebf1bb5"
    assert fingerprint(vdvae()) == "1b216fb8a066cb321d1cf17df14031f4c26cf317f60a144c49295cdfd5a950f3"


def test_a_published_vdvae_is_recognised_by_its_shapes(tmp_path, monkeypatch):
    state = {vdvae_name(name): tensor for name, tensor in on_meta("vdvae", preset="imagenet64").items()}
    monkeypatch.setattr(
        "bench.workspace.foreign.vdvae.state_dict", lambda content, what: content
    )  # else it wants real numbers
    networks = fitting_networks(Registry(), read_vdvae(state, tmp_path, {}), tmp_path)
    assert networks.config.preset == "imagenet64"
