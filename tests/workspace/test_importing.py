"""Official checkpoints: what the official code drew from such files is drawn here too, and no file does harm.

Recorded values are what openai/vdvae (ea35b49) and pytorch_GAN_zoo (b75dee4) themselves computed, on one CPU thread,
from state dicts of their layout filled as ``filled`` says; names and shapes were compared by ``fingerprint``.
"""

from __future__ import annotations

import os
import pickle
import sys
import types
import zipfile
from hashlib import sha256

import pytest
import torch
from safetensors.torch import save as save_safetensors
from torch import nn

from bench.api import Unlearned
from bench.registry import Registry
from bench.workspace import loading, manifest, saving
from bench.workspace.foreign import fitting_networks
from bench.workspace.foreign.containers import read
from bench.workspace.foreign.pgan import official_name as pgan_name
from bench.workspace.foreign.vdvae import official_name as vdvae_name
from bench.workspace.foreign.vdvae import read_vdvae


def filled(name, shape):
    """Return numbers in [-1, 1] that follow from the name, without any random generator."""
    seed = int.from_bytes(sha256(name.encode()).digest()[:8], "big")
    count = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return torch.sin(count * (1 + seed % 1000 / 1000) * 1.7 + seed % 7).reshape(shape).float()


def fingerprint(tensors):
    return sha256("\n".join(f"{n} {tuple(t.shape)}" for n, t in sorted(tensors.items())).encode()).hexdigest()


# --- files in the official layouts --------------------------------------------------------------------


def layer(name, *shape):
    return {f"{name}.weight": shape, f"{name}.bias": (shape[0],)}


def pgan_shapes(widths=(8, 8, 4), latent=6):
    """Return the shapes of netG (and avgG) and of netD, by name, for these channels from 4x4 up."""
    first = widths[0]
    generator = layer("formatLayer.module", 16 * first, latent) | layer("groupScale0.0.module", first, first, 3, 3)
    critic = layer("groupScaleZero.0.module", first, first + 1, 3, 3)
    critic |= layer("groupScaleZero.1.module", first, 16 * first) | layer("decisionLayer.module", 1, first)
    for i, width in enumerate(widths):
        generator |= layer(f"toRGBLayers.{i}.module", 3, width, 1, 1)
        critic |= layer(f"fromRGBLayers.{i}.module", width, 3, 1, 1)
    for i, (low, high) in enumerate(zip(widths, widths[1:], strict=False)):
        generator |= layer(f"scaleLayers.{i}.0.module", high, low, 3, 3)
        generator |= layer(f"scaleLayers.{i}.1.module", high, high, 3, 3)
        critic |= layer(f"scaleLayers.{i}.0.module", high, high, 3, 3)
        critic |= layer(f"scaleLayers.{i}.1.module", low, high, 3, 3)
    return generator, critic


def pgan(**settings):
    """Return the content of a pgan file: its networks at 16 px, and the settings of the official constructor."""
    generator, critic = pgan_shapes()
    content = {
        "netG": {name: filled(f"netG.{name}", shape) for name, shape in generator.items()},
        "avgG": {name: filled(f"avgG.{name}", shape) for name, shape in generator.items()},
        "netD": {name: 3 * filled(f"netD.{name}", shape) for name, shape in critic.items()},
    }
    said = {
        "depthScale0": 8, "initBiasToZero": True, "leakyReluLeak": 0.2, "depthOtherScales": [8, 4], "GDPP": False,
        "perChannelNormalization": True, "alpha": 0.0, "miniBatchStdDev": True, "equalizedlR": True, "dimOutput": 3,
        "noiseVectorDim": 6, "latentVectorDim": 6, "categoryVectorDim": 0, "attribKeysOrder": None, "lambdaGP": 10.0,
        "lossCriterion": "WGANGP", "learningRate": 0.001, "epsilonD": 0.001, "logisticGradReal": 0.0,
    }  # fmt: skip
    config = types.SimpleNamespace(**said | settings)
    return content | {"config": config}


