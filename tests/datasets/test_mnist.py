from __future__ import annotations

import gzip
import struct
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch

from bench.errors import DataError, UsageError
from bench.registry import Registry

TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def mnist(folder):
    return Registry().get("datasets", "mnist")(folder)


def idx(array):
    """Return the bytes of an IDX file of unsigned bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def content():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (10_000, 28, 28), dtype=np.uint8)
    return idx(images), idx(np.arange(10_000) % 10), images


@pytest.fixture
def folder(tmp_path, content, monkeypatch):
    """Write a made-up test split in torchvision's layout, as if it were the published one."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    published = sys.modules[type(mnist(tmp_path)).__module__].PUBLISHED
    for name, data in zip(TEST, content[:2], strict=True):
        (raw / name).write_bytes(data)
        monkeypatch.setitem(published, name, sha256(data).hexdigest())
    return tmp_path


def test_a_split_is_read(folder, content):
    split = mnist(folder).split("test")
    assert len(split) == 10_000
    assert split.attributes["digit"].tolist() == list(range(10)) * 1000
    images = split.read(np.array([9_999, 0, 3]))
    assert images.shape == (3, 1, 28, 28)
    assert np.array_equal(images[:, 0].numpy(), content[2][[9_999, 0, 3]])
    assert len(split.sha256) == 64


def test_the_identity_is_known_without_the_files(folder):
    split = mnist(folder).split("test")
    assert split.sha256 == mnist(folder).identity("test") == mnist(None).identity("test")
    assert mnist(None).identity("train") != mnist(None).identity("test")
    with pytest.raises(UsageError, match="unknown split 'tran'. Did you mean 'train'"):
        mnist(None).identity("tran")


def refused(folder, file):
    """Return the error of reading the split; it must name the file, the remedy and the flag."""
    with pytest.raises(DataError) as error:
        mnist(folder).split("test")
    text = str(error.value)
    assert text.startswith(f"{folder / 'MNIST' / 'raw' / file}: ")
    assert "MNIST('data', download=True)" in text and "--data-dir" in text and "BENCH_DATA" in text
    return text


@pytest.mark.parametrize("file", TEST)
def test_a_missing_file(file, folder):
    (folder / "MNIST" / "raw" / file).unlink()
    assert "no such file" in refused(folder, file)


@pytest.mark.parametrize("length", [0, 3, 4, 10, 15, 16, 1000, -1])
@pytest.mark.parametrize("file", TEST)
def test_a_truncated_file(file, length, folder):
    path = folder / "MNIST" / "raw" / file
    path.write_bytes(path.read_bytes()[:length])
    assert "truncated, or not an IDX file" in refused(folder, file)


def test_bytes_too_many(folder):
    path = folder / "MNIST" / "raw" / TEST[0]
    path.write_bytes(path.read_bytes() + b"\0")
    assert "truncated, or not an IDX file" in refused(folder, TEST[0])


@pytest.mark.parametrize(("file", "other"), [TEST, TEST[::-1]])
def test_labels_where_images_belong_and_the_other_way_round(file, other, folder):
    raw = folder / "MNIST" / "raw"
    (raw / file).write_bytes((raw / other).read_bytes())
    assert "Is it another file?" in refused(folder, file)


def test_a_file_of_another_size_or_type(folder):
    path = folder / "MNIST" / "raw" / TEST[0]
    path.write_bytes(idx(np.zeros((60, 28, 28))))
    assert "holds torch.uint8 (60, 28, 28), expected uint8 (10000, 28, 28)" in refused(folder, TEST[0])
    path.write_bytes(struct.pack(">HBB3I", 0, 0x0D, 3, 10_000, 28, 28) + bytes(4 * 10_000 * 784))
    assert "holds torch.float32" in refused(folder, TEST[0])


@pytest.mark.parametrize("what", ["gzip", "text", "folder"])
def test_no_idx_file_at_all(what, folder):
    path = folder / "MNIST" / "raw" / TEST[1]
    data = path.read_bytes()
    path.unlink()
    if what == "gzip":
        path.write_bytes(gzip.compress(data))
    elif what == "text":
        path.write_text("<html>404 Not Found</html>")
    else:
        path.mkdir()
    assert ("no such file" if what == "folder" else "truncated, or not an IDX file") in refused(folder, TEST[1])


