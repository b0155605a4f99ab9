"""Messages between two processes: plain values as JSON, arrays as bytes. Nothing is unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Message:
    """A message from one process to another."""

    kind: str
    content: Any = None
    arrays: tuple[NDArray[Any], ...] = ()


class Channel:
    """One end of a connection. Only the process that opened it sends: a fork of it is silent."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._owner = os.getpid()

    def send(self, kind: str, content: Any = None, arrays: Sequence[NDArray[Any]] = ()) -> None:
        """Send a message; raises OSError if the other end has gone."""
        if os.getpid() != self._owner:
            return
        solid = [np.ascontiguousarray(array) for array in arrays]
        described = [[array.dtype.str, array.shape] for array in solid]
        self.connection.send_bytes(json.dumps([kind, content, described]).encode())
        for array in solid:
            self.connection.send_bytes(array.data.cast("B") if array.size else b"")

    def receive(self) -> Message:
        """Wait for a message; raises EOFError if the other end has gone."""
        kind, content, described = json.loads(self.connection.recv_bytes())
        return Message(kind, content, tuple(self._array(dtype, shape) for dtype, shape in described))

    def _array(self, dtype: str, shape: list[int]) -> NDArray[Any]:
        array = np.frombuffer(bytearray(self.connection.recv_bytes()), np.dtype(dtype))  # a bytearray can be written to
        return array.reshape(shape)