def save_pgan(path, content):
    """Write a file whose config is of the official class, which only whoever writes it can import."""
    official = type("BaseConfig", (), {"__module__": "models.utils.config"})
    names = ("models", "models.utils", "models.utils.config")
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setitem(sys.modules, name, types.ModuleType(name))
        sys.modules["models.utils.config"].BaseConfig = official
        config = official()
        vars(config).update(vars(content["config"]))
        torch.save({**content, "config": config}, path)
    return path


TINY = {  # the VDVAE below, as overrides of a published one
    "preset": "cifar10", "image_shape": "3,8,8", "width": "16", "custom_widths": "4:24,1:32", "latent_channels": "4",
    "mixtures": "3", "enc_blocks": "8x1,8d2,4x1,4d4,1x1", "dec_blocks": "1x1,4m1,4x1,8m4,8x1",
}  # fmt: skip
TINY_OPTIONS = [word for name, value in TINY.items() for word in ("-p", f"{name}={value}")]


def bottleneck(name, side, inputs, middle, outputs):
    return {
        **layer(f"{name}.c1", middle, inputs, 1, 1),
        **layer(f"{name}.c2", middle, middle, side, side),
        **layer(f"{name}.c3", middle, middle, side, side),
        **layer(f"{name}.c4", outputs, middle, 1, 1),
    }


