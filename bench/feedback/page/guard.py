"""Refuse requests for other hosts, from other sites, or too large, before anything reads them."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

LIMIT = 1 << 20  # bytes of a request's body
Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class Refused(Exception):
    """A refused request, with the status of the answer and the message for the person."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Rules:
    """The hosts that the page answers.

    Attributes
    ----------
    hosts : sequence of str
        What the header Host may say, in lower case, without the port.
    frames : str
        Whose pages may hold this one in a frame, as in a Content-Security-Policy.
    """

    hosts: Sequence[str]
    frames: str = "'none'"

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of every answer: the browser loads nothing from elsewhere, and runs only our own files."""
        policy = (
            "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
            f"form-action 'self'; base-uri 'none'; frame-ancestors {self.frames}"
        )
        said = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }
        return [(name.encode(), value.encode()) for name, value in said.items()]


class Guard:
    """Stands before the pages.

    Parameters
    ----------
    app : ASGI application
    rules : Rules
    """

    def __init__(self, app: App, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self.rules.headers]
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (refused := self._refused(scope)) is not None:
            await _answer(refused, with_headers)
        else:
            await self.app(scope, receive, with_headers)

    def _refused(self, scope: Message) -> Refused | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, length = headers.get("host", ""), headers.get("content-length", "0")
        name, port = _divided(host)
        if name not in self.rules.hosts:
            address = self.rules.hosts[0] + (port or _port_of(scope))
            return Refused(400, f"This page is not served under that name. Open http://{address} instead.")
        if not length.isdecimal() or int(length) > LIMIT:
            return Refused(413, f"The request is larger than {LIMIT:,} bytes. Nothing was changed.")
        if scope["method"] == "POST":
            origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
            if origin not in (None, f"http://{host}") or site not in ("same-origin", "none"):
                return Refused(403, "The request comes from another site. Nothing was changed.")
        return None


def require_token(given: object, token: str) -> None:
    """Raise Refused unless a request holds the token of the form."""
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), token.encode()):
        raise Refused(403, "The form is not one of this page. Reload the page, and try again. Nothing was changed.")


def _divided(host: str) -> tuple[str, str]:
    """Return the name in a Host header, and its port with the colon, "" if it has none."""
    name, _, port = host.lower().rpartition(":")
    return (name, f":{port}") if port.isdecimal() and name else (host.lower(), "")


def _port_of(scope: Message) -> str:
    """Return the port that the server listens on, with a colon."""
    server = scope.get("server")  # None, or a socket's file without a port, for some servers
    return f":{server[1]}" if server and server[1] else ""


async def _answer(refused: Refused, send: Callable[[Message], Awaitable[None]]) -> None:
    body = refused.reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
