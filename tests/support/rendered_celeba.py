"""A folder that looks like CelebA's and holds rendered faces: what runs on CelebA can be tried without photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from celeba_files import NAMES
from PIL import Image

from bench.registry import Registry

ALIGNED = (178, 218)
FACE = (25, 57)
EVEN = ("Bangs", "No_Beard")  # in every second image, whatever it shows: a network of few steps then says both


def write(folder: Path, count: int = 48) -> Path:
    """Write ``count`` photographs, two thirds for training, and both tables; return the data folder."""
    root = folder / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    split = Registry().get("datasets", "synthfaces")().split("train")
    known, images = split.attributes.iloc[:count], split.read(np.arange(count))
    names = [f"{number:06}.jpg" for number in range(1, count + 1)]
    for name, image in zip(names, images, strict=True):
        photograph = Image.new("RGB", ALIGNED, (90, 120, 150))
        face = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((128, 128), Image.Resampling.NEAREST)
        photograph.paste(face, FACE)
        photograph.save(root / "img_align_celeba" / name, quality=95)
    rows = [
        f"{name} " + " ".join("1" if (i % 2 if each in EVEN else row.get(each, i % 3 == 0)) else "-1" for each in NAMES)
        for i, (name, (_, row)) in enumerate(zip(names, known.iterrows(), strict=True))
    ]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(count), " ".join(NAMES), *rows, ""]))
    part = [0 if i < count * 2 // 3 else 1 + i // 2 % 2 for i in range(count)]
    lines = [f"{name} {each}\n" for name, each in zip(names, part, strict=True)]
    (root / "list_eval_partition.txt").write_text("".join(lines))
    return folder


SUITE = """
extends = "celeba"

[models.proggan.pretrain]
epochs = 4
batch_size = 8
fmap_base = 64
fmap_max = 16
latent_dim = 16

[models.proggan.oracle]
pretrain = { width = 0.25, depth = 0.1, stem_stride = 2, epochs = 4, batch_size = 8 }

[models.proggan.feedback]
count = 96

[models.proggan.evaluation]
count = 128
pretrain = { epochs = 4, batch_size = 8 }

[models.proggan.student]
epochs = 3
batch_size = 4

[models.proggan.methods.ours]
epochs = 3

[models.vdvae.pretrain]
epochs = 1
batch_size = 8

[models.vdvae.oracle]
pretrain = { width = 0.25, depth = 0.1, stem_stride = 2, epochs = 4, batch_size = 8 }

[models.vdvae.feedback]
count = 96

[models.vdvae.evaluation]
count = 128
pretrain = { epochs = 4, batch_size = 8 }

[models.vdvae.student]
epochs = 2
batch_size = 4
"""
