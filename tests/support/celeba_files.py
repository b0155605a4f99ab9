"""Miniatures of CelebA and CelebA-HQ in their own formats."""

from __future__ import annotations

import io
import zipfile

import numpy as np
from PIL import Image

from bench.registry import Registry

NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()


BANGS = [True, False, False, True, True, False, False]
NO_BEARD = [True, True, False, True, False, True, True]
PARTITION = [0, 0, 0, 0, 1, 2, 2]
ALIGNED = [f"{i:06}.jpg" for i in range(1, 8)]


def faces(name, folder):
    return Registry().get("datasets", name)(folder)


def table(names, bangs=BANGS, no_beard=NO_BEARD):
    """Return an attribute file as CelebA's authors write it: right-aligned values, CRLF, a space after the names."""
    rows = [
        f"{name} " + " ".join(f"{1 if {'Bangs': b, 'No_Beard': n}.get(a, False) else -1:>2}" for a in NAMES)
        for name, b, n in zip(names, bangs, no_beard, strict=True)
    ]
    return "\r\n".join([str(len(rows)), " ".join(NAMES) + " ", *rows, ""])


def jpeg(width, height, tint=0):
    """Return a photograph whose red is x, green is y, and blue is ``tint``, in grey levels modulo 256."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x % 256, y % 256, np.full_like(x, tint)], axis=-1).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=98, subsampling=0)
    return content.getvalue()


def zipped(folder, extra=None):
    """Put a folder into a zip beside it, and take the folder away."""
    file = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
        if extra is not None:
            archive.writestr(extra, b"elsewhere")
    folder.rename(folder.with_name("put away"))
    return file
