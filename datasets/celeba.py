"""CelebA at 64 px, read from torchvision's layout: the folder "celeba" of the data folder (Liu et al. 2015).

The 128 x 128 px about the face (pixels 25-152 across, 57-184 down of the aligned 178 x 218), 2 x 2 blocks averaged.
The paper (arXiv 2303.05699) states no size; 64 px is ours, for the VDVAE. ``celeba128`` is the same at 128 px.
"""

from __future__ import annotations

from bench.api import hookimpl

from ._celeba.faces import CelebA


class CelebA64(CelebA):
    """202,599 photographs of 10,177 people."""

    image_shape = (3, 64, 64)


@hookimpl
def register_datasets(register):  # type: ignore[no-untyped-def]
    register(CelebA64)
