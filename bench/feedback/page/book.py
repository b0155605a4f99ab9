"""Every click, in an SQLite file in WAL mode: a click that was acknowledged is on the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tiles (
    round TEXT, tile INTEGER, sample INTEGER NOT NULL, again INTEGER NOT NULL, PRIMARY KEY (round, tile));
CREATE TABLE IF NOT EXISTS clicked (round TEXT, attribute TEXT, tile INTEGER, PRIMARY KEY (round, attribute, tile));
CREATE TABLE IF NOT EXISTS looked (round TEXT, attribute TEXT, tile INTEGER, PRIMARY KEY (round, attribute, tile));
CREATE TABLE IF NOT EXISTS steps (
    step INTEGER, round TEXT, attribute TEXT, tile INTEGER, was INTEGER NOT NULL, PRIMARY KEY (step, tile));
"""
Changes = Mapping[int, bool]  # by tile: whether it is selected now


class Book:
    """The clicks of one folder; several threads may use it.

    Parameters
    ----------
    path : Path
        The SQLite file; made if it is not there.

    Raises
    ------
    StoreError
        If the file cannot be opened, or is not one of this project.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        try:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=FULL")
            self._file.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: cannot be used ({error}). Name another folder: --out DIR") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def facts(self) -> dict[str, str]:
        """Return the facts about the folder, such as which samples are shown."""
        with self._lock:
            return dict(self._file.execute("SELECT name, value FROM facts"))

    def say(self, facts: Mapping[str, str]) -> None:
        """Add facts."""
        with self._writing() as file:
            file.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    # --- tiles ----------------------------------------------------------------------------------------

    def tiles(self, round_: str) -> list[tuple[int, bool]]:
        """Return each tile's sample, and whether that was shown before."""
        with self._lock:
            rows = self._file.execute("SELECT sample, again FROM tiles WHERE round = ? ORDER BY tile", (round_,))
            return [(sample, bool(again)) for sample, again in rows]

    def add_tiles(self, round_: str, tiles: Sequence[tuple[int, bool]], first: int) -> None:
        """Add tiles from number ``first`` on; those that another thread added meanwhile stay."""
        rows = [(round_, first + i, sample, int(again)) for i, (sample, again) in enumerate(tiles)]
        with self._writing() as file:
            file.executemany("INSERT OR IGNORE INTO tiles VALUES (?, ?, ?, ?)", rows)

    # --- clicks ---------------------------------------------------------------------------------------

    def clicked(self, round_: str, attribute: str) -> set[int]:
        """Return the selected tiles."""
        return self._tiles_of("clicked", round_, attribute)

    def looked(self, round_: str, attribute: str) -> set[int]:
        """Return the tiles marked as looked at."""
        return self._tiles_of("looked", round_, attribute)

    def mark(self, round_: str, attribute: str, changes: Changes) -> None:
        """Select and deselect tiles, as one step that can be undone; nothing is changed by half."""
        with self._writing() as file:
            before = self.clicked(round_, attribute)
            real = {tile: on for tile, on in changes.items() if on != (tile in before)}
            if not real:
                return
            (step,) = file.execute("SELECT coalesce(max(step), 0) + 1 FROM steps").fetchone()
            rows = [(step, round_, attribute, tile, int(not on)) for tile, on in real.items()]
            file.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?)", rows)
            _apply(file, round_, attribute, real)

    def undo(self, round_: str, attribute: str) -> Changes:
        """Take back the last step of an attribute; returns what changed."""
        with self._writing() as file:
            where = (round_, attribute)
            (step,) = file.execute("SELECT max(step) FROM steps WHERE round = ? AND attribute = ?", where).fetchone()
            back = {
                tile: bool(was) for tile, was in file.execute("SELECT tile, was FROM steps WHERE step = ?", (step,))
            }
            file.execute("DELETE FROM steps WHERE step = ?", (step,))
            _apply(file, round_, attribute, back)
            return back

    def look(self, round_: str, attribute: str, tiles: Iterable[int]) -> None:
        """Mark tiles as looked at."""
        with self._writing() as file:
            rows = [(round_, attribute, tile) for tile in tiles]
            file.executemany("INSERT OR IGNORE INTO looked VALUES (?, ?, ?)", rows)

    def _tiles_of(self, table: str, round_: str, attribute: str) -> set[int]:
        with self._lock:
            query = f"SELECT tile FROM {table} WHERE round = ? AND attribute = ?"
            return {tile for (tile,) in self._file.execute(query, (round_, attribute))}

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing."""
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                yield self._file
                self._file.execute("COMMIT")
            except BaseException as error:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise StoreError(
                        f"{self.path}: cannot be written ({error}). Make room, then click again"
                    ) from error
                raise


def _apply(file: sqlite3.Connection, round_: str, attribute: str, changes: Changes) -> None:
    on = [(round_, attribute, tile) for tile, selected in changes.items() if selected]
    off = [(round_, attribute, tile) for tile, selected in changes.items() if not selected]
    file.executemany("INSERT OR IGNORE INTO clicked VALUES (?, ?, ?)", on)
    file.executemany("DELETE FROM clicked WHERE round = ? AND attribute = ? AND tile = ?", off)
