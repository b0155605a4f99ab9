"""A served page, and how a test talks to it."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def content(self):
        return json.loads(self.text)


@dataclass
class Site:
    """A served page, and how a test talks to it."""

    desk: object
    port: int

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=None, **headers):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        link.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        found = link.getresponse()
        answer = Answer(
            found.status, {k.lower(): v for k, v in found.getheaders()}, found.read().decode("utf-8", "replace")
        )
        link.close()
        return answer

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def click(self, *pairs, token=None, attribute=0, round=0, **headers):
        said = {"token": token or self.desk.token, "round": round, "attribute": attribute, "set": list(pairs)}
        return self.ask("POST", "/clicks", json.dumps(said), **{"content_type": "application/json", **headers})

    def form(self, path, token=None, **fields):
        said = urlencode({"token": token or self.desk.token, **fields}, doseq=True)
        return self.ask("POST", path, said, content_type="application/x-www-form-urlencoded")

    def clicked(self, attribute="thickness"):
        return self.desk.book.clicked("original", attribute)


@contextmanager
def running(desk):
    """Serve a desk in a thread."""
    from bench.feedback.page import serving

    listening = serving.listening("127.0.0.1", 0)
    with serving._server(desk, serving.rules_for("127.0.0.1")) as server:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield Site(desk, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
