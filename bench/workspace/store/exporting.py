"""Copy cells out of a store, into a folder of results or into one zip archive."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from bench.core.files import write_atomically
from bench.errors import UsageError
from bench.workspace.new_file import require_new
from bench.workspace.store.store import Store
from bench.workspace.store.travelling import ARCHIVE, RESULT, files_of

STORED = (".png", ".safetensors")  # do not get smaller


def export(folders: Sequence[Path], out: Path) -> int:
    """Copy cells; returns how many bytes.

    Parameters
    ----------
    folders : sequence of Path
        Of cells.
    out : Path
        A file that ends in ``.zip``, which is written as a whole, or a folder, into which cells are copied.

    Raises
    ------
    UsageError
        If ``out`` is neither, or a file that is there, or holds a cell that would be overwritten.
    StoreError
        If it cannot be written.
    """
    if out.suffix == ARCHIVE:
        require_new(out)
        return _archived(folders, out)
    if out.suffix or (out.exists() and not out.is_dir()):
        raise UsageError(f"--out {out}: name a folder, or a file that ends in {ARCHIVE}")
    if there := next((folder.name for folder in folders if (out / folder.name).exists()), None):
        raise UsageError(f"--out {out}: holds {there} already. Name another folder, or add cells with bench merge")
    Store(out).require_writable("--out")
    for folder in folders:
        _copied(folder, out)
    return sum((folder / name).stat().st_size for folder in folders for name in files_of(folder))


def _copied(folder: Path, out: Path) -> None:
    target = out / folder.name
    target.mkdir(parents=True)
    for name in sorted(files_of(folder), key=lambda name: name == RESULT):  # the record last
        shutil.copy2(folder / name, target / name)


def _archived(folders: Sequence[Path], out: Path) -> int:
    with write_atomically(out) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for folder in folders:
                for name in files_of(folder):
                    how = zipfile.ZIP_STORED if Path(name).suffix in STORED else zipfile.ZIP_DEFLATED
                    archive.write(folder / name, f"{folder.name}/{name}", compress_type=how)
        return os.fstat(file.fileno()).st_size
