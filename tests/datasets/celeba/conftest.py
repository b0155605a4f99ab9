"""Folders with seven photographs of CelebA and with twelve of CelebA-HQ."""

from __future__ import annotations

import pytest
from celeba_files import ALIGNED, PARTITION, jpeg, table


@pytest.fixture
def data(tmp_path):
    """Write seven photographs in torchvision's layout."""
    root = tmp_path / "data" / "celeba"
    (root / "img_align_celeba").mkdir(parents=True)
    (root / "list_attr_celeba.txt").write_bytes(table(ALIGNED).encode())
    lines = [f"{name} {part}\n" for name, part in zip(ALIGNED, PARTITION, strict=True)]
    (root / "list_eval_partition.txt").write_text("".join(lines))
    for i, name in enumerate(ALIGNED):
        (root / "img_align_celeba" / name).write_bytes(jpeg(178, 218, 20 * i))
    return tmp_path / "data"


@pytest.fixture
def hq(tmp_path):
    """Write twelve photographs in CelebAMask-HQ's layout; 10.jpg and 11.jpg come last by number."""
    root = tmp_path / "data" / "CelebAMask-HQ"
    (root / "CelebA-HQ-img").mkdir(parents=True)
    names = sorted(f"{i}.jpg" for i in range(12))  # as text: 0, 1, 10, 11, 2, ...
    (root / "CelebAMask-HQ-attribute-anno.txt").write_text(table(names, [n == "10.jpg" for n in names], [True] * 12))
    originals = [1, 162_770, 162_771, 182_637, 182_638, 202_599, 2, 3, 4, 5, 6, 7]
    lines = [f"{i:<8}{o - 1:<12}{o:06}.jpg\n" for i, o in enumerate(originals)]
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("".join(["idx     orig_idx    orig_file\n", *lines]))
    for i in range(12):
        (root / "CelebA-HQ-img" / f"{i}.jpg").write_bytes(jpeg(512, 512, 20 * i) if i == 10 else jpeg(256, 256, 20 * i))
    return tmp_path / "data"
