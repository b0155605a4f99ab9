"""The server: one process for one folder of clicks, on this machine alone unless another address is named."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from bench.errors import UsageError
from bench.feedback.page.desk import Desk
from bench.feedback.page.guard import Rules

LOCAL = ("127.0.0.1", "localhost")
EXTRA = "serve"
T = TypeVar("T")


def require_installed() -> None:
    """Raise UsageError, naming the extra, unless what the page is served with is installed."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs {error.name}, which is not installed. Install the extra '{EXTRA}': "
            f"pip install 'feature-unlearning-bench[{EXTRA}]'"
        ) from error


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one.

    Raises
    ------
    UsageError
        If the address is not this machine's, or the port is in use.
    """
    if host in ("0.0.0.0", "::", ""):
        raise UsageError(
            f"--host {host}: stands for every address. Name the one that the browser is to open, as --host 192.168.1.7"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a killed server's port is free at once
    try:
        opened.bind((host, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "in use by another program" if error.errno == errno.EADDRINUSE else "not free for you"
            raise UsageError(f"--port {port}: is {why}. Name another one, or --port 0 for any free one") from error
        raise UsageError(f"--host {host}: is not an address of this machine ({error.strerror or error})") from error
    return opened


def rules_for(host: str, frames: str = "'none'") -> Rules:
    """Return the hosts that the page answers: by the address it listens on, and on this machine by its usual names."""
    names = LOCAL if _is_local(host) else (host,)
    return Rules((*dict.fromkeys((_bracketed(host).lower(), *names)),), frames)


def address_of(opened: socket.socket) -> str:
    """Return what the browser is to open."""
    host, port = opened.getsockname()[:2]
    return f"http://{_bracketed(host)}:{port}/"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder of clicks against another server; a killed one does not hold it any more.

    Raises
    ------
    UsageError
        If another server holds it, or it cannot be written.
    """
    lock = FileLock(folder / ".serving")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: is not a folder. Name another one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"--out {folder}: another `bench serve` holds this folder. Use its page, stop it, or name another folder"
        ) from error
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be written ({error.strerror}). Name another folder") from error
    try:
        yield
    finally:
        lock.release()


def serve(desk: Desk, opened: socket.socket, rules: Rules) -> None:
    """Serve until Ctrl-C; the pictures are drawn meanwhile."""
    with _server(desk, rules) as server:
        server.run(sockets=[opened])


def serve_until_finished(desk: Desk, opened: socket.socket, rules: Rules, read: Callable[[], T]) -> T | None:
    """Serve in a thread until the clicks are done, and return what is read then; Ctrl-C stops it.

    A notebook runs an event loop in its main thread, so the server has its own.
    """
    with _server(desk, rules) as server:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
        thread.start()
        try:
            while not desk.finished.wait(0.2) and thread.is_alive():
                pass
        finally:
            server.should_exit = True
            thread.join()
        return read() if desk.finished.is_set() else None


@contextmanager
def _server(desk: Desk, rules: Rules) -> Iterator[Any]:
    """Draw the pictures ahead while a server works, and close the clicks after it."""
    import uvicorn

    from bench.feedback.page.app import app_of

    config = uvicorn.Config(
        app_of(desk, rules), log_level="error", lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    stopped = threading.Event()
    drawing = threading.Thread(target=desk.original.samples.draw_ahead, args=(stopped,), daemon=True)
    drawing.start()
    try:
        yield uvicorn.Server(config)
    finally:
        stopped.set()
        drawing.join()
        desk.book.close()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
