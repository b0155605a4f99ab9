"""The web application: its routes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.errors import BenchError
from bench.feedback.page import clicking, finishing, views
from bench.feedback.page.desk import Desk
from bench.feedback.page.guard import Guard, Refused, Rules

IMAGES = "/images/{round:int}/{attribute:int}"


def app_of(desk: Desk, rules: Rules) -> Starlette:
    """Build the application for one folder of clicks."""
    routes = [
        Route("/", clicking.start),
        Route("/static/{name}", views.static),
        Route(IMAGES, clicking.images),
        Route(IMAGES, clicking.save, methods=["POST"]),
        Route("/clicks", clicking.click, methods=["POST"]),
        Route("/undo", clicking.undo, methods=["POST"]),
        Route("/state/{round:int}/{attribute:int}", clicking.state),
        Route("/tile/{round:int}/{tile:int}.png", clicking.tile),
        Route("/preview", clicking.preview),
        Route("/preview/{kind:int}/{place:int}.png", clicking.preview_picture),
        Route("/finish", finishing.finish),
        Route("/finish", finishing.write, methods=["POST"]),
        Route("/feedback.json", finishing.download),
    ]
    if desk.running is not None:
        routes += [
            Route("/run", finishing.run),
            Route("/run/state", finishing.run_state),
            Route("/run/stop", finishing.stop, methods=["POST"]),
            Route("/run/left", finishing.count_left, methods=["POST"]),
            Route("/run/weights", finishing.weights),
            Route("/run/grid.png", finishing.grid),
        ]
    handlers = {Refused: _refused, BenchError: _failed, HTTPException: _not_there}
    app = Starlette(routes=routes, middleware=[Middleware(Guard, rules=rules)], exception_handlers=handlers)
    app.state.desk = desk
    return app


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return views.refused(request, error.status, error.reason)


def _failed(request: Request, error: Exception) -> Response:
    """Show an error that the person can mend: a full disk, for instance."""
    return views.refused(request, 500, str(error))


def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    wrong = {404: "This page does not exist.", 405: "This page does not accept such a request. Nothing was changed."}
    return views.refused(request, error.status_code, wrong.get(error.status_code, str(error.detail)))