def vdvae_shapes():
    """Return the shapes of the VDVAE that TINY describes, by official name."""
    width, latent = {1: 32, 4: 24, 8: 16}, 4
    shapes = layer("encoder.in_conv", 16, 3, 3, 3) | layer("decoder.out_net.out_conv", 30, 16, 1, 1)
    shapes |= {"decoder.gain": (1, 16, 1, 1), "decoder.bias": (1, 16, 1, 1)}
    for i, resolution in enumerate((8, 8, 4, 4, 1)):
        w, side = width[resolution], 3 if resolution > 2 else 1
        shapes |= bottleneck(f"encoder.enc_blocks.{i}", side, w, w // 4, w)
    for i, resolution in enumerate((1, 4, 4, 8, 8)):
        w, side, name = width[resolution], 3 if resolution > 2 else 1, f"decoder.dec_blocks.{i}"
        shapes |= bottleneck(f"{name}.enc", side, 2 * w, w // 4, 2 * latent)
        shapes |= bottleneck(f"{name}.prior", side, w, w // 4, 2 * latent + w)
        shapes |= layer(f"{name}.z_proj", w, latent, 1, 1)
        shapes |= bottleneck(f"{name}.resnet", side, w, w // 4, w)
    return shapes | {f"decoder.bias_xs.{i}": (1, width[r], r, r) for i, r in enumerate((1, 4, 8))}


def vdvae():
    """Return the content of an openai/vdvae file: a state dict."""
    state = {
        name: filled(name, shape) * (0.2 if "prior.c4" in name or "out_conv" in name else 0.5)
        for name, shape in vdvae_shapes().items()
    }
    state["decoder.out_net.out_conv.bias"][3:].view(3, 3, 3)[:, 1] -= 3  # (colour, kind, mixture): the log scales
    return state


# --- the same pixels ----------------------------------------------------------------------------------


@pytest.fixture
def imported(tmp_path, bench_cli):
    """Return a function that writes a file, imports it and loads the result."""

    def load(content, *options):
        source, out = tmp_path / "official.pth", tmp_path / "ours.safetensors"
        layout, model = ("pgan", "proggan") if "config" in content else ("vdvae", "vdvae")
        save_pgan(source, content) if layout == "pgan" else torch.save(content, source)
        done = bench_cli("zoo", "import", source, "--format", layout, "--out", out, *options)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"{out}: {model}, ")
        return loading.load_original(Registry(), out, model)

    return load


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


# --- and back -----------------------------------------------------------------------------------------


@pytest.fixture
def returned(tmp_path, bench_cli, imported):
    """Return a function that imports a file, changes the generator, and exports it; gives generator and new file."""

    def change(content, *options):
        original = imported(content, *options)
        with torch.no_grad():
            for tensor in original.generator.parameters():
                tensor.add_(0.01)
        made, out = Unlearned(original.generator), tmp_path / "unlearned.pth"
        config = Registry().get("methods", "original").Config()
        saving.save_unlearned(tmp_path / "unlearned.safetensors", original, made, "original", config, None)
        done = bench_cli(
            "zoo", "export", tmp_path / "unlearned.safetensors", "--like", tmp_path / "official.pth", "--out", out
        )
        assert (done.code, done.err) == (0, ""), done.err
        return original.generator, out, done.out

    return change


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_vdvae_goes_back_to_its_layout(prefix, returned):
    content = {prefix + name: tensor for name, tensor in vdvae().items()}
    generator, out, said = returned(content, *TINY_OPTIONS)
    back = torch.load(out, weights_only=True)
    assert list(back) == list(content), "the same names in the same order"
    ours = {prefix + vdvae_name(f"generator.{name}"): tensor for name, tensor in generator.state_dict().items()}
    del ours[f"{prefix}decoder.opened"]
    for name, tensor in back.items():
        assert torch.equal(tensor, ours.get(name, content[name])), name
    assert f": {len(ours)} tensors of the generator" in said and len(ours) < len(back)


@pytest.mark.parametrize("alpha", DRAWN)
def test_a_pgan_goes_back_to_its_layout(alpha, returned, tmp_path, bench_cli):
    content = pgan(alpha=alpha)
    generator, out, said = returned(content)
    assert "of netG, netD) are as they were" in said
    assert sys.modules.get("models.utils.config") is None
    back = read(out)
    assert list(back) == list(content) and vars(back["config"]) == vars(content["config"])
    for network in ("netG", "netD"):
        assert all(torch.equal(back[network][name], tensor) for name, tensor in content[network].items())
    assert list(back["avgG"]) == list(content["avgG"])
    again = tmp_path / "again.safetensors"
    assert bench_cli("zoo", "import", out, "--format", "pgan", "--out", again).code == 0
    latents = filled("latents", (4, 6))
    loaded = loading.load_original(Registry(), again).generator
    torch.testing.assert_close(loaded(latents), generator(latents), rtol=0, atol=1e-5)


# --- bad files ----------------------------------------------------------------------------------------


class RunsCode:
    """Unpickled without care, it makes a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def without(state, name):
    return {other: tensor for other, tensor in state.items() if other != name}


GAIN = "decoder.gain"
WRONG_VDVAE = {
    "missing": (lambda: without(vdvae(), GAIN), "does not fit what -p describes: it lacks decoder.gain. The published"),
    "extra": (lambda: vdvae() | {"decoder.more": torch.ones(1)}, "its decoder.more has no place here. "),
    "misshaped": (lambda: vdvae() | {GAIN: torch.ones(1, 8, 1, 1)}, "decoder.gain has shape (1, 8, 1, 1), not (1, 16, "),
    "another architecture": (lambda: nn.Linear(2, 2).state_dict(), "more differences. The published sizes are cifar10,"),
    "NaN": (lambda: vdvae() | {GAIN: torch.full((1, 16, 1, 1), torch.nan)}, "decoder.gain holds NaN or infinite values. Import weights from before its training diverged"),
    "integers": (lambda: vdvae() | {GAIN: torch.ones(1, 16, 1, 1, dtype=torch.int64)}, "its decoder.gain is of torch.int64, not of torch.float32"),
    "a list": (lambda: [torch.ones(2)], "what it holds is no state dict (names and tensors), but of type list"),
    "nothing": (dict, "what it holds is no state dict (names and tensors), but of type dict"),
    "an optimiser": (lambda: {"state": {}, "param_groups": []}, "is no state dict (names and tensors): 'state' is no plain tensor"),
    "a whole module": (lambda: nn.Linear(2, 2), "is refused, and nothing in it was run: it asks for 'torch.nn.modules."),
}  # fmt: skip


@pytest.fixture
def refuse(tmp_path, bench_cli):
    """Return a function that imports a file which must be refused with one error, and gives the message."""

    def attempt(source, layout="vdvae", *options):
        files = sorted(tmp_path.rglob("*"))
        done = bench_cli("zoo", "import", source, "--format", layout, "--out", tmp_path / "out.safetensors", *options)
        assert (done.code, done.out) == (4, "")
        assert done.err.startswith(f"Error: {source}: ") and "Traceback" not in done.err
        assert sorted(tmp_path.rglob("*")) == files, "something was written"
        return done.err

    return attempt


@pytest.mark.parametrize("case", WRONG_VDVAE)
def test_a_wrong_vdvae_is_refused(case, tmp_path, refuse):
    make, message = WRONG_VDVAE[case]
    torch.save(make(), tmp_path / "model-ema.th")
    assert message in refuse(tmp_path / "model-ema.th", "vdvae", *TINY_OPTIONS)


def test_an_unpublished_vdvae_is_told_how_to_be_described(tmp_path, refuse):
    torch.save(vdvae(), tmp_path / "model-ema.th")
    error = refuse(tmp_path / "model-ema.th")
    assert "does not fit preset=cifar10: it lacks" in error and "-p preset=imagenet64 -p width=384" in error


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_runs_code_runs_none(legacy, tmp_path, refuse):
    mark = tmp_path / "it ran"
    torch.save(vdvae() | {"x": RunsCode(mark)}, tmp_path / "bad.th", _use_new_zipfile_serialization=not legacy)
    assert f"is refused, and nothing in it was run: it asks for '{os.name}.mkdir'" in refuse(tmp_path / "bad.th")
    content = pgan()
    content["netD"] = RunsCode(mark)
    assert f"it asks for '{os.name}.mkdir'" in refuse(save_pgan(tmp_path / "bad.pth", content), "pgan")
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(RunsCode(mark)))
    refuse(tmp_path / "plain.pkl")
    assert not mark.exists()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused(share, legacy, tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file, _use_new_zipfile_serialization=not legacy)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    assert "is truncated, or no file of torch.save" in refuse(file)


def test_what_is_no_file_of_torch_is_refused(tmp_path, refuse):
    (tmp_path / "page.th").write_text("<html>404 Not Found</html>")
    assert "is truncated, or no file of torch.save" in refuse(tmp_path / "page.th")
    assert "there is no such file" in refuse(tmp_path / "nowhere.th")
    assert refuse(tmp_path) == f"Error: {tmp_path}: is a folder; name the file in it\n"


def renamed(source, names):
    """Write a zip archive again with other names of its members, and more members."""
    with zipfile.ZipFile(source) as archive:
        members = {names(name): archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(source, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return source


@pytest.mark.parametrize("root", ["..", "/", "C:\\x", "a/../..", "\\\\server"])
def test_an_archive_whose_names_lead_elsewhere_is_refused(root, tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file)
    renamed(file, lambda name: f"{root}/{name.partition('/')[2]}")
    with zipfile.ZipFile(file) as archive:
        first = archive.namelist()[0]
    assert refuse(file) == f"Error: {file}: is refused: {first!r} in it leads elsewhere. Get it again from its source\n"


def test_one_name_that_leads_elsewhere_is_enough(tmp_path, refuse):
    file = tmp_path / "model-ema.th"
    torch.save(vdvae(), file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../evil.txt", "evil")
    assert "is refused: '../../evil.txt' in it leads elsewhere" in refuse(file)


def test_an_archive_may_be_named_like_a_time(tmp_path, bench_cli):
    file, out = tmp_path / "a:1..2.th", tmp_path / "out.safetensors"
    torch.save(vdvae(), file)
    assert bench_cli("zoo", "import", file, "--format", "vdvae", "--out", out, *TINY_OPTIONS).code == 0


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_torchscript_is_told_how_to_save_its_weights(tmp_path, refuse, recwarn):
    file = tmp_path / "mine.pt"
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), file)
    recwarn.clear()
    assert refuse(file) == (
        f"Error: {file}: is a TorchScript archive, which holds code, and none is run. In your own code save the weights "
        'alone, torch.save(torch.jit.load("mine.pt").state_dict(), "mine-weights.pt"), and wrap the class of the module '
        "in a plug-in, as examples/my_generator.py does\n"
    )
    assert not recwarn.list


def test_sparse_tensors_are_refused_without_a_warning(tmp_path, refuse, recwarn):
    torch.save(vdvae() | {GAIN: torch.eye(2).to_sparse()}, tmp_path / "sparse.th")
    assert "is no state dict (names and tensors): 'decoder.gain' is no plain tensor" in refuse(tmp_path / "sparse.th")
    assert not recwarn.list


def test_a_broken_safetensors_file_is_refused(tmp_path, refuse):
    for content in (b"", b"PK", save_safetensors(vdvae())[:3000]):
        (tmp_path / "mine.safetensors").write_bytes(content)
        error = refuse(tmp_path / "mine.safetensors")
        assert "mine.safetensors: is truncated, or no safetensors file (SafetensorError on reading it)" in error


def test_this_project_s_own_file_is_refused(refuse):
    assert "is one of this project's files, used as it is (--weights FILE); import" in refuse(
        manifest.path_of("vae-mnist")
    )


def test_an_old_file_is_read(tmp_path, bench_cli):
    torch.save(vdvae(), tmp_path / "old.th", _use_new_zipfile_serialization=False)
    out = tmp_path / "out.safetensors"
    done = bench_cli("zoo", "import", tmp_path / "old.th", "--format", "vdvae", "--out", out, *TINY_OPTIONS)
    assert (done.code, done.err) == (0, "") and out.exists()


def changed(**parts):
    return lambda: pgan() | parts


def in_average(**tensors):
    return lambda: (content := pgan()) | {"avgG": content["avgG"] | tensors}


BIAS = "formatLayer.module.bias"
WRONG_PGAN = {
    "missing": (lambda: (c := pgan()) | {"avgG": without(c["avgG"], BIAS)}, "it lacks avgG.formatLayer.module.bias."),
    "extra": (in_average(more=torch.ones(1)), "does not fit what its config describes: its avgG.more has no place here"),
    "misshaped": (in_average(**{BIAS: torch.ones(64)}), "avgG.formatLayer.module.bias has shape (64,), not (128,)"),
    "NaN": (in_average(**{BIAS: torch.full((128,), torch.inf)}), "avgG.formatLayer.module.bias holds NaN or infinite"),
    "no critic": (changed(netD=None), "its netD is no state dict (names and tensors), but of type NoneType"),
    "tanh": (lambda: pgan(lossCriterion="DCGAN"), "lossCriterion: Input should be 'WGANGP' or 'Logistic' (got 'DCGAN')"),
    "conditional": (lambda: pgan(categoryVectorDim=4), "categoryVectorDim: Input should be 0 (got 4)"),
    "widths": (lambda: pgan(depthOtherScales=[4, 8]), "its channels, (8, 4, 8) from 4x4 up, are not min(fmap_base"),
    "settings": (lambda: pgan(depthOtherScales="many", alpha=7), "its config is none we can import: 2 wrong value(s)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_PGAN)
def test_a_wrong_pgan_is_refused(case, tmp_path, refuse):
    make, message = WRONG_PGAN[case]
    assert message in refuse(save_pgan(tmp_path / "gan.pth", make()), "pgan")


def test_one_format_for_the_other_is_refused(tmp_path, refuse):
    torch.save(vdvae(), tmp_path / "model-ema.th")
    assert "is no pgan file: it has no 'config'" in refuse(tmp_path / "model-ema.th", "pgan")
    assert "is no state dict (names and tensors): 'netG' is no plain tensor" in refuse(
        save_pgan(tmp_path / "gan.pth", pgan()), "vdvae"
    )


def test_usage(tmp_path, bench_cli):
    source, out = tmp_path / "model-ema.th", tmp_path / "out.safetensors"
    torch.save(vdvae(), source)
    command = ("zoo", "import", source, "--format", "vdvae", "--out", out)
    wrong = bench_cli(*command, "-p", "widht=16")
    assert (
        wrong.code == 4 and wrong.err.startswith("Error: -p: there is no field 'widht'. Did you mean 'width'?")
    )
    assert not out.exists()
    out.write_text("mine")
    there = bench_cli(*command, *TINY_OPTIONS)
    assert there.code == 4 and there.err == f"Error: --out {out}: is already there; remove it, or name another file\n"
    assert out.read_text() == "mine"
