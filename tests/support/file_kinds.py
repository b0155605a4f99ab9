"""A sound file of each kind that the benchmark reads, and its reader: what the tests of damaged files have in common."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from made_records import made_record
from PIL import Image
from torch import nn

from bench.api import Generator
from bench.core import resuming, sealed
from bench.datasets import labelled, mnist
from bench.datasets._celeba import tables
from bench.evaluation.described import read_arrays, write_arrays
from bench.feedback import clicked, given, repeats
from bench.feedback.file import FeedbackFile, noise_hash
from bench.feedback.folder import SAMPLES, SamplesFile, read_samples_file
from bench.workspace.foreign.containers import read_content
from bench.workspace.foreign.places import state_at
from bench.workspace.settings.suites import load_suite
from bench.workspace.store import seals, travelling
from bench.workspace.store.record import Repeats
from bench.workspace.store.store import DIGITS, Store
from bench.workspace.weights import checkpoint

KEY = "c0" * 32
IMAGES = "t10k-images-idx3-ubyte"
SIZE = (4, 5, 5)  # of the images in the IDX file


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes
    ----------
    make : callable
        Writes a sound file into an empty folder and returns its path.
    read : callable
        Reads it; raises an error of bench.errors, or ``internal``, for one that is not sound.
    sealed : bool
        Whether every changed bit that changes what is read is an error.
    internal : exception types
        Those that the callers of an inner reader catch, saying what they make again.
    """

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    sealed: bool = True
    internal: tuple[type[Exception], ...] = ()


class Small(Generator):
    """A generator of 2 x 2 px images from noise of three numbers."""

    image_shape, noise_dim, latent_dim = (1, 2, 2), 3, 3

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def sample(self, noise):
        return noise, self.decode(noise, noise)

    def decode(self, latents, noise):
        return torch.sigmoid(self.layer(latents)).view(-1, 1, 2, 2)


@cache
def small() -> Small:
    """Return the one generator of these tests."""
    torch.manual_seed(0)
    return Small()


def shown() -> SamplesFile:
    """Say what the samples of ``small`` are."""
    from bench.api.noise import stream_noise

    first = noise_hash(stream_noise(small(), "feedback/0", 0, 1)[0])
    return SamplesFile(model="small", weights_sha256="1" * 64, noise_sha256=first, stream="feedback/0", count=40)


def _json(write: Callable[[Path], Any], name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write(folder / name)
        return folder / name

    return make


def feedback(path: Path) -> None:
    about = shown().model_dump(exclude={"format"})
    made = FeedbackFile(**about, feature="thick", positive=[3, 5, 17], also={"Male": [1, 2]})
    sealed.write(path, made.model_dump(mode="json"))


def record(folder: Path) -> Path:
    measured = {
        "value": 0.25,
        "n": 100,
        "higher_is_better": False,
        "low": 0.2,
        "high": 0.3,
        "source": "a",
        "metric": "m",
    }
    made = made_record(
        KEY, params={"alpha": 3.0}, metrics={"target_ratio": measured}, timings={"unlearn": {"seconds": 1.0, "peak_memory_mb": 2.0}}
    )  # fmt: skip
    cell = folder / f"ours-vae-slant-s0-{KEY[:DIGITS]}"
    Store(folder).write(cell, made)
    return cell / "result.json"


def record_read(path: Path) -> Any:
    return Store(path.parent.parent).read(path.parent)


def weights(folder: Path) -> Path:
    path = folder / "small.safetensors"
    tensors = {"generator.a": torch.arange(6.0).view(2, 3), "generator.b": torch.ones(4)}
    checkpoint.save(path, "model", "vae", {"config": {"latent_dim": 3}, "dataset": "mnist"}, tensors)
    return path


def weights_read(path: Path) -> Any:
    stored = checkpoint.read(path)
    return stored.sha256, stored.description, {name: tensor.tolist() for name, tensor in stored.tensors.items()}


def training(folder: Path) -> Path:
    path = folder / "checkpoint.pt"
    resuming.save(path, {"step": 3, "student": {"a": torch.arange(5.0)}})
    return path


def training_read(path: Path) -> Any:
    content = resuming.load(path)
    return content.get("step"), content["student"]["a"].tolist() if "student" in content else None


def columns(folder: Path) -> Path:
    path = folder / f"columns-{KEY[:DIGITS]}" / "columns.npz"
    path.parent.mkdir()
    write_arrays(path, {"scores": np.arange(12.0).reshape(6, 2), "labels": np.arange(6) % 2 == 0})
    seals.seal(path.parent, KEY, torch.device("cpu"), path.name)
    return path


class MadeAgain(Exception):
    """A stage that is made again, and the note that says so."""


def columns_read(path: Path) -> Any:
    if (fault := seals.fault_of(path.parent, KEY)) is not None:
        raise MadeAgain(fault)
    return {name: array.tolist() for name, array in read_arrays(path).items()}


def idx(folder: Path) -> Path:
    path = folder / IMAGES
    pixels = np.random.default_rng(0).integers(0, 256, SIZE, dtype=np.uint8)
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, *SIZE) + pixels.tobytes())
    mnist.PUBLISHED[IMAGES] = sha256(path.read_bytes()).hexdigest()  # put back by ``as_published``
    return path


