"""Table 1 of the paper, from CelebA's own tables."""

from __future__ import annotations

import zipfile
from hashlib import md5

import pandas as pd
import pytest

PUBLISHED = {  # md5, as in torchvision/datasets/celeba.py
    "list_attr_celeba.txt": "75e246fa4810816ffd6ee81facbd244c",
    "list_eval_partition.txt": "d32c9cbf5e040fd4025c592c306e6668",
}


@pytest.fixture
def official(tmp_path, celeba_tables):
    """Return a data folder with the official tables, without photographs."""
    folder = tmp_path / "data" / "celeba"
    folder.mkdir(parents=True)
    for name, published in PUBLISHED.items():
        if celeba_tables.suffix == ".zip":
            with zipfile.ZipFile(celeba_tables) as archive:
                content = archive.read(name)
        else:
            content = (celeba_tables / name).read_bytes()
        if md5(content).hexdigest() != published:
            pytest.skip(f"{celeba_tables}: {name} is not the published one")
        (folder / name).write_bytes(content)
    return folder.parent


@pytest.mark.celeba
def test_table_1_is_the_paper_s(official, tmp_path, bench_cli):
    options = ("--suite", "celeba", "--data-dir", official, "--results", tmp_path / "runs", "--out", tmp_path)
    done = bench_cli("table", "1", *options, "--formats", "csv")
    assert done.code == 0, done.err
    frame = pd.read_csv(tmp_path / "table-1-celeba.csv").set_index(["feature", "metric"])
    assert frame["mean"].to_dict() == {
        ("bang", "target_images"): 30_709, ("bang", "non_target_images"): 171_890,
        ("beard", "target_images"): 33_441, ("beard", "non_target_images"): 169_158,
    }  # fmt: skip
    assert (frame["mean"] == frame["paper"]).all() and set(frame["n"]) == {202_599}
