"""The store: one immutable result file per cell with its artefacts, and stages that cells share.

<results>/<method>-<model>-<feature>-s<seed>-<key16>/result.json, unlearned.safetensors, before-after.png, losses.csv
<results>/.stages/feedback-<key16>/  unlearn-<key16>/  original-<key16>/  columns-<key16>/  training-scores-<key16>/
<results>/.stages/seen-<key16>/  what a judge or an extractor said of blocks of images, by their content

The whole key is in every record and every sealed stage, and is compared: cells whose keys begin alike share a folder's
name, never a number.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

from pydantic import ValidationError

from bench.core import collecting, sealed
from bench.core.files import sweep
from bench.core.reading import read_json
from bench.core.remembered import remembered
from bench.errors import StoreError, wrong_fields
from bench.workspace.store import seals
from bench.workspace.store.locks import acquired
from bench.workspace.store.record import FORMAT, Record

STAGES = ".stages"
DIGITS = 16  # of a key, in the name of a folder
DIGITS_BEFORE = 8  # of earlier versions
CELL = re.compile(  # the name of a cell's folder; others are not ours
    rf"(?P<readable>.+?)(?:(?P<seed>-s\d+)(?P<step>-at\d+)?)?-(?:[0-9a-f]{{{DIGITS_BEFORE}}}|[0-9a-f]{{{DIGITS}}})"
)
READABLE = 150  # bytes of a folder's name before the key: some file systems take 143 characters, most 255


class Unreadable(NamedTuple):
    """A ``result.json`` that is not a record of this version; it is reported, left as it is, and blocks nothing."""

    path: Path
    reason: str


class Store:
    """A results folder.

    Parameters
    ----------
    root : Path
        ``--results``.
    waits : callable
        Told what another process works on while this one waits for it, then None.
    """

    def __init__(self, root: Path, waits: Callable[[str | None], None] = lambda what: None) -> None:
        self.root, self._waits = root, waits

    def require_folder(self) -> None:
        """Raise StoreError if there is something else than a folder."""
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"--results {self.root}: is not a folder")

    def require_there(self) -> None:
        """Raise StoreError unless the folder is there, so that a wrong name is not taken for an empty folder."""
        if not self.root.exists():
            raise StoreError(f"--results {self.root}: no such folder. Name a folder that `bench run` wrote")

    def folders_below(self) -> list[Path]:
        """Return the folders of results up to two levels below this one: what was meant, if this is their parent."""
        found = {path.parent.parent for depth in ("*", "*/*") for path in self.root.glob(f"{depth}/*/result.json")}
        return sorted(found)

    def require_writable(self, flag: str = "--results") -> None:
        """Raise StoreError unless files can be written here; creates no folder. Sweeps its files."""
        try:
            nearest = next(folder for folder in (self.root, *self.root.absolute().parents) if folder.exists())
            with TemporaryFile(dir=nearest):
                pass
        except OSError as error:
            raise StoreError(
                f"{flag} {self.root}: cannot be written ({error.strerror}). Choose another folder."
            ) from error
        sweep(self.root)

    def folder(self, readable: str, key: str) -> Path:
        """Return a cell's folder: by its readable name, or one of another name that holds the cell of this key."""
        start = readable.encode()[:READABLE].decode(errors="ignore")  # the key tells cells apart
        own = self.root / f"{start}-{key[:DIGITS]}"
        if own.exists():
            return own
        return next((other for other in _by_digits(self.root).get(key[:DIGITS], ()) if self._may_hold(other, key)), own)

    def _may_hold(self, folder: Path, key: str) -> bool:
        """Say whether a folder holds a cell's record, or none yet."""
        try:
            self.read(folder, key)
        except StoreError:
            return False
        return folder.is_dir()

    def stage(self, name: str, key: str) -> Path:
        """Return a stage's folder."""
        return self.root / STAGES / f"{name}-{key[:DIGITS]}"

    def stages(self) -> list[Path]:
        """Return the folders of all stages, sorted."""
        return sorted(path.parent for path in (self.root / STAGES).glob(f"*/{seals.SEAL}"))

    @contextmanager
    def locked(
        self,
        folder: Path,
        tell: Callable[[str], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Iterator[None]:
        """Lock a folder against other processes; the lock of a killed process is free at once.

        Parameters
        ----------
        folder : Path
        tell : callable, optional
            Told which process is waited for, if one is.
        meanwhile : callable, optional
            Called about once a second while this process waits.
        """
        holder = folder / ".holder"
        while (lock := acquired(folder, holder, tell, self._waits, meanwhile)) is None:
            pass
        try:
            holder.write_text(f"process {os.getpid()} on {platform.node()}", "utf-8")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def is_locked(self, folder: Path) -> bool:
        """Return whether a process has locked a folder."""
        try:
            with (folder / ".lock").open("rb") as file:  # only read: the folder may not be ours to write
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # there is none, or it cannot be asked
            return False
        return False

    def read(self, folder: Path, key: str | None = None) -> Record | None:
        """Read a cell's record; None if there is none.

        Parameters
        ----------
        folder : Path
        key : str, optional
            The cell's; by default, any key that the folder's name ends in.

        Raises
        ------
        StoreError
            If the file was changed, is not a record, has another format, or belongs to another cell.
        """
        path = folder / "result.json"
        try:
            content = sealed.read_fast(path)
            if content is None or content.get("format", 1) != FORMAT:
                content = sealed.verified(_of_this_format(path))
            record = Record.model_validate(content)
        except FileNotFoundError:
            return None
        except ValidationError as error:
            first = wrong_fields(error).partition("; ")[0]
            raise StoreError(f"{path}: is not a result of this project ({first})") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error
        except ValueError as error:
            raise StoreError(f"{path}: cannot be read ({error})") from error
        if not (record.key == key if key else folder.name.endswith(f"-{record.key[:DIGITS]}")):
            raise StoreError(f"{path}: belongs to another cell (key {record.key[:DIGITS]})")
        return record

    def readable(self, folder: Path, key: str | None = None) -> Record | None:
        """Read a cell's record; None if there is none or it cannot be used."""
        try:
            return self.read(folder, key)
        except StoreError:
            return None

    def write(self, folder: Path, record: Record) -> None:
        """Write a cell's record, the last step of a cell; an unreadable file or another cell's is renamed first."""
        path = folder / "result.json"
        if path.exists() and self.readable(folder, record.key) is None:
            path.rename(_free_name(path))
        sealed.write(path, record.model_dump(mode="json"))

    def made_once(self) -> list[Path]:
        """Return the weights and statistics that were made for all cells, sorted."""
        found = (path for folder in self._beside() for path in folder.glob("*.safetensors"))
        return sorted(path for path in found if re.fullmatch(rf".+-[0-9a-f]{{{DIGITS}}}", path.stem))

    def kept_looks(self) -> list[Path]:
        """Return the files of what judges and extractors said of blocks of images, sorted."""
        return sorted((self.root / STAGES).glob("seen-*/*.pt"))

    def _beside(self) -> list[Path]:
        return [self.root.parent / name for name in ("statistics", "counterfactual", "pretrained")]

    def sweep(self) -> None:
        """Remove temporary files that killed processes left: of cells, of stages, and of what is made for all cells."""
        for folder in (*self._beside(), *self.root.glob("*/"), *self.root.glob(f"{STAGES}/*/")):
            sweep(folder)

    def records(self) -> list[tuple[Path, Record]]:
        """Return every record that can be used, sorted by folder."""
        return self.survey()[0]

    def unreadable(self) -> list[Unreadable]:
        """Return every ``result.json`` that cannot be used, with the reason."""
        return self.survey()[1]

    def survey(self) -> tuple[list[tuple[Path, Record]], list[Unreadable]]:
        """Read every ``result.json``: the records, sorted by folder, and the files that cannot be used."""
        records, unreadable = [], []
        with collecting.paused():
            for folder in self._cells():
                try:
                    if (record := self.read(folder)) is not None:
                        records.append((folder, record))
                except StoreError as error:
                    unreadable.append(Unreadable(folder / "result.json", str(error).partition(": ")[2]))
        return records, unreadable

    def _cells(self) -> list[Path]:
        """Return the folders of cells; what other programs leave in a folder of results is passed over."""
        try:
            return _cells_in(self.root)
        except PermissionError as error:
            raise StoreError(f"{self.root}: cannot be read ({error.strerror}). Change its permissions") from error

    def unfinished(self) -> list[Path]:
        """Return folders of cells without a result yet: they run now, or were stopped and can resume."""
        return [folder for folder in self._cells() if _is_unfinished(folder)]


def _cells_in(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        names = sorted(each.name for each in entries if CELL.fullmatch(each.name) and each.is_dir())
    return [root / name for name in names]


def _is_unfinished(folder: Path) -> bool:
    try:
        return not (folder / "result.json").exists()
    except OSError:  # not ours to look into: ``survey`` names it as unreadable
        return False


@remembered
def _by_digits(root: Path) -> dict[str, list[Path]]:
    """Return the folders of a store by what their names end in."""
    found: dict[str, list[Path]] = {}
    with suppress(OSError), os.scandir(root) as entries:  # there is none yet
        for name in sorted(each.name for each in entries):
            found.setdefault(name.rpartition("-")[2], []).append(root / name)
    return found


def _of_this_format(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or "key" not in content:
        raise StoreError(f"{path}: is not a result of this project")
    if content.get("format", 1) != FORMAT:
        raise StoreError(f"{path}: has format {content.get('format', 1)}; this version reads format {FORMAT}")
    return content


def _free_name(path: Path) -> Path:
    """Return an unused name in the file's folder."""
    names = (path.with_name(f"{path.name}.{i}.unreadable") for i in range(1, 10_000))
    return next(name for name in names if not name.exists())
