"""Files in the layouts of openai/vdvae (ea35b49) and pytorch_GAN_zoo (b75dee4), filled with known numbers."""

from __future__ import annotations

import os
import sys
import types
from hashlib import sha256

import pytest
import torch


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