def test_a_gzip_that_was_not_unpacked_is_no_file(folder):
    path = folder / "MNIST" / "raw" / TEST[1]
    path.with_suffix(".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    refused(folder, TEST[1])


def other(data, change):
    """Return another file of the same form: as of another data set (its images in another order), or damaged."""
    head = 16 if len(data) > 20_000 else 8
    if change == "one bit":
        return data[:-1] + bytes([data[-1] ^ 1])
    return data[:head] + data[: head - 1 : -1]


@pytest.mark.parametrize("change", ["one bit", "another data set"])
@pytest.mark.parametrize("file", TEST)
def test_a_file_of_the_same_form_is_not_taken_for_mnist(file, change, folder):
    path = folder / "MNIST" / "raw" / file
    whole = path.read_bytes()
    path.write_bytes(other(whole, change))
    assert len(path.read_bytes()) == len(whole)
    text = refused(folder, file)
    assert "is damaged or of another data set: it is not the file that MNIST's authors published" in text
    assert "bench new dataset NAME" in text


def test_no_folder_at_all():
    with pytest.raises(DataError, match="no data folder is given .--data-dir or BENCH_DATA."):
        mnist(None).split("train")


def test_an_unknown_split(folder):
    with pytest.raises(UsageError, match="unknown split 'tran'. Did you mean 'train'"):
        mnist(folder).split("tran")


def test_the_command_line_says_it_too(folder, on_bars, monkeypatch):
    done = on_bars("retrain", "--data-dir", folder)
    assert done.code == 4
    assert done.err.startswith(f"Error: {folder / 'MNIST' / 'raw' / 'train-images-idx3-ubyte'}: no such file.")
    monkeypatch.delenv("BENCH_DATA", raising=False)
    assert "no data folder is given" in on_bars("retrain").err
    monkeypatch.setenv("BENCH_DATA", str(folder))
    assert "train-images-idx3-ubyte: no such file" in on_bars("retrain").err


@pytest.fixture
def another(tmp_path):
    """Write another data set of MNIST's form in its place."""
    raw = tmp_path / "another" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx(np.full((count, 28, 28), 7, np.uint8)))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.arange(count) % 10))
    return tmp_path / "another"


def test_no_number_of_mnist_is_made_from_another_data_set(another, on_bars, bench_cli, tmp_path):
    told = f"{another / 'MNIST' / 'raw' / 'train-images-idx3-ubyte'}: is damaged or of another data set"
    done = on_bars("retrain", "--data-dir", another)
    assert done.code == 4 and done.err.startswith(f"Error: {told}")
    assert not list((tmp_path / "runs").glob("*/result.json"))
    places = ("--results", tmp_path / "runs", "--data-dir", another)
    table = bench_cli("table", "1", "--model", "vae", "--out", tmp_path, *places)
    assert table.code == 4 and told in table.err and not (tmp_path / "table-1.csv").exists()
    trained = bench_cli(
        "pretrain", "--model", "vae", "--dataset", "mnist", "--out", tmp_path / "x.safetensors", *places
    )
    assert trained.code == 4 and told in trained.err and not (tmp_path / "x.safetensors").exists()
    assert on_bars("latent_edit", "--data-dir", another).code == 0, "it reads no images: its statistics are shipped"


@pytest.mark.mnist
def test_the_real_mnist(mnist_dir):
    dataset = mnist(mnist_dir)
    train, test = dataset.split("train"), dataset.split("test")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.attributes["digit"][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.attributes["digit"].value_counts().sort_index().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]  # fmt: skip  # noqa: E501
    images = train.read(np.arange(60_000))
    assert float(images.sum(dtype=torch.int64)) / images.numel() / 255 == pytest.approx(0.1306604762738429, rel=1e-12)
    assert train.sha256 != test.sha256


# --- thinner and sheared --------------------------------------------------------------------------------


def bars(*widths, lean=0.0):
    """Return vertical bars (N, 1, 28, 28) of these widths, sheared to the right by ``lean`` (the tangent)."""
    y, x = np.indices((28, 28))
    shifted = x + lean * (y - 13.5)
    drawn = [np.clip(width / 2 + 0.5 - np.abs(shifted - 13.5), 0, 1) * ((y >= 5) & (y <= 22)) for width in widths]
    return torch.from_numpy((np.stack(drawn) * 255).round().astype(np.uint8))[:, None]


def measured(images, name):
    return Registry().get("classifiers", "morpho_mnist")().scores(images, [name])[:, 0]


def test_strokes_are_thinned_by_as_much_as_is_asked():
    images = bars(4, 5, 6, 6)
    by = np.array([1.0, 2.0, 2.0, 0.0])
    before, after = measured(images, "thickness"), measured(mnist(None).lowered(images, "thickness", by), "thickness")
    np.testing.assert_allclose(before - after, by, atol=0.6)
    vanished = mnist(None).lowered(images, "thickness", np.full(4, 20.0))
    assert (vanished.amax(dim=(1, 2, 3)) > 0).all(), "a core always stays"


def test_digits_are_sheared_by_the_angle_that_is_asked():
    images = bars(3, 3, 4, lean=-0.3)
    by = np.array([0.2, 0.5, 0.0])
    before, after = measured(images, "slant"), measured(mnist(None).lowered(images, "slant", by), "slant")
    np.testing.assert_allclose(before - after, by, atol=0.02)
    np.testing.assert_allclose(images.double().sum((1, 2, 3)), mnist(None).lowered(images, "slant", by).double().sum((1, 2, 3)), rtol=0.03)  # fmt: skip  # noqa: E501
