"""CelebA and CelebA-HQ: tables of attributes, and photographs read in place, from a folder or from a zip of it.

``files`` (folders, archives) -> ``tables`` -> ``decoded`` (photographs in memory) -> ``faces`` (the data sets). The
plug-ins are ``datasets/celeba*.py``. Nothing is extracted, downloaded or written.

References
----------
Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild. ICCV 2015, arXiv 1411.7766 (CelebA).
Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs. ICLR 2018, arXiv 1710.10196 (CelebA-HQ).
Lee, Liu, Wu, Luo: MaskGAN. CVPR 2020, arXiv 1907.11922 (CelebAMask-HQ: CelebA-HQ with CelebA's attributes).
"""
