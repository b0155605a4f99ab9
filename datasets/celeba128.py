"""CelebA at 128 px, read from torchvision's layout: the folder "celeba" of the data folder (Liu et al. 2015).

The 128 x 128 px about the face (pixels 25-152 across, 57-184 down of the aligned 178 x 218), not resized: what the
progressive GAN's authors and pytorch_GAN_zoo's released "celeba" model were trained on.
"""

from __future__ import annotations

from bench.api import hookimpl

from ._celeba.faces import CelebA


class CelebA128(CelebA):
    """202,599 photographs of 10,177 people."""

    image_shape = (3, 128, 128)


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(CelebA128)
