"""Releases of github.com/openai/vdvae (commit ea35b49, MIT): ``*-model-ema.th``, the state dict of both networks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from bench.models.vdvae.config import PRESETS
from bench.workspace.foreign.release import Release, state_dict

PUBLISHED = tuple(name for name in PRESETS if name != "lite")
REMEDY = (
    f"The published sizes are {', '.join(PUBLISHED)}. For another size, override fields of a published one: "
    "-p preset=imagenet64 -p width=384 ... (`bench show vdvae` lists the fields)."
)


def read_vdvae(content: Any, path: Path, params: dict[str, Any]) -> Release:
    """Read the file as the size that ``params`` describe or, without any, as each published size in turn."""
    found = state_dict(content, f"{path}: its content")
    return Release(
        model="vdvae",
        candidates={"what -p describes": params} if params else {f"preset={p}": {"preset": p} for p in PUBLISHED},
        tensors={name.removeprefix("module."): tensor for name, tensor in found.items()},  # distributed training's
        origin=official_name,
        remedy=REMEDY,
        own={"generator.opened": torch.ones(())},
    )


def official_name(ours: str) -> str:
    """Map "encoder.posteriors.3.c1.bias" to "decoder.dec_blocks.3.enc.c1.bias"; see ``models/vdvae``."""
    posterior = re.fullmatch(r"encoder\.posteriors\.(\d+)\.(.+)", ours)
    if posterior is not None:
        return f"decoder.dec_blocks.{posterior[1]}.enc.{posterior[2]}"
    return re.sub(r"^generator\.", "decoder.", ours)
