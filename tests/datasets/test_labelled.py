"""The data set of a user's own labelled pictures, and the oracle that learns from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import DataError, UsageError
from bench.registry import Registry

LABELLED = Registry().get("datasets", "labelled")


def picture(path: Path, level: int, mode: str = "L", size: tuple[int, int] = (8, 6)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, 0, 0)).save(path)


@pytest.fixture
def sorted_folder(tmp_path):
    """Ten pictures with a scar, 100 and on, and ten without, 0 and on."""
    for i in range(10):
        picture(tmp_path / "mine" / "scar" / f"{i}.png", 100 + i)
        picture(tmp_path / "mine" / "plain" / f"{i}.png", i)
    return tmp_path / "mine"


@pytest.fixture
def drawn(tmp_path):
    """Ten samples as ``bench sample`` leaves them, and clicks on two of them."""
    folder = tmp_path / "shown"
    for i in range(10):
        picture(folder / f"{i:06d}.png", 20 * i, "RGB")
    about = {"model": "m", "weights_sha256": "w", "noise_sha256": "n", "stream": "sample", "count": 10}
    (folder / "samples.json").write_text(json.dumps({"format": "bench-samples/1", **about}))
    write(folder / "clicks.json", **about, feature="scar", positive=[3, 7], also={"old": [0]})
    picture(folder / "grid.png", 0)
    return folder


def write(path, **fields):
    path.write_text(json.dumps({"format": "bench-feedback/1", **fields}))


def rewrite(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def without(path, field):
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != field}))


# --- what is read -------------------------------------------------------------------------------------


def test_a_folder_for_each_label(sorted_folder):
    dataset = LABELLED(sorted_folder)
    assert dataset.features == ("plain", "scar") and dataset.image_shape == (1, 6, 8)
    train, test = dataset.split("train"), dataset.split("test")
    assert (len(train), len(test)) == (16, 4)
    images = train.read(np.arange(16))
    assert images.shape == (16, 1, 6, 8) and images.dtype == torch.uint8
    levels = images[:, 0, 0, 0].numpy()
    np.testing.assert_array_equal(train.attributes["scar"], levels >= 100)
    np.testing.assert_array_equal(train.attributes["plain"], levels < 100)
    assert test.read(np.arange(4))[:, 0, 0, 0].tolist() == [4, 9, 104, 109], "every fifth"
    np.testing.assert_array_equal(dataset.has_feature(test.attributes, "scar"), [False, False, True, True])


def test_clicked_samples(drawn):
    dataset = LABELLED(drawn)
    assert dataset.features == ("scar", "old") and dataset.image_shape == (3, 6, 8)
    train = dataset.split("train")
    assert train.attributes["scar"].tolist() == [False, False, False, True, False, False, True, False]
    assert train.attributes["old"].tolist() == [True] + [False] * 7
    assert train.read(np.arange(8))[:, 0, 0, 0].tolist() == [0, 20, 40, 60, 100, 120, 140, 160]


def test_pictures_of_every_name_and_format_count_and_others_do_not(sorted_folder):
    for i, suffix in enumerate((".PNG", ".jpg", ".JPEG", ".bmp", ".webp")):
        picture(sorted_folder / "scar" / f"more{i}{suffix}", 200)
    (sorted_folder / "scar" / "Thumbs.db").write_bytes(b"x")
    (sorted_folder / "scar" / "._1.png").write_bytes(b"x")
    (sorted_folder / "empty").mkdir()
    dataset = LABELLED(sorted_folder)
    assert dataset.features == ("plain", "scar")
    assert sum(len(dataset.split(name)) for name in ("train", "test")) == 25


def test_the_hash_follows_pixels_labels_and_names(sorted_folder):
    def hashes():
        return [LABELLED(sorted_folder).split(name).sha256 for name in ("train", "test")]

    first = hashes()
    assert hashes() == first and first[0] != first[1]
    picture(sorted_folder / "scar" / "0.png", 50)
    changed = hashes()
    assert changed[0] != first[0] and changed[1] == first[1]
    (sorted_folder / "scar").rename(sorted_folder / "mark")
    assert all(new != old for new, old in zip(hashes(), changed, strict=True))


# --- what is refused ----------------------------------------------------------------------------------


def no_folders(folder):
    shutil.rmtree(folder / "scar")


def other_size(folder):
    picture(folder / "scar" / "3.png", 5, size=(9, 6))


def other_colours(folder):
    picture(folder / "scar" / "3.png", 5, "RGB")


def broken(folder):
    (folder / "scar" / "3.png").write_bytes(b"no picture")


def spaces(folder):
    (folder / "scar").rename(folder / "a scar")


SORTED = {
    no_folders: "holds 1 folders with pictures; at least two are needed, such as ",
    other_size: "scar/3.png: has (C, H, W) = (1, 6, 9); the first picture, ",
    other_colours: "scar/3.png: has (C, H, W) = (3, 6, 8); the first picture, ",
    broken: "scar/3.png: not a readable picture (",
    spaces: "a scar: a label may contain only letters, digits, '_', '.' and '-'. Rename it",
}


@pytest.mark.parametrize("change", SORTED, ids=lambda change: change.__name__)
def test_what_is_wrong_with_a_folder_for_each_label_is_named(change, sorted_folder):
    change(sorted_folder)
    with pytest.raises(DataError) as caught:
        LABELLED(sorted_folder).split("train").read(np.arange(16))
    assert SORTED[change] in str(caught.value)


DRAWN = {
    "no_clicks": (lambda f: (f / "clicks.json").unlink(), "holds samples but no feedback file. Click, then: bench feedback "),
    "no_json": (lambda f: (f / "clicks.json").write_text("{"), "clicks.json: not a readable JSON file ("),
    "deep": (lambda f: (f / "clicks.json").write_text("[" * 99_999), "clicks.json: not a readable JSON file ("),
    "other_weights": (lambda f: rewrite(f / "clicks.json", weights_sha256="x"), "(weights_sha256 differs)"),
    "other_stream": (lambda f: rewrite(f / "clicks.json", stream="x"), "(stream differs)"),
    "fewer": (lambda f: rewrite(f / "clicks.json", count=9), "(count differs)"),
    "beyond": (lambda f: rewrite(f / "clicks.json", positive=[10]), "for 'scar' is not a list of samples, 0 to 9"),
    "texts": (lambda f: rewrite(f / "clicks.json", positive=["1"]), "for 'scar' is not a list of samples, 0 to 9"),
    "true": (lambda f: rewrite(f / "clicks.json", positive=[True]), "for 'scar' is not a list of samples, 0 to 9"),
    "twice": (lambda f: shutil.copy(f / "clicks.json", f / "more.json"), "more.json: 'scar' was clicked in another file"),
    "missing": (lambda f: (f / "000004.png").unlink(), "holds 9 pictures, not 10 samples as drawn. Draw them again"),
    "old": (lambda f: rewrite(f / "samples.json", format="x"), "was not written by `bench sample` of this version"),
    "none": (lambda f: (rewrite(f / "samples.json", count=0), [p.unlink() for p in f.glob("0*.png")]), "was not written by"),
    "yes": (lambda f: rewrite(f / "samples.json", count=True), "was not written by `bench sample` of this version"),
    "unnamed": (lambda f: without(f / "clicks.json", "feature"), "clicks.json: is not a feedback file as `bench feedback`"),
    "numbered": (lambda f: rewrite(f / "clicks.json", feature=3), "clicks.json: is not a feedback file as"),
    "unclicked": (lambda f: without(f / "clicks.json", "positive"), "clicks.json: is not a feedback file as"),
    "listed": (lambda f: rewrite(f / "clicks.json", also=[1]), "clicks.json: is not a feedback file as"),
    "both": (lambda f: rewrite(f / "clicks.json", also={"scar": [1]}), "clicks.json: is not a feedback file as"),
    "also_texts": (lambda f: rewrite(f / "clicks.json", also={"old": 3}), "for 'old' is not a list of samples, 0 to 9"),
    "huge": (lambda f: rewrite(f / "samples.json", count=10**12), "holds 10 pictures, not 1000000000000 samples"),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_wrong_with_clicked_samples_is_named(name, drawn):
    change, message = DRAWN[name]
    change(drawn)
    with pytest.raises(DataError) as caught:
        LABELLED(drawn).split("train")
    assert message in str(caught.value)


def test_without_a_folder_it_says_so(tmp_path):
    with pytest.raises(DataError, match="no folder is given: --data-dir FOLDER"):
        LABELLED().split("train")
    with pytest.raises(DataError, match="is not a folder"):
        LABELLED(tmp_path / "nowhere").split("train")
    with pytest.raises(DataError, match="holds 0 folders with pictures"):
        LABELLED(tmp_path).split("train")


def test_an_unknown_split_is_named(sorted_folder):
    with pytest.raises(UsageError, match="unknown split 'valid'"):
        LABELLED(sorted_folder).split("valid")


# --- the oracle that learns from it ---------------------------------------------------------------------


def test_an_oracle_of_ones_own_generator_is_trained_on_clicks_and_judges(hers, clicks, unlearn, bench_cli, tmp_path):
    """As the documentation has it, with fewer pictures: the scars are counted before and after."""
    shown, judge = tmp_path / "shown", tmp_path / "judge.safetensors"
    shutil.copytree(hers / "shown", shown)
    shutil.copy(clicks, shown / "clicks.json")
    checked = bench_cli("check", "labelled", "--data-dir", shown)
    assert checked.code == 0 and "not checked" not in checked.out
    trained = bench_cli(
        "pretrain", "--classifier", "mobilenet", "--dataset", "labelled", "--data-dir", shown, "-p", "epochs=80", "--out",
        judge, "--results", tmp_path / "runs",
    )  # fmt: skip
    assert trained.code == 0 and "scar: balanced accuracy " in trained.err + trained.out, trained.err
    named = ("--feedback", clicks, "--set", f"oracle.evaluation={judge}", "--json")
    before = json.loads(unlearn("original", *named).out)["metrics"]["target_ratio"]
    done = unlearn("ours", *named, "-p", "epochs=60", "-p", "batch_size=16", "-p", "lr=0.003")
    record = json.loads(done.out)
    assert record["metrics"]["target_ratio"]["value"] < before["value"] / 3
    assert 0.05 < before["value"] < 0.35, "one in six has a scar"
    assert record["metrics"]["target_ratio"]["source"].startswith(
        "no data set (clicks on the generator's own samples); oracle "
    )
    assert record["provenance"]["oracle"]["evaluation"]["balanced_accuracy"]["scar"] > 0.7
