"""Files that would take long to read or fill the memory, by kind: what each is, and its bytes."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from hashlib import sha256

import torch

from bench.core.code_hash import digest

DEEP, LONG = 1_000_000, 5_000_000


def _sealed(content: dict) -> bytes:
    return json.dumps({**content, "sha256": digest(content)}).encode()


def _json() -> dict[str, Callable[[], bytes]]:
    return {
        "nested": lambda: b"[" * DEEP,
        "nested objects": lambda: b'{"a":' * DEEP,
        "a long number": lambda: b'{"seed": ' + b"9" * LONG + b"}",
        "many keys, one twice": lambda: b"{" + b",".join(b'"k%d": 1' % (i % 199_999) for i in range(200_000)) + b"}",
        "many wrong fields": lambda: _sealed({f"k{i}": i for i in range(200_000)}),
    }


def _safetensors(header: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header


def _many_tensors() -> bytes:
    return json.dumps({f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(50_000)}).encode()


def _huge_tensor() -> bytes:
    return json.dumps({"a": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}).encode()


def _checkpoint(data: bytes) -> bytes:
    return sha256(data).hexdigest().encode() + data


def _pickled(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Runs:
    """Pickled, it asks for a command to be run."""

    def __reduce__(self):
        import os

        return os.system, ("touch was-run",)


def _png(side: int) -> bytes:
    """Return a grey picture whose pixels are all black, in a file of a thousandth of its size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _zip(*members: tuple[str, int, bytes, int]) -> bytes:
    """Return an archive of members: name, method (0 stored, 8 deflated), bytes as they lie in it, size as it says."""
    body, directory = bytearray(), bytearray()
    for name, method, data, size in members:
        long = struct.pack("<HHQQ", 1, 16, size, len(data))  # zip64: sizes of more than 4 GB
        common = struct.pack("<HHHHIIIHH", 0, method, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(long))
        directory += b"PK\1\2" + struct.pack("<HH", 45, 45) + common + struct.pack("<HHHII", 0, 0, 0, 0, len(body))
        directory += name.encode() + long
        body += b"PK\3\4" + struct.pack("<H", 45) + common + name.encode() + long + data
    return bytes(body + directory) + _zip_end(len(members), len(directory), len(body))


def _zip_end(count: int, size: int, at: int) -> bytes:
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, size, at)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, at + size, 1)
    return record + locator + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def _ten_gigabytes(name: str) -> bytes:
    """Return an archive with one member of 10 GB of zeros, deflated a thousandfold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(bytes(10**6)) + packer.flush(zlib.Z_FULL_FLUSH)
    return _zip((name, 8, first * 10_000 + packer.flush(), 10**10))


def _many_members(count: int) -> bytes:
    """Return an archive whose list names so many empty members."""
    head, rest = struct.pack("<HHHHHHIIII", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(CELL) + 8), struct.pack("<HHHHII", 0, 0, 0, 0, 0, 0)  # fmt: skip
    list_of = b"".join(b"PK\1\2%s%s%s/%07d" % (head[:-2], rest, CELL.encode(), i) for i in range(count))
    return list_of + _zip_end(count, len(list_of), 0)


CELL = f"ours-vae-thickness-s0-{'0' * 16}"
HOSTILE: dict[str, dict[str, Callable[[], bytes]]] = {
    "record": _json(),
    "feedback": {
        **_json(),
        "many clicks": lambda: json.dumps({"format": "bench-feedback/1", "positive": [0] * 1_000_000}).encode(),
    },
    "suite": {
        "nested lists": lambda: b"a = " + b"[" * DEEP,
        "dotted keys": lambda: b".".join([b"a"] * DEEP) + b" = 1",
        "many tables": lambda: b"\n".join(b"[models.m%d]\ndataset = 3" % i for i in range(20_000)),
        "a long number": lambda: b"a = " + b"9" * LONG,
    },
    "weights": {
        "a header of exabytes": lambda: _safetensors(b"{}", 2**62),
        "many tensors": lambda: _safetensors(_many_tensors()),
        "a tensor of terabytes": lambda: _safetensors(_huge_tensor()),
        "a pickle with code": lambda: _pickled({"a": Runs()}),
    },
    "checkpoint": {
        "a pickle with code": lambda: _checkpoint(_pickled({"a": Runs()})),
    },
    "columns": {"zeros": lambda: bytes(10**7), "10 GB in one array": lambda: _ten_gigabytes("f_latents.npy")},
    "archive": {
        "a result of 10 GB": lambda: _ten_gigabytes(f"{CELL}/result.json"),
        "another file of 10 GB": lambda: _ten_gigabytes(f"{CELL}/losses.csv"),
        "a million members": lambda: _many_members(1_000_000),
        "a hundred thousand members": lambda: _many_members(100_000),
        "archives in archives": lambda: _zip((f"{CELL}/result.json", 0, inner := _ten_gigabytes("a"), len(inner))),
    },
    "foreign": {
        "a tensor of 10 GB": lambda: _ten_gigabytes("archive/data.pkl"),
        "a million members": lambda: _many_members(1_000_000),
    },
    "idx": {
        "dimensions of exabytes": lambda: struct.pack(">BBBB3I", 0, 0, 8, 3, 2**31, 2**31, 2**31),
        "many dimensions": lambda: struct.pack(">BBBB", 0, 0, 8, 255) + bytes(4 * 255),
    },
    "png": {
        "12,000 x 12,000 pixels": lambda: _png(12_000),
        "half as many": lambda: _png(8_000),
        "a header alone": lambda: _png(4)[:33],
    },
}
