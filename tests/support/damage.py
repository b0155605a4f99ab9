"""What becomes of a file that is damaged: an error that names it, the same content, or, which must not be, another."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from file_kinds import FileKind

from bench.core import machine
from bench.errors import BenchError


def damaged(content: bytes, flips: int, truncations: int, draw: random.Random) -> Iterator[bytes]:
    """Yield copies of a file, each with one flipped bit, and then copies that end too early."""
    for _ in range(flips):
        bit = draw.randrange(8 * len(content))
        copy = bytearray(content)
        copy[bit // 8] ^= 1 << bit % 8
        yield bytes(copy)
    for _ in range(truncations):
        yield content[: draw.randrange(len(content))]


def outcome(kind: FileKind, path: Path, sound: Any) -> str:
    """Return "error" or "same", or "other" for content that is not that of the sound file; other errors are raised."""
    try:
        return "same" if kind.read(path) == sound else "other"
    except kind.internal:
        return "error"
    except BenchError as error:
        assert path.name in str(error) and "Traceback" not in str(error), str(error)
        return "error"


def outcomes(kind: FileKind, folder: Path, flips: int, truncations: int, seed: int = 0) -> Counter[str]:
    """Damage a file of a kind so many times, and count what becomes of it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = kind.make(folder)
    content, sound = path.read_bytes(), kind.read(path)
    found: Counter[str] = Counter()
    for copy in damaged(content, flips, truncations, random.Random(seed)):
        path.unlink()
        path.write_bytes(copy)
        found[outcome(kind, path, sound)] += 1
    return found


def cost(kind: FileKind, folder: Path, content: bytes) -> tuple[str, float, float]:
    """Read hostile content in place of a sound file: what becomes of it, and the CPU seconds and MB that it takes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = kind.make(folder)
    sound = kind.read(path)  # what is imported on the way is not part of the cost
    path.write_bytes(content)
    with machine.measured() as before:
        pass
    with machine.measured() as took:
        began = time.process_time()
        found = outcome(kind, path, sound)
        seconds = time.process_time() - began
    return found, seconds, max(0.0, took["peak_memory_mb"] - before["peak_memory_mb"])
