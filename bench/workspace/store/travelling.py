"""Read cells from another results folder or a zip archive; copy and check single cells.

An archive is read in place: a file is copied only if its name is that of a file in a cell's folder, and never more
bytes than the archive says it has.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from bench.core.archives import require_few_members
from bench.core.files import file_sha256
from bench.errors import CheckpointError, StoreError, UsageError
from bench.workspace.store.record import Artefact, Record
from bench.workspace.store.store import CELL, Store
from bench.workspace.weights import checkpoint

RESULT = "result.json"
FILE = re.compile(r"[A-Za-z0-9][\w.-]{0,100}")  # of a cell; not what begins with a dot: locks, temporary files
LARGEST = 20 * 10**9  # bytes of one file
FILES = 1000  # of a cell
RECORD = 10**7  # bytes of a result; it has about 15,000
TIGHT = 100  # times that a file of more than RECORD bytes may shrink: weights and pictures hardly do
ARCHIVE = ".zip"


@dataclass(frozen=True)
class Parcel:
    """A folder of results or an archive.

    Attributes
    ----------
    path : Path
    cells : mapping of str to tuple of str
        Names of the cells' folders, with those of their files.
    archive : ZipFile or None
        Open as long as the parcel is: its list of members is read once.
    members : mapping of (str, str) to ZipInfo
        By cell and file.
    """

    path: Path
    cells: dict[str, tuple[str, ...]]
    archive: zipfile.ZipFile | None = None
    members: dict[tuple[str, str], zipfile.ZipInfo] = field(default_factory=dict)

    def copy(self, cell: str, into: Path) -> None:
        """Copy a cell's files into an empty folder; raises StoreError, naming the file, if one cannot be read."""
        if (count := len(self.cells[cell])) > FILES:
            raise StoreError(f"{self.path}: {cell} has {count:,} files, too many for a result")
        for name in self.cells[cell]:
            try:
                self._copy(cell, name, into / name)
            except StoreError:
                raise
            except Exception as error:  # zipfile, zlib and the file system raise many kinds for a damaged archive
                why = getattr(error, "strerror", None) or error
                raise StoreError(f"{self.path}: {cell}/{name} cannot be read ({why})") from error

    def _copy(self, cell: str, name: str, target: Path) -> None:
        if self.archive is None:
            shutil.copyfile(self.path / cell / name, target)
            return
        member = self.members[cell, name]
        if member.file_size > (RECORD if name == RESULT else LARGEST):
            raise StoreError(f"{self.path}: {cell}/{name} has {member.file_size:,} bytes, too many for a result")
        if member.file_size > max(RECORD, TIGHT * member.compress_size):
            raise StoreError(
                f"{self.path}: {cell}/{name} would grow from {member.compress_size:,} to {member.file_size:,} bytes, "
                "as no file of a result does"
            )
        with self.archive.open(member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)  # it ends after `file_size` bytes, and checks the CRC


@contextmanager
def opened(path: Path) -> Iterator[Parcel]:
    """Look into a folder of results, or an archive of cells, which is closed afterwards.

    Raises
    ------
    UsageError
        If it is neither.
    """
    if path.is_dir():
        found = {each.name: _files_in(each) for each in sorted(path.iterdir()) if CELL.fullmatch(each.name)}
        yield Parcel(path, {name: files for name, files in found.items() if RESULT in files})
        return
    with _archive(path) as archive:
        yield _packed(path, archive)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        require_few_members(path)
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file or folder") from error
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise UsageError(f"{path}: is not a folder of results or an archive of bench export ({error})") from error


def _packed(path: Path, archive: zipfile.ZipFile) -> Parcel:
    placed = [(place, each) for each in archive.infolist() if (place := _place(each)) is not None]
    cells: dict[str, list[str]] = {}
    members = dict(reversed(placed))  # of two with one name, the first counts
    for cell, name in dict.fromkeys(place for place, _ in placed):
        cells.setdefault(cell, []).append(name)
    named = {cell: tuple(names) for cell, names in sorted(cells.items())}
    return Parcel(path, named, archive, members)  # also cells without a result: the name of one may be damaged


def _files_in(folder: Path) -> tuple[str, ...]:
    """Return the names of a cell's files; of a folder that is not ours to read its result's, so that it is named."""
    try:
        return tuple(files_of(folder)) if folder.is_dir() else ()
    except PermissionError:
        return (RESULT,)


def files_of(folder: Path) -> Iterator[str]:
    """Yield the names of a cell's files."""
    return (each.name for each in sorted(folder.iterdir()) if FILE.fullmatch(each.name) and each.is_file())


@contextmanager
def unpacked(parcel: Parcel, cell: str, near: Path | None) -> Iterator[tuple[Path, Record]]:
    """Copy a cell into a temporary folder in a folder of results (None: in the system's), and check it.

    Raises
    ------
    StoreError
        If its record or one of its files is damaged, missing, or not the one that the record names.
    """
    if near is not None:
        near.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=near, prefix=".incoming-") as place:
        folder = Path(place) / cell
        folder.mkdir()
        parcel.copy(cell, folder)
        yield folder, _checked(folder, f"{parcel.path}: {cell}: ")


def _checked(folder: Path, what: str) -> Record:
    """Read a cell's record and compare its files; raises StoreError, beginning with ``what``, if one is wrong."""
    try:
        record = Store(folder.parent).read(folder)
    except StoreError as error:
        raise StoreError(what + str(error).removeprefix(f"{folder}/")) from error
    if record is None:
        raise StoreError(f"{what}{RESULT}: is missing")
    for kind, artefact in record.artefacts.items():
        if (fault := fault_of(folder / artefact.file, kind, artefact)) is not None:
            raise StoreError(what + fault.removeprefix(f"{folder}/"))
    return record


def fault_of(path: Path, kind: str, artefact: Artefact) -> str | None:
    """Return what is wrong with a file of a cell: missing, damaged, or not the one that the record names."""
    try:
        if not path.is_file():
            return f"{path}: is missing"
        found = checkpoint.read(path).sha256 if kind == "weights" else file_sha256(path)
    except CheckpointError as error:
        return str(error)
    except PermissionError as error:
        return f"{path}: cannot be read ({error.strerror})"
    same = found == artefact.sha256
    return None if same else f"{path}: is not the file that the record names: another one, or changed since"


def _place(member: zipfile.ZipInfo) -> tuple[str, str] | None:
    """Return the cell and the file that a member of an archive is; None for anything else."""
    parts = PurePosixPath(member.filename).parts
    if len(parts) != 2 or not CELL.fullmatch(parts[0]) or not FILE.fullmatch(parts[1]):
        return None
    return None if member.is_dir() or parts[0].startswith(".") else (parts[0], parts[1])