def idx_read(path: Path) -> Any:
    return mnist._read(path, SIZE).tolist()


def png(folder: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "000001.png")
    return folder / "000001.png"


def repeated(folder: Path) -> Path:
    feedback(folder / "clicks.json")
    repeats.write(folder / "clicks.json", Repeats(pairs=10, agreeing=9))
    return repeats.file_for(folder / "clicks.json")


def attributes(folder: Path) -> Path:
    path = folder / "list_attr_celeba.txt"
    path.write_text("2\nMale Young\n000001.jpg 1 -1\n000002.jpg -1 -1\n")
    return path


def parts(folder: Path) -> Path:
    path = folder / "list_eval_partition.csv"
    path.write_text("image_id,partition\n000001.jpg,0\n000002.jpg,2\n")
    return path


def listed(folder: Path) -> Path:
    path = folder / "clicked.txt"
    path.write_text("3\n000017.png\n" + "".join(f"{i}\n" for i in range(20, 30)))
    return path


def foreign(folder: Path) -> Path:
    path = folder / "net.pth"
    torch.save({"epoch": 3, "ema": {"layer.weight": torch.ones(4, 3), "layer.bias": torch.zeros(4)}}, path)
    return path


def foreign_read(path: Path) -> Any:
    return {name: tensor.tolist() for name, tensor in state_at(read_content(path), "ema", path).items()}


def archive(folder: Path) -> Path:
    result = record(folder)
    with ZipFile(folder / "results.zip", "w") as file:
        file.write(result, f"{result.parent.name}/result.json")
    return folder / "results.zip"


def archive_read(path: Path) -> Any:
    found = []
    with travelling.opened(path) as parcel:
        for cell in parcel.cells:
            with travelling.unpacked(parcel, cell, path.parent / "into") as (_, stored):
                found.append(stored)
    return found


def noise(folder: Path) -> Path:
    """Write feedback on noise that lies beside it; the noise is what is read."""
    array = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    np.save(folder / "noise.npy", array)
    first = noise_hash(torch.from_numpy(array[0]))
    about = shown().model_dump(exclude={"format"}) | {"stream": None, "noise_file": "noise.npy", "noise_sha256": first}
    sealed.write(folder / "clicks.json", FeedbackFile(**about, feature="thick", positive=[3]).model_dump(mode="json"))
    return folder / "noise.npy"


def noise_read(path: Path) -> Any:
    found = given.read(path.with_name("clicks.json"), "1" * 64, small())[0].noise_array
    return None if found is None else found.tolist()


SUITE = b"""\
description = "two models"
extends = "lite"
[models.vae]
dataset = "mnist"
weights = "vae-mnist"
features = ["thickness"]
[models.vae.feedback]
count = 300
[models.vae.student]
epochs = 20
lr = 1e-3
[[variants]]
label = "short"
method = "ours"
model = "vae"
params = {epochs = 3, alpha = 2.5}
[sweeps.ours]
epochs = [1, 2]
"""


def suite(path: Path) -> None:
    path.write_bytes(SUITE)


def samples(path: Path) -> None:
    sealed.write(path, shown().model_dump(mode="json"))


KINDS = {
    "record": FileKind(record, record_read),
    "weights": FileKind(weights, weights_read),
    "checkpoint": FileKind(training, training_read, internal=(resuming.Unusable,)),
    "columns": FileKind(columns, columns_read, internal=(MadeAgain,)),
    "idx": FileKind(idx, idx_read),
    "png": FileKind(png, lambda path: labelled._read(path).tolist()),
    "feedback": FileKind(_json(feedback, "clicks.json"), lambda path: given.read(path, "1" * 64, small())[1]),
    "suite": FileKind(_json(suite, "mine.toml"), lambda path: load_suite(str(path)), sealed=False),
    "samples": FileKind(_json(samples, SAMPLES), lambda path: read_samples_file(path.parent)),
    "repeats": FileKind(repeated, lambda path: repeats.read(path.with_name("clicks.json"))),
    "attributes": FileKind(attributes, lambda path: tables.read_attributes(path, ["Male"], "").to_csv(), sealed=False),
    "splits": FileKind(parts, lambda path: tables.read_parts(path, ("a", "b", "c"), ""), sealed=False),
    "clicked": FileKind(listed, lambda path: clicked.clicked_numbers(path, path.parent, 40), sealed=False),
    "foreign": FileKind(foreign, foreign_read, sealed=False),
    "archive": FileKind(archive, archive_read, sealed=False),
    "noise": FileKind(noise, noise_read, sealed=False),
}
