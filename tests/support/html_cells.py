"""The cells of an HTML table."""

from __future__ import annotations

from html.parser import HTMLParser


class Cells(HTMLParser):
    """Collect the text of every cell of an HTML table."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.open = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag in ("td", "th", "caption"):
            self.open = ""

    def handle_data(self, data):
        if self.open is not None:
            self.open += data

    def handle_endtag(self, tag):
        if tag in ("td", "th", "caption"):
            self.cells.append(self.open.strip())
            self.open = None
