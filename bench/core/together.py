"""Processes of ``torchrun`` that train together: how they meet, and what the first one tells the others.

The first process (rank 0) runs the command. When one of its trainings divides a batch for the first time, it asks the
others, which wait for that. They run the same training from its beginning, and meet the first one where it waits; from
there on all do the same steps. What they say to each other goes through the store that ``torchrun`` keeps.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.errors import MachineError

LOOK = 0.1  # seconds between two looks for an order
PATIENCE = timedelta(minutes=30)  # for another process: it may read data, or compute on a slower machine

_begun = False
_team: Team | None = None


class Order(NamedTuple):
    """A training that the first process asks the others to take part in.

    Attributes
    ----------
    number : int
        From 1 on.
    work, text : str
        "module:function" to run in a separate process, and its text.
    """

    number: int
    work: str
    text: str


def launched() -> int:
    """Return how many processes ``torchrun`` has started; 1 without it."""
    agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return int(os.environ.get("WORLD_SIZE", "1")) if agent else 1


def rank() -> int:
    """Return the number of this process among those of ``torchrun``, from 0 on."""
    return int(os.environ.get("RANK", "0"))


def begin() -> None:
    """Let the trainings of this process be shared."""
    global _begun
    _begun = launched() > 1


def begun() -> bool:
    """Say whether the trainings of this process may be shared."""
    return _begun


class Board:
    """What the processes tell each other, in the store of ``torchrun``."""

    def __init__(self) -> None:
        self.store = _store("board")

    def ask(self, work: str, text: str) -> Order:
        """Ask the others to take part in a training."""
        number = int(self.store.add("asked", 1))
        self.store.set(f"order {number}", json.dumps([work, text]))
        return Order(number, work, text)

    def wait_for(self, number: int) -> Order | None:
        """Wait for an order; None if there will be none, since the command has ended."""
        while not self.store.check([f"order {number}"]):
            if self.store.check(["over"]):
                return None
            time.sleep(LOOK)
        return Order(number, *json.loads(self.store.get(f"order {number}")))

    def end(self, number: int) -> None:
        """Say that the first process has ended a training."""
        self.store.set(f"end {number}", "")

    def has_ended(self, number: int) -> bool:
        """Say whether the first process has ended a training."""
        return any(self.store.check([key]) for key in (f"end {number}", f"order {number + 1}", "over"))

    def close(self) -> None:
        """Say that the command has ended."""
        self.store.set("over", "")


@dataclass(frozen=True)
class Crew:
    """The processes that have met.

    Attributes
    ----------
    rank, size : int
        Which one this is, of how many.
    groups : tuple of ProcessGroup
        Of the main thread, and of the one that prepares the next step: each has its own order of messages.
    """

    rank: int
    size: int
    groups: tuple[Any, Any]

    @property
    def group(self) -> Any:
        """The process group of the current thread."""
        return self.groups[0 if threading.current_thread() is threading.main_thread() else 1]

    def total(self, tensor: Tensor, group: Any) -> Tensor:
        """Return the sum of all processes' tensors, which have one shape; half precision travels as float32."""
        travels = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.bool: torch.uint8}
        sent = tensor.detach().to(travels.get(tensor.dtype, tensor.dtype), memory_format=torch.contiguous_format)
        sent = sent.clone() if sent.data_ptr() == tensor.data_ptr() else sent
        try:
            torch.distributed.all_reduce(sent, group=group)
        except RuntimeError as error:
            raise MachineError(
                f"one of the {self.size} processes that train together has ended, so this training stopped. Run the "
                "same command again to resume"
            ) from error
        return sent.to(tensor.dtype)


class Team:
    """The processes that take part in one training, which meet when a batch is divided for the first time."""

    def __init__(self, order: Order) -> None:
        self.order, self.crew = order, None
        self._lock = threading.Lock()

    crew: Crew | None

    def meet(self, device: torch.device) -> Crew:
        """Wait until all are there."""
        with self._lock:
            if self.crew is None:
                if rank() == 0:
                    self.order = Board().ask(self.order.work, self.order.text)
                self.crew = _met(self.order.number, device)
            return self.crew


def team() -> Team | None:
    """Return who takes part in the training of this process; None outside a training, and without ``torchrun``."""
    return _team


def processes() -> int:
    """Return how many processes compute a training's batches now."""
    return 1 if _team is None or _team.crew is None else _team.crew.size


@contextmanager
def offered(work: str, text: str) -> Iterator[None]:
    """Let other processes take part in the training within: ``work``, which is told ``text``, runs it there."""
    if not begun():
        yield
        return
    with _teamed(Order(0, work, text)) as offer:
        try:
            yield
        finally:
            if offer.order.number:
                Board().end(offer.order.number)


@contextmanager
def joined(number: int) -> Iterator[None]:
    """Take part in the training within, which the first process has asked for."""
    with _teamed(Order(number, "", "")):
        yield


@contextmanager
def _teamed(order: Order) -> Iterator[Team]:
    global _team
    _team = found = Team(order)
    try:
        yield found
    finally:
        _team = None
        if found.crew is not None:
            torch.distributed.destroy_process_group()


def _met(number: int, device: torch.device) -> Crew:
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    size, place = launched(), rank()
    torch.distributed.init_process_group(
        backend, store=_store(f"crew {number}"), rank=place, world_size=size, timeout=PATIENCE
    )
    ahead = torch.distributed.new_group(timeout=PATIENCE)
    return Crew(place, size, (torch.distributed.group.WORLD, ahead))


def _store(name: str) -> Any:
    distributed: Any = torch.distributed
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = distributed.TCPStore(host, port, is_master=False, timeout=PATIENCE)
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return distributed.PrefixStore(f"bench {attempt} {name}", store)
