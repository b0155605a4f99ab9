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
    "columns": {"zeros": lambda: bytes(10**7)},
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
