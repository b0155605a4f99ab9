"""Files of other code, of ``torch.save`` or safetensors: read without running anything in them, and written."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from bench.core.archives import require_few_members
from bench.errors import CheckpointError
from bench.workspace.weights.checkpoint import FORMAT, require_short_header

ZIP_START = b"PK\x03\x04"


class BaseConfig:
    """Stands for ``models.utils.config.BaseConfig``, the empty class that holds pytorch_GAN_zoo's settings."""


OFFICIAL_CONFIG = "models.utils.config"


def read_content(path: Path) -> Any:
    """Read a file: tensors, containers and ``BaseConfig``; raises CheckpointError naming the file."""
    if path.is_dir():
        raise CheckpointError(f"{path}: is a folder. Name the file in it")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if is_safetensors(path):
        return _read_safetensors(path)[0]
    _require_plain_archive(path)
    return _read_pickle(path)


def write_content(content: Any, file: IO[bytes], like: Path) -> None:
    """Write to an open file, in the container and with the metadata of the file ``like``."""
    if is_safetensors(like):
        from safetensors.torch import save

        _, metadata, shared = _read_safetensors(like)
        for name, stored in sorted(shared.items()):  # a header has no order
            if not torch.equal(content[name], content[stored]):
                raise CheckpointError(
                    f"{like}: holds {name} and {stored} as one tensor, and the two differ now, so its layout cannot "
                    "hold both. Save it again from your own code with safetensors.torch.save_file, of clones"
                )
        plain = {name: tensor.contiguous().clone() for name, tensor in content.items() if name not in shared}
        file.write(save(plain, metadata=metadata))
    else:
        with _official_names():
            torch.save(content, file)


def is_safetensors(path: Path) -> bool:
    """Tell by the suffix, or by the header's first byte, which follows eight bytes with the header's length."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str] | None, dict[str, str]]:
    """Return tensors in the order of their names, the header's metadata, and the names that share a stored tensor.

    ``safetensors.torch.save_model`` stores a shared tensor once; the metadata map its other names to that one.
    """
    from safetensors import safe_open

    with path.open("rb") as file:
        if (start := file.read(9))[8:] == b"{":
            require_short_header(path, start)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except Exception as error:  # any parsing error
        raise CheckpointError(
            f"{path}: truncated, or not a safetensors file ({type(error).__name__} on reading it)"
        ) from error
    if (metadata or {}).get("format") == FORMAT:
        raise CheckpointError(
            f"{path}: is already a weights file of this project. Use it directly (--weights FILE); "
            "import and --like take a file of other code"
        )
    shared = {n: kept for n, kept in (metadata or {}).items() if kept in tensors and n not in tensors}
    tensors |= {name: tensors[kept] for name, kept in shared.items()}
    return dict(sorted(tensors.items())), metadata, shared


def _require_plain_archive(path: Path) -> None:
    """Raise CheckpointError for a zip archive with code, or with names that lead out of it."""
    with path.open("rb") as file:
        if file.read(4) != ZIP_START:
            return
    try:
        require_few_members(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: refused, {error}") from error
    try:
        with ZipFile(path) as archive:
            names, size = archive.namelist(), sum(each.file_size for each in archive.infolist())
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return  # torch reports it
    if size > path.stat().st_size:
        raise CheckpointError(
            f"{path}: refused, it would grow to {size:,} bytes. Save it again with torch.save, which packs nothing"
        )
    for name in names:
        first, *others = re.split(r"[/\\]", name)
        if first == "" or re.fullmatch("[A-Za-z]:", first) or ".." in (first, *others):
            raise CheckpointError(
                f"{path}: refused, {name!r} in it leads out of the archive. Get a new copy from its source"
            )
    if any(name.partition("/")[2] == "constants.pkl" for name in names):
        raise CheckpointError(
            f"{path}: is a TorchScript archive, which holds code that is not run here. In your own code save "
            f'the weights alone, torch.save(torch.jit.load("{path.name}").state_dict(), "{path.stem}-weights.pt"), and '
            "wrap the class of the module in a plug-in, as in examples/my_generator.py"
        )


def _read_pickle(path: Path) -> Any:
    """Read a file of ``torch.save`` with torch's restricted unpickler."""
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # about sparse tensors, which are refused, ...
            torch.serialization.safe_globals([(BaseConfig, f"{OFFICIAL_CONFIG}.BaseConfig")]),
        ):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # any parsing error
        asked = re.search(r"GLOBAL ([\w.]+)", str(error)) if isinstance(error, UnpicklingError) else None
        if asked is None:
            raise CheckpointError(
                f"{path}: truncated, or not a file of torch.save ({type(error).__name__} on reading it)"
            ) from error
        raise CheckpointError(
            f"{path}: refused, and nothing in it was run: it asks for '{asked[1]}', but only tensors and containers "
            "(and the settings of a pgan file) are allowed. Save the weights alone in the code that wrote it: "
            "torch.save(module.state_dict(), FILE)"
        ) from error


@contextmanager
def _official_names() -> Iterator[None]:
    """Let ``torch.save`` write ``BaseConfig`` under the name by which the official code finds its own class."""
    names = ("models", "models.utils", OFFICIAL_CONFIG)
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update({name: ModuleType(name) for name in names})
    sys.modules[OFFICIAL_CONFIG].BaseConfig = BaseConfig  # type: ignore[attr-defined]
    BaseConfig.__module__ = OFFICIAL_CONFIG
    try:
        yield
    finally:
        BaseConfig.__module__ = __name__
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
