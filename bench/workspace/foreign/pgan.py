"""Files of github.com/facebookresearch/pytorch_GAN_zoo (commit b75dee4, BSD 3-clause): progressive GANs.

They hold ``config``, ``netD``, and the generator as ``avgG``, its moving average, or ``netG``. Two numbers differ from
ours: there, a layer's bias is multiplied by the layer's constant, and the deviation of a minibatch divides by its size
less one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ConfigDict, Field

from bench.api import Params
from bench.errors import CheckpointError, UsageError
from bench.models.proggan.equalised import he_constant
from bench.models.proggan.progressive import BASE, channel_widths
from bench.workspace.foreign.containers import BaseConfig
from bench.workspace.foreign.release import Release, State, state_dict
from bench.workspace.settings.validation import validated

GROUP = 4  # samples per group of the minibatch deviation (its mini_batch_stddev_module.py)
LAYERS = {
    "format": "formatLayer",
    "to_rgb": "toRGBLayers",
    "from_rgb": "fromRGBLayers",
    "dense": "groupScaleZero.1",
    "decision": "decisionLayer",
}


class PGANSettings(Params):
    """The content of ``config``, with its constructors' defaults, limited to networks that we can build.

    The other losses end the generator in a tanh; a generator with a class code is conditional.
    """

    model_config = ConfigDict(extra="ignore")

    latentVectorDim: int = Field(512, ge=1, description="length of the latent")
    dimOutput: int = Field(3, ge=1, description="channels of an image")
    depthScale0: int = Field(512, ge=1, description="channels of features at 4x4")
    depthOtherScales: tuple[int, ...] = Field((), max_length=8, description="and at 8x8, 16x16, ... 1024x1024")
    alpha: float = Field(0.0, ge=0, le=1, description="weight of the resolution below, while the last one fades in")
    lossCriterion: Literal["WGANGP", "Logistic"] = Field("WGANGP", description="loss of its training")
    leakyReluLeak: float = Field(0.2, ge=0.2, le=0.2, description="slope of the leaky ReLU")
    perChannelNormalization: Literal[True] = Field(True, description="pixel norm")
    equalizedlR: Literal[True] = Field(True, description="equalised learning rate")
    categoryVectorDim: Literal[0] = Field(0, description="length of the class code")


def read_pgan(content: Any, path: Path, params: dict[str, Any]) -> Release:
    """Take the architecture from the file's ``config``; ``params`` set the training recipe."""
    if not (isinstance(content, Mapping) and isinstance(content.get("config"), BaseConfig)):
        raise CheckpointError(f"{path}: not a pgan file, it has no 'config' of pytorch_GAN_zoo's class BaseConfig")
    try:
        settings = validated(PGANSettings, vars(content["config"]), f"{path}: its config cannot be imported")
    except UsageError as error:
        raise CheckpointError(str(error)) from error
    generator = "avgG" if "avgG" in content else "netG"
    level = torch.tensor(max(0.0, len(settings.depthOtherScales) - settings.alpha), dtype=torch.float64)
    return Release(
        model="proggan",
        candidates={"what its config describes": {**_fields(settings, path), **params}},
        tensors={
            f"{network}.{name}": tensor
            for network in (generator, "netD")
            for name, tensor in state_dict(content.get(network), f"{path}: its {network}").items()
        },
        origin=lambda ours: official_name(ours, generator),
        remedy="Was it changed, or written by another version?",
        adapt=adapted,
        restore=restored,
        own={"generator._extra_state": level, "discriminator._extra_state": level},
    )


def official_name(ours: str, generator: str) -> str:
    """Map "generator.scales.3.0.bias" to "avgG.scaleLayers.2.0.module.bias", see ``models/proggan/progressive.py``."""
    network, layer, *place, kind = ours.split(".")
    if layer == "scales":
        level, index = place
        first = "groupScale0" if network == "generator" else "groupScaleZero"
        layer, place = (first, [index]) if level == "0" else ("scaleLayers", [str(int(level) - 1), index])
    else:
        layer = LAYERS[layer]
    return ".".join([generator if network == "generator" else "netD", layer, *place, "module", kind])


def adapted(state: State) -> State:
    """Scale the biases, and the weight of the deviation's channel, since our deviation is smaller."""
    ours = state | {name: state[name] * constant for name, constant in _of_biases(state).items()}
    weight = state["discriminator.scales.0.0.weight"].clone()  # (C, C + 1, 3, 3)
    weight[:, -1] *= math.sqrt(GROUP / (GROUP - 1))
    return ours | {"discriminator.scales.0.0.weight": weight}


def restored(state: State) -> State:
    """Undo the scaling of a generator's biases in ``adapted``."""
    return state | {name: state[name] / constant for name, constant in _of_biases(state).items()}


def _of_biases(state: State) -> dict[str, float]:
    """Return each bias's constant, that of its layer."""
    biases = [name for name in state if name.endswith(".bias")]
    return {name: he_constant(state[name.removesuffix("bias") + "weight"]) for name in biases}


def _fields(settings: PGANSettings, path: Path) -> dict[str, Any]:
    """Return the fields of our Config: the architecture, and the published recipe."""
    widths = (settings.depthScale0, *settings.depthOtherScales)
    size = BASE << len(settings.depthOtherScales)
    base, most = widths[-1] << len(widths), max(widths)
    if channel_widths(size, base, most) != widths:
        raise CheckpointError(
            f"{path}: its channels, {widths} from 4x4 up, do not follow min(fmap_base / 2^stage, fmap_max)"
        )
    return {
        "image_shape": (settings.dimOutput, size, size),
        "latent_dim": settings.latentVectorDim,
        "fmap_base": base,
        "fmap_max": most,
        "loss": "wgan-gp" if settings.lossCriterion == "WGANGP" else "r1",
        "group": GROUP,
    }
