"""What is read: splits, attributes, crops, archives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from celeba_files import BANGS, NAMES, NO_BEARD, faces, jpeg, zipped

from bench.errors import DataError


def test_splits_are_celeba_s_own(data):
    celeba = faces("celeba", data)
    assert [len(celeba.split(name)) for name in ("all", "train", "valid", "test")] == [7, 4, 1, 2]
    everything = celeba.split("all").attributes
    assert everything.columns.tolist() == NAMES and set(map(str, everything.dtypes)) == {"bool"}
    assert everything["Bangs"].tolist() == BANGS and everything["No_Beard"].tolist() == NO_BEARD
    assert celeba.split("test").attributes["Bangs"].tolist() == BANGS[5:]
    blue = celeba.split("test").read(np.array([1, 0]))[:, 2].float().mean((1, 2))
    assert blue.tolist() == pytest.approx([120, 100], abs=2)


def test_features_are_counted_from_the_attribute_file_alone(data):
    (data / "celeba" / "img_align_celeba").rename(data / "elsewhere")
    (data / "celeba" / "list_eval_partition.txt").unlink()
    celeba = faces("celeba", data)
    split = celeba.split(celeba.training_split)
    counts = {feature: int(celeba.has_feature(split.attributes, feature).sum()) for feature in celeba.features}
    assert (counts, len(split)) == ({"bang": 3, "beard": 2}, 7)
    with pytest.raises(DataError, match="img_align_celeba: no such folder, and no img_align_celeba.zip"):
        split.read(np.array([0]))


def test_a_byte_order_mark_is_no_part_of_a_table(data):
    before = faces("celeba", data).split("test").sha256
    for name in ("list_attr_celeba.txt", "list_eval_partition.txt"):
        file = data / "celeba" / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert faces("celeba", data).split("test").sha256 == before


def test_128_px_are_the_crop_itself(data):
    image = faces("celeba128", data).split("all").read(np.array([3]))[0].float()  # (3, 128, 128)
    assert image.shape == (3, 128, 128)
    across, down = torch.arange(128.0) + 25, torch.arange(128.0) + 57
    assert (image[0] - across).abs().max() <= 3 and (image[1] - down[:, None]).abs().max() <= 3


def test_64_px_are_the_means_of_blocks(data):
    large, small = (faces(name, data).split("all").read(np.array([3, 0])).float() for name in ("celeba128", "celeba"))
    assert small.shape == (2, 3, 64, 64)
    assert (small - torch.nn.functional.avg_pool2d(large, 2)).abs().max() <= 0.5


def test_identities_differ(data):
    keys = {
        faces(name, data).split(part).sha256 for name in ("celeba", "celeba128") for part in ("all", "train", "test")
    }
    assert len(keys) == 6 and faces("celeba", data).split("all").sha256 in keys


def test_the_identity_follows_tables_and_photographs(data):
    def identity(split="all"):
        return faces("celeba", data).identity(split)

    folder = data / "celeba" / "img_align_celeba"
    before, train = identity(), identity("train")
    assert faces("celeba", data).split("all").sha256 == before != train
    photograph = folder / "000003.jpg"
    whole = photograph.read_bytes()
    photograph.write_bytes(jpeg(178, 218, 77))
    assert identity() != before and identity("train") != train
    photograph.write_bytes(whole)
    (data / "celeba" / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    assert identity() == before and identity("train") != train
    table = data / "celeba" / "list_attr_celeba.txt"
    table.write_bytes(table.read_bytes().replace(b" 1", b"-1", 1))
    assert identity() != before
    folder.rename(data / "elsewhere")
    with pytest.raises(DataError, match="img_align_celeba: no such folder"):
        identity()
    folder.mkdir()
    with pytest.raises(DataError, match="img_align_celeba: holds no photographs"):
        identity()


@pytest.mark.parametrize("name", ["celeba", "celebahq"])
def test_the_same_photographs_in_a_zip_have_the_same_identity(data, hq, name):
    folder = data if name == "celeba" else hq
    before = faces(name, folder).identity("all")
    zipped(folder / ("celeba/img_align_celeba" if name == "celeba" else "CelebAMask-HQ"))
    assert faces(name, folder).identity("all") == before


def test_a_zip_is_read_in_place(data):
    before = faces("celeba", data).split("all").read(np.arange(7))
    zipped(data / "celeba" / "img_align_celeba")
    files = sorted(data.rglob("*"))
    assert torch.equal(faces("celeba", data).split("all").read(np.arange(7)), before)
    assert sorted(data.rglob("*")) == files


@pytest.mark.parametrize("archive", [False, True])
def test_celeba_hq(hq, archive):
    if archive:
        zipped(hq / "CelebAMask-HQ")
    dataset = faces("celebahq", hq)
    everything = dataset.split("all")
    assert everything.attributes["Bangs"].tolist() == [False] * 10 + [True, False]  # 10.jpg is the eleventh
    image = everything.read(np.array([10]))[0].float()
    assert image.shape == (3, 256, 256) and image[2].mean() == pytest.approx(200, abs=2)
    assert (image[0, :, :100] - (2 * torch.arange(100.0) + 0.5)).abs().max() <= 3
    blue = {part: dataset.split(part).read(np.array([0]))[:, 2].float().mean() for part in ("train", "valid", "test")}
    assert [len(dataset.split(part)) for part in blue] == [8, 2, 2]
    assert list(blue.values()) == pytest.approx([0, 40, 80], abs=2)


def test_a_photograph_is_read_once(data):
    celeba = faces("celeba", data)
    before = celeba.split("all").read(np.arange(7))
    for photograph in (data / "celeba" / "img_align_celeba").iterdir():
        photograph.write_bytes(b"")
    assert torch.equal(celeba.split("train").read(np.array([3, 0])), before[[3, 0]])  # all splits share the photographs
    assert celeba.decoded.kept == before.nbytes


def test_what_does_not_fit_is_read_every_time(data, monkeypatch):
    celeba = faces("celeba", data)
    monkeypatch.setattr("bench.datasets._celeba.decoded.KEPT", 2 * 3 * 64 * 64)
    before = celeba.split("all").read(np.arange(7))
    assert celeba.decoded.kept == 2 * 3 * 64 * 64
    assert torch.equal(celeba.split("all").read(np.arange(7)), before)
    (data / "celeba" / "img_align_celeba" / "000003.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"000003\.jpg: damaged"):
        celeba.split("all").read(np.arange(7))
