"""Render pages as HTML, and the messages for refused requests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bench.core.version import __version__
from bench.feedback.page.desk import Desk

HERE = Path(__file__).parent
STATIC = {
    "icon.svg": "image/svg+xml",
    "page.css": "text/css",
    "grid.js": "text/javascript",
    "run.js": "text/javascript",
}


def desk_of(request: Request) -> Desk:
    """Return what the pages share."""
    desk: Desk = request.app.state.desk
    return desk


def page(name: str, desk: Desk, status: int = 200, **shown: Any) -> Response:
    """Render a page; it is not kept by the browser, which would show old clicks."""
    running = desk.running is not None
    text = templates().get_template(name).render(desk=desk, running=running, version=__version__, **shown)
    return HTMLResponse(text, status, headers={"cache-control": "no-store"})


def answer(content: Any) -> Response:
    """Answer a script."""
    return JSONResponse(content, headers={"cache-control": "no-store"})


def go_to(address: str) -> Response:
    """Show another page after a form."""
    return RedirectResponse(address, 303)


def picture(content: bytes, *, kept: bool = True) -> Response:
    """Send a PNG file, which the browser may keep."""
    age = "private, max-age=86400, immutable" if kept else "no-store"
    return Response(content, media_type="image/png", headers={"cache-control": age})


def refused(request: Request, status: int, reason: str) -> Response:
    """Say why a request is refused: to a script as JSON, to a person as a page."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return JSONResponse({"error": reason}, status)
    return page("refused.html", desk_of(request), status, reason=reason)


def static(request: Request) -> Response:
    """Send a style sheet or a script."""
    name = request.path_params["name"]
    if name not in STATIC:
        return refused(request, 404, "This page does not exist.")
    content = (HERE / "static" / name).read_bytes()
    return Response(content, media_type=STATIC[name], headers={"cache-control": "no-cache"})


@cache
def templates() -> Environment:
    """Return the templates: what is put into them is escaped, and a name that is missing is an error."""
    found = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    found.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    found.filters["signed"] = lambda shift: f"{round(shift, 1) + 0.0:+.1f}"  # + 0.0: there is no minus zero
    return found
