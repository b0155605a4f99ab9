"""Checkpoint files: safetensors with a header that describes and verifies the content.

Most safetensors files load silently with a flipped bit, so the header holds a sha256 over the description and every
tensor's name, type, shape and bytes. That digest is also the weights' identity in every key.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.core.files import write_bytes
from bench.core.reading import parse_json
from bench.errors import CheckpointError, MissingWeights, shown

FORMAT = "bench-weights/1"
AGAIN = "Get a new copy. If you made the file with `bench`, remove it and run the same command again."
KINDS = ("model", "classifier", "extractor", "unlearned", "statistics", "counterfactual")
HEADER = 2**21  # bytes of the largest header: 20,000 tensors with long names
PICKLED = (".pt", ".pth", ".th", ".ckpt", ".pkl", ".pickle")  # usual suffixes of files of torch.save


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes
    ----------
    kind : str
        One of ``KINDS``.
    name : str
        Registered name of the model, classifier or extractor.
    description : dict
        JSON: the configuration the networks were built with, how they were made, ...
    tensors : dict of str to Tensor
        Under the prefixes ``generator.``, ``encoder.``, ``discriminator.``, ``classifier.``, ``identifier.``
        (``score.`` in files of version 0.1).
    sha256 : str
        Of the content.
    """

    kind: str
    name: str
    description: dict[str, Any]
    tensors: dict[str, Tensor] = field(repr=False)
    sha256: str = ""

    def holds(self, kind: str, name: str) -> bool:
        """Return whether these are the weights of a plug-in; older files call an extractor a classifier."""
        return self.name == name and (self.kind == kind or (kind, self.kind) == ("extractor", "classifier"))

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors under a prefix, without it."""
        start = f"{prefix}."
        return {name[len(start) :]: tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def content_sha256(kind: str, name: str, description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Hash the content of a checkpoint."""
    digest = sha256(json.dumps([kind, name, description], sort_keys=True).encode())
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return digest.hexdigest()


def state_of(modules: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Collect the state of several modules under their names as prefixes."""
    return {
        f"{prefix}.{name}": tensor.detach().cpu().contiguous()
        for prefix, module in modules.items()
        for name, tensor in module.state_dict().items()
    }


def save(path: Path, kind: str, name: str, description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Write a checkpoint atomically, the same content as the same bytes; returns its content sha256."""
    from safetensors.torch import save as to_bytes

    digest = content_sha256(kind, name, description, tensors)
    header = {
        "format": FORMAT,
        "kind": kind,
        "name": name,
        "description": json.dumps(description, sort_keys=True),
        "sha256": digest,
    }
    plain = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    content = to_bytes(plain, metadata=header)
    require_short_header(path, content[:8])
    write_bytes(path, _in_order(content))
    return digest


def _in_order(content: bytes) -> bytes:
    """Sort the header of safetensors bytes: the library writes the metadata in an order that differs from run to run.

    A file is the header's length (8 bytes, little-endian), the header (JSON, padded with spaces to a multiple of 8),
    and the tensors, whose offsets in the header count from its end.
    """
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[start:]


def read(path: Path) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises
    ------
    CheckpointError
        Naming the file: missing, unreadable, not safetensors, not of this project, or changed since it was written.
    """
    from safetensors import SafetensorError, safe_open

    start = _first_bytes(path)
    if start[8:] == b"{":  # else it is not a safetensors file, which is told below
        require_short_header(path, start)
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no iterator)
    except (SafetensorError, OSError, ValueError) as error:
        if path.suffix.lower() in PICKLED or start[:4] == b"PK\x03\x04":  # a zip archive
            raise CheckpointError(
                f"{path}: not a safetensors checkpoint; it looks like a file of torch.save. Convert it with: "
                f"bench zoo import {path} --format state-dict --model NAME --out FILE.safetensors (or another format)"
            ) from error
        raise CheckpointError(f"{path}: not a safetensors checkpoint, or truncated ({error}). {AGAIN}") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: a safetensors file of another project (its header lacks format={FORMAT}). "
            "`bench pretrain`, `bench run` and `bench zoo import` write weights files."
        )
    stored = _described(path, header, tensors)
    if content_sha256(stored.kind, stored.name, stored.description, tensors) != stored.sha256:
        raise CheckpointError(f"{path}: corrupted, the content does not match the sha256 in its header. {AGAIN}")
    return stored


def require_short_header(path: Path, start: bytes) -> None:
    """Raise CheckpointError if the first eight bytes, the header's length, ask for too much time and memory."""
    if (length := int.from_bytes(start[:8], "little")) > HEADER:
        raise CheckpointError(f"{path}: its header has {length:,} bytes; that of a weights file has at most {HEADER:,}")


def _described(path: Path, header: Mapping[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    """Return the checkpoint that a header describes; raises CheckpointError if a field is missing or wrong."""
    try:
        description = parse_json(header["description"])
        stored = Checkpoint(header["kind"], header["name"], description, tensors, header["sha256"])
    except KeyError as error:
        raise CheckpointError(f"{path}: its header lacks the field {error}. {AGAIN}") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: the description in its header is not JSON as we write it ({error})") from error
    if not isinstance(description, dict):
        raise CheckpointError(f"{path}: the description in its header is not a table of fields")
    if stored.kind not in KINDS:
        raise CheckpointError(f"{path}: holds weights of an unknown kind '{shown(stored.kind)}'")
    return stored


def kept(path: Path, key: str) -> Checkpoint | None:
    """Return a checkpoint whose description holds a key; None if there is none.

    Raises
    ------
    CheckpointError
        If the file is there and cannot be used.
    """
    stored = read(path) if path.exists() else None
    return stored if stored is not None and stored.description.get("key") == key else None


def _first_bytes(path: Path) -> bytes:
    """Return the first nine bytes of a weights file; raises CheckpointError if it is missing or cannot be read."""
    try:
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise CheckpointError(f"{path}: is not a regular file, but a pipe, a socket or a device")
        with path.open("rb") as file:
            return file.read(9)
    except FileNotFoundError as error:
        raise MissingWeights(f"{path}: no such weights file. `bench zoo list` shows the shipped ones.") from error
    except IsADirectoryError as error:
        raise CheckpointError(f"{path}: is a folder. Name the weights file in it") from error
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CheckpointError(f"{path}: is not a file name ({error})") from error


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], path: Path | str, part: str) -> None:
    """Load tensors into a module; raises CheckpointError if they do not fit it or are not finite."""
    own = module.state_dict()
    for name, tensor in tensors.items():
        if name in own and _sort(tensor) != _sort(own[name]):
            raise CheckpointError(f"{path}: {part}.{name} has type {tensor.dtype}, expected {own[name].dtype}")
    try:
        module.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{path}: its {part} does not fit the network that its header describes ({detail})"
        ) from error
    for name, tensor in module.state_dict().items():  # after loading: 1e300 of float64 is infinite in float32
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {part}.{name} holds NaN or infinite values")


def _sort(tensor: Tensor) -> tuple[bool, bool]:
    """Tell real, complex and whole numbers apart: one is not stored as another."""
    return tensor.is_floating_point(), tensor.is_complex()
