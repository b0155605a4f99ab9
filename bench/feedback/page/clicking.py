"""The pages on which images are clicked."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from bench.feedback.page import views
from bench.feedback.page.desk import Desk
from bench.feedback.page.finishing import store_count
from bench.feedback.page.forms import SIZES, ZOOMS, View, changed_of, changes_of, form_of, number, query_of
from bench.feedback.page.guard import Refused, require_token
from bench.feedback.page.guess import FROM
from bench.feedback.page.layout import Round, page_of, tiles_in_all
from bench.feedback.page.outcome import labels_of


def start(request: Request) -> Response:
    """Go to the images."""
    return views.go_to("/images/0/0")


def images(request: Request) -> Response:
    """Show a page of images as a form."""
    desk, view = views.desk_of(request), View.of(query_of(request))
    round_, attribute = _place(desk, request.path_params["round"], request.path_params["attribute"])
    shown = page_of(desk.book, round_, view.first, view.size, likely=view.likely)
    if not shown and view.first:
        return views.go_to(f"{request.url.path}?{view.query(0)}")
    clicked = desk.book.clicked(round_.name, attribute)
    everything = tiles_in_all(desk.book, round_)
    return views.page(
        "images.html",
        desk,
        round=round_,
        number=request.path_params["round"],
        which=request.path_params["attribute"],
        attribute=attribute,
        view=view,
        tiles=[(tile, tile in clicked) for tile in shown],
        was=",".join(str(tile) for tile in shown if tile in clicked),
        clicked=len(clicked),
        everything=everything,
        pages=-(-everything // view.size),
        page=view.first // view.size + 1,
        last=view.first + view.size >= everything,
        looked=len(desk.book.looked(round_.name, attribute)),
        sizes=[size for size in SIZES if size == view.size or size < everything or size == min(SIZES)],
        zooms=ZOOMS,
        shape=round_.samples.generator.image_shape,
        preview_from=FROM,
    )


async def save(request: Request) -> Response:
    """Take a form: what was selected and deselected since the page was shown, and that it was looked at."""
    fields = await form_of(request)
    return await run_in_threadpool(_save, request, fields)


def _save(request: Request, fields: dict[str, list[str]]) -> Response:
    desk = views.desk_of(request)
    require_token(fields.get("token", [""])[-1], desk.token)
    round_, attribute = _place(desk, request.path_params["round"], request.path_params["attribute"])
    view, action = View.of(fields), fields.get("action", ["stay"])[-1]
    tiles = len(desk.book.tiles(round_.name))
    marked = changes_of(((number(text, "tile"), True) for text in fields.get("tile", [])), tiles).keys()
    listed = fields.get("was", [""])[-1]
    was = changes_of(((number(text, "was"), True) for text in listed.split(",") if text), tiles).keys()
    page = range(view.first, min(view.first + view.size, tiles))
    if outside := [tile for tile in {*marked, *was} if tile not in page]:
        raise Refused(422, f"Image {outside[0]} is not on this page. Nothing was changed.")
    desk.book.mark(round_.name, attribute, {tile: tile in marked for tile in marked ^ was})
    if action == "undo":
        desk.book.undo(round_.name, attribute)
    elif action in ("next", "done"):
        desk.book.look(round_.name, attribute, page)
    if action == "done" or (action == "next" and view.first + view.size >= tiles_in_all(desk.book, round_)):
        if request.path_params["round"] == 0:
            return views.go_to("/finish")
        store_count(desk)
        return views.go_to("/run")
    return views.go_to(f"{request.url.path}?{view.query(view.first + view.size if action == 'next' else None)}")


async def click(request: Request) -> Response:
    """Take clicks that a script sends; they are on the disk when it is answered."""
    changed = await changed_of(request)

    def work() -> Response:
        desk = views.desk_of(request)
        require_token(changed.token, desk.token)
        round_, attribute = _place(desk, changed.round, changed.attribute)
        changes = changes_of(changed.set, len(desk.book.tiles(round_.name)))
        desk.book.mark(round_.name, attribute, changes)
        return views.answer({"selected": len(desk.book.clicked(round_.name, attribute))})

    return await run_in_threadpool(work)


async def undo(request: Request) -> Response:
    """Take back the last step, for a script."""
    changed = await changed_of(request)

    def work() -> Response:
        desk = views.desk_of(request)
        require_token(changed.token, desk.token)
        round_, attribute = _place(desk, changed.round, changed.attribute)
        back = desk.book.undo(round_.name, attribute)
        selected = len(desk.book.clicked(round_.name, attribute))
        return views.answer({"set": sorted(back.items()), "selected": selected})

    return await run_in_threadpool(work)


def state(request: Request) -> Response:
    """Return the selected tiles to a script: another tab may have changed them."""
    desk = views.desk_of(request)
    round_, attribute = _place(desk, request.path_params["round"], request.path_params["attribute"])
    clicked = sorted(desk.book.clicked(round_.name, attribute))
    return views.answer({"clicked": clicked, "selected": len(clicked)})


def tile(request: Request) -> Response:
    """Send the picture of a tile, which does not tell whether the sample was shown before."""
    desk = views.desk_of(request)
    round_ = desk.round(request.path_params["round"])
    tiles, wanted = desk.book.tiles(round_.name), request.path_params["tile"]
    if wanted >= len(tiles):
        raise Refused(404, "This image does not exist.")
    return views.picture(round_.samples.picture(tiles[wanted][0]))


def preview(request: Request) -> Response:
    """Show what the direction of the clicks so far would change, before anything is trained."""
    desk = views.desk_of(request)
    name = "preview_part.html" if query_of(request).get("part") else "preview.html"
    found, positives = desk.preview(), labels_of(desk.book, desk.original, unfinished=True).positives
    return views.page(name, desk, found=found, positives=positives, preview_from=FROM)


def preview_picture(request: Request) -> Response:
    """Send a picture of the preview."""
    found, kind, place = views.desk_of(request).preview(), request.path_params["kind"], request.path_params["place"]
    pictures = [] if found is None else (found[1].clicked, found[1].changed)[min(kind, 1)]
    if place >= len(pictures):
        raise Refused(404, "This image does not exist.")
    return views.picture(pictures[place], kept=False)


def _place(desk: Desk, round_number: int, attribute_number: int) -> tuple[Round, str]:
    round_ = desk.round(round_number)
    return round_, desk.attribute(round_, attribute_number)
