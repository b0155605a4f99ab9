"""Parse the content of requests: with limits on size, and fully checked before anything changes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs

from pydantic import Field, Strict, ValidationError
from starlette.requests import Request

from bench.api import Params
from bench.errors import wrong_fields
from bench.feedback.page.guard import LIMIT, Refused

SIZES = (50, 100, 250, 500, 5000)  # images on a page
ZOOMS = (1, 2, 3, 4)
DIGITS = 9  # of a number in a request
Number = Annotated[int, Strict(), Field(ge=0, lt=10**DIGITS)]


class Changed(Params):
    """Clicks that a script sends: tiles, and whether each is selected now."""

    token: str
    round: Number
    attribute: Number
    set: list[tuple[Number, Annotated[bool, Strict()]]] = []


@dataclass(frozen=True)
class View:
    """The page of images that is shown, and its order."""

    first: int = 0
    size: int = 100
    likely: bool = False
    zoom: int = 2

    @classmethod
    def of(cls, fields: Mapping[str, list[str]]) -> View:
        """Read the view from a query or a form; raises Refused for a value that is not offered."""
        size, zoom = one_of(fields, "size", SIZES, 100), one_of(fields, "zoom", ZOOMS, 2)
        sort = fields.get("sort", ["stream"])[-1]
        if sort not in ("stream", "likely"):
            raise Refused(400, "sort should be stream or likely.")
        first = number(fields.get("first", ["0"])[-1], "first")
        return cls(first - first % size, size, sort == "likely", zoom)

    def query(self, first: int | None = None) -> str:
        """Write it as a query, of another page if that is given."""
        sort = "likely" if self.likely else "stream"
        start = self.first if first is None else first
        return f"first={start}&size={self.size}&sort={sort}&zoom={self.zoom}"


def number(text: str, name: str) -> int:
    """Read a whole number of at most nine digits; raises Refused."""
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise Refused(400, f"{name} should be a whole number.")
    return int(text)


def one_of(fields: Mapping[str, list[str]], name: str, offered: Iterable[int], usual: int) -> int:
    """Read a number that must be one of those offered; raises Refused."""
    found = number(fields.get(name, [str(usual)])[-1], name)
    if found not in offered:
        raise Refused(400, f"{name} should be one of {', '.join(map(str, offered))}.")
    return found


def query_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a request's query."""
    return _fields(request.url.query)


async def form_of(request: Request) -> dict[str, list[str]]:
    """Return the fields of a posted form; raises Refused."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Refused(415, "A form is expected. Nothing was changed.")
    return _fields((await _body(request)).decode("utf-8", errors="replace"))


async def changed_of(request: Request) -> Changed:
    """Return what a script sent; raises Refused."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "JSON is expected. Nothing was changed.")
    try:
        return Changed.model_validate(json.loads(await _body(request)))
    except ValidationError as error:
        raise Refused(422, f"The request is not understood ({wrong_fields(error)}). Nothing was changed.") from error
    except (ValueError, RecursionError) as error:
        raise Refused(422, "The request is not JSON. Nothing was changed.") from error


def changes_of(pairs: Iterable[tuple[int, bool]], tiles: int) -> dict[int, bool]:
    """Return changes by tile; raises Refused for a tile that is not there, or named twice."""
    found: dict[int, bool] = {}
    for tile, on in pairs:
        if tile >= tiles:
            raise Refused(422, f"There is no image {tile}; this folder shows {tiles:,} so far. Nothing was changed.")
        if tile in found:
            raise Refused(422, f"Image {tile} is named twice. Nothing was changed.")
        found[tile] = on
    return found


async def _body(request: Request) -> bytes:
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > LIMIT:
            raise Refused(413, f"The request is larger than {LIMIT:,} bytes. Nothing was changed.")
    return found


def _fields(text: str) -> dict[str, Any]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=20_000)
    except ValueError as error:
        raise Refused(413, "The form has too many fields. Nothing was changed.") from error
