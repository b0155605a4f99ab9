"""Clicks in SQLite: a step is whole or not there, can be taken back, and survives whatever ends the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from bench.errors import StoreError, UsageError
from bench.feedback.page.book import Book
from bench.feedback.page.desk import claimed


@pytest.fixture
def book(tmp_path):
    found = Book(tmp_path / "clicks.sqlite3")
    yield found
    found.close()


def test_clicks_are_kept_by_round_and_attribute(book):
    book.mark("a", "beard", {1: True, 2: True, 3: False})
    book.mark("a", "Male", {2: True})
    book.mark("a", "beard", {2: False})
    assert (book.clicked("a", "beard"), book.clicked("a", "Male"), book.clicked("b", "beard")) == ({1}, {2}, set())


def test_each_step_is_taken_back_in_turn(book):
    book.mark("a", "beard", {1: True})
    book.mark("a", "beard", {1: True})  # nothing changes, so there is nothing to take back
    book.mark("a", "beard", {n: True for n in range(5)})
    book.mark("a", "Male", {9: True})
    assert book.undo("a", "beard") == {0: False, 2: False, 3: False, 4: False}
    assert book.undo("a", "beard") == {1: False} and book.undo("a", "beard") == {}
    assert book.clicked("a", "Male") == {9}


def test_a_step_that_fails_leaves_nothing(book):
    book.mark("a", "beard", {1: True})
    (pages,) = book._file.execute("PRAGMA page_count").fetchone()
    book._file.execute(f"PRAGMA max_page_count={pages}")  # as on a full disk
    with pytest.raises(StoreError, match="cannot be written .*full"):
        book.mark("a", "beard", {n: True for n in range(20_000)})
    assert book.clicked("a", "beard") == {1}
    book._file.execute("PRAGMA max_page_count=100000")
    book.mark("a", "beard", {2: True})
    assert book.clicked("a", "beard") == {1, 2}


def test_several_threads_may_click(book):
    def click(start):
        for n in range(start, start + 50):
            book.mark("a", "beard", {n: True})

    threads = [threading.Thread(target=click, args=(start,)) for start in (0, 50, 100, 150)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert book.clicked("a", "beard") == set(range(200))


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    """A process clicks and says each click once it is written; it is killed in the middle of it."""
    code = (
        "import sys; from pathlib import Path; from bench.feedback.page.book import Book\n"
        "book = Book(Path(sys.argv[1]))\n"
        "for n in range(10**6): book.mark('a', 'beard', {n: True}); print(n, flush=True)"
    )
    path = tmp_path / "clicks.sqlite3"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    told = [int(process.stdout.readline()) for _ in range(40)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    process.stdout.close()
    book = Book(path)
    assert set(told) <= book.clicked("a", "beard") <= {*told, told[-1] + 1}
    book.close()


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "clicks.sqlite3").write_bytes(b"not a database, but long enough to be taken for one" * 30)
    with pytest.raises(StoreError, match=r"clicks.sqlite3: cannot be used .*--out DIR"):
        Book(tmp_path / "clicks.sqlite3")


def test_clicks_on_something_else_are_refused(book):
    token = claimed(book, {"model": "vae", "feature": "slant"})
    assert claimed(book, {"model": "vae", "feature": "slant"}) == token and len(token) > 20
    with pytest.raises(UsageError, match=r"holds clicks on something else: feature slant \(not beard\). Name another folder: --out DIR"):  # fmt: skip
        claimed(book, {"model": "vae", "feature": "beard"})


def test_the_file_is_in_wal_mode(book):
    with sqlite3.connect(book.path) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()
